package importer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// benchmarkImport imports a file of one message a line.
func benchmarkImport(b *testing.B, format, content string) {
	path := write(b, content)
	lines := strings.Count(content, "\n")
	total := 0
	for b.Loop() {
		b.StopTimer()
		h := newHouse(b)
		b.StartTimer()
		if result := h.mustRun(b, format, path); result.Messages != lines {
			b.Fatalf("%v of %d lines:\n%s", result, lines, result.errs)
		}
		total += lines
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "messages/s")
}

func BenchmarkOneRoom(b *testing.B) {
	var file strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&file, "tea 2019-01-02 [10:00] <n%d> message number %d of a long conversation about tea\n", i%300, i)
	}
	benchmarkImport(b, IRC, file.String())
}

// BenchmarkEdges has 15 messages to a pair and 60 to a person, as published
// networks have.
func BenchmarkEdges(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	pairs := make([][2]int, 4_000)
	for i := range pairs {
		pairs[i] = [2]int{random.IntN(500), 500 + random.IntN(500)}
	}
	var file strings.Builder
	for i := range 60_000 {
		pair := pairs[random.IntN(len(pairs))]
		fmt.Fprintf(&file, "%d %d %d\n", pair[i%2], pair[1-i%2], 1_082_040_961+i)
	}
	benchmarkImport(b, Edges, file.String())
}
