package vault

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"
)

var text = strings.Repeat("a message of the usual length. ", 4)

func BenchmarkSeal(b *testing.B) {
	v := openVault(b, File(newPath(b)), Options{})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			seal(b, v, alice, event, text)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	v := openVault(b, File(newPath(b)), Options{})
	sealed := seal(b, v, alice, event, text)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mustOpen(b, v, alice, event, sealed, text)
		}
	})
}

// BenchmarkOpenUncached opens values of more people than are kept in memory.
func BenchmarkOpenUncached(b *testing.B) {
	v := openVault(b, File(newPath(b)), Options{Cached: 1})
	people := make([]uuid.UUID, 64)
	sealed := make([][]byte, len(people))
	for i := range people {
		people[i] = uuid.New()
		sealed[i] = seal(b, v, people[i], event, text)
	}
	for i := 0; b.Loop(); i++ {
		mustOpen(b, v, people[i%len(people)], event, sealed[i%len(people)], text)
	}
}

// BenchmarkNewPeople makes a synced key for each of many people who come at
// once.
func BenchmarkNewPeople(b *testing.B) {
	v := openVault(b, File(newPath(b)), Options{})
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := v.Seal(context.Background(), uuid.New(), event, nil); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkPseudonym(b *testing.B) {
	v := openVault(b, File(newPath(b)), Options{})
	for b.Loop() {
		v.Pseudonym("alice")
	}
}
