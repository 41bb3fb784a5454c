package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"parley/events"
)

func TestSourceMakesEventsOfTheSizeAskedFor(t *testing.T) {
	for _, want := range []int{storedBytes, appendBytes} {
		w := newWriters(1, 1, want, 0)[0]
		seen := make(map[[16]byte]bool)
		for range 100 {
			e := w.source.event()
			if size := len(e.Data) + len(e.Metadata) + len(e.Type) + len(w.streams[0]) + len(e.ID); size != want {
				t.Fatalf("the event has %d bytes, want %d", size, want)
			}
			if e.ID.Version() != 7 || seen[e.ID] {
				t.Fatalf("the id %s has version %d, seen before: %v", e.ID, e.ID.Version(), seen[e.ID])
			}
			seen[e.ID] = true
		}
	}
}

func TestWritersShareTheStreams(t *testing.T) {
	owners := make(map[string]int)
	for i, w := range newWriters(3, 10, storedBytes, 0) {
		for _, stream := range w.streams {
			if other, taken := owners[stream]; taken {
				t.Errorf("%s is written by %d and %d", stream, other, i)
			}
			owners[stream] = i
		}
	}
	if len(owners) != 10 {
		t.Errorf("%d streams, want 10", len(owners))
	}
}

// growing is a log in memory that keeps how many events each stream has.
type growing map[string]uint64

func (g growing) Append(_ context.Context, stream string, _ events.Expected, batch ...events.Proposed) (events.Appended, error) {
	g[stream] += uint64(len(batch))
	return events.Appended{Revision: g[stream] - 1}, nil
}

func TestFillWritesAsManyEventsAsAskedFor(t *testing.T) {
	for _, count := range []int{1, fillBatch, 3*fillBatch + 7} {
		log, writers := growing{}, newWriters(1, 4, storedBytes, 0)
		if err := fill(t.Context(), log, writers, count, progress{}); err != nil {
			t.Fatal(err)
		}
		if got := acknowledged(writers); got != count {
			t.Errorf("%d events, want %d", got, count)
		}
	}
}

func TestFileLogCountsItsRecords(t *testing.T) {
	var open closers
	defer func() {
		if err := open.close(); err != nil {
			t.Error(err)
		}
	}()
	log, err := openFileLog(t.Context(), filepath.Join(t.TempDir(), "log"), &open)
	if err != nil {
		t.Fatal(err)
	}
	w := newWriters(1, 1, appendBytes, 0)[0]
	w.blind = true
	for range 3 {
		if err := w.write(t.Context(), log, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.verify(3); err != nil {
		t.Error(err)
	}
	if err := log.verify(4); err == nil {
		t.Error("a record that is not there was counted")
	}
}

func TestSizes(t *testing.T) {
	for most, want := range map[int]string{
		500: "[500]", 10_000: "[10000]", 12_000: "[10000 12000]", 1_000_000: "[10000 100000 1000000]",
	} {
		if got := fmt.Sprint(sizes(most)); got != want {
			t.Errorf("up to %d: %s, want %s", most, got, want)
		}
	}
}

func TestCurveIsRelativeToTheSmallLogAndTheFirstPoint(t *testing.T) {
	curve := &Curve{Points: []Point{{Events: 10, DiskPerEvent: 200, Memory: 1 << 20}, {Events: 100, DiskPerEvent: 300, Memory: 3 << 20}}}
	for i := range curve.Points {
		p := &curve.Points[i]
		for _, q := range []*Paired{&p.Start, &p.Append, &p.P99, &p.CPU, &p.SendP99, &p.SendCPU} {
			q.add(float64(1+i), 1)
			q.add(float64(2*(1+i)), 1)
		}
	}
	curve.finish()
	if last := curve.Points[1]; last.P99.Ratio != 3 || last.CPU.Ratio != 3 || last.DiskRatio != 1.5 || last.MemoryRatio != 3 {
		t.Errorf("the last point is %+v", last)
	}
	var table strings.Builder
	if err := (&Report{Benchmark: "size", Curve: curve}).Table(&table); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(table.String(), "300  1.50") {
		t.Errorf("the table is\n%s", table.String())
	}
}
