package esdb

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
)

// openDisk serves a node on disk and opens a log over it.
func openDisk(b *testing.B) *Log {
	n, err := node.Open(b.TempDir(), node.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { n.Close() })
	address, _ := serve(b, n, "127.0.0.1:0")
	return open(b, address, Options{})
}

func benchEvents(count int) []events.Proposed {
	batch := make([]events.Proposed, count)
	for i := range batch {
		batch[i] = events.Proposed{ID: uuid.New(), Type: "MessagePosted", Data: make([]byte, 200), Metadata: make([]byte, 100)}
	}
	return batch
}

func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			log := openDisk(b)
			var left atomic.Int64
			left.Store(int64(b.N))
			failed := make(chan error, writers)
			b.ResetTimer()
			for w := range writers {
				go func() {
					var err error
					for err == nil && left.Add(-1) >= 0 {
						_, err = log.Append(b.Context(), fmt.Sprintf("messages-%d", w), events.Any, benchEvents(1)...)
					}
					failed <- err
				}()
			}
			for range writers {
				if err := <-failed; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
		})
	}
}

// BenchmarkFollow catches up with a log.
func BenchmarkFollow(b *testing.B) {
	const count = 20_000
	log := openDisk(b)
	for range count / 100 {
		if _, err := log.Append(b.Context(), "messages-1", events.Any, benchEvents(100)...); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		seen := 0
		for event, err := range log.Follow(b.Context(), events.Beginning, events.Filter{}) {
			if err != nil {
				b.Fatal(err)
			}
			if event.IsMark() {
				break
			}
			seen++
		}
		if seen != count {
			b.Fatalf("%d events, want %d", seen, count)
		}
	}
	b.ReportMetric(float64(count)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
