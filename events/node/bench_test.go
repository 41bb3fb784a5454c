package node_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
)

var (
	benchData     = []byte(`{"text":"` + strings.Repeat("lorem ipsum ", 16) + `","author":"018f2d0a-7d7c-7000-8000-000000000001"}`)
	benchMetadata = []byte(`{"actor":"user-1","v":1}`)
)

// share runs b.N calls of work from a number of goroutines.
func share(b *testing.B, goroutines int, work func(goroutine, i int) error) {
	var all sync.WaitGroup
	b.ResetTimer()
	for g := range goroutines {
		all.Go(func() {
			for i := g; i < b.N; i += goroutines {
				if err := work(g, i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkAppend appends one event at a time, each synced, beside the control
// that does the least that is possible: a file to which the same bytes are
// appended in groups.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("node/%d", writers), func(b *testing.B) {
			n, err := node.Open(b.TempDir(), node.Options{})
			if err != nil {
				b.Fatal(err)
			}
			streams := make([]string, writers)
			for i := range streams {
				streams[i] = "messages-" + uuid.NewString()
			}
			share(b, writers, func(g, _ int) error {
				_, err := n.Append(b.Context(), streams[g], events.Any, events.Proposed{
					ID: uuid.Must(uuid.NewV7()), Type: "MessagePosted", Data: benchData, Metadata: benchMetadata,
				})
				return err
			})
			if err := n.Close(); err != nil {
				b.Error(err)
			}
		})
		b.Run(fmt.Sprintf("file/%d", writers), func(b *testing.B) {
			f := newGroupFile(b)
			record := make([]byte, 300)
			share(b, writers, func(int, int) error { return f.append(record) })
			f.close(b)
		})
	}
}

// groupFile is a file with group commit and nothing else.
type groupFile struct {
	file    *os.File
	appends chan groupAppend
	stopped chan struct{}
}

type groupAppend struct {
	record []byte
	done   chan error
}

func newGroupFile(b *testing.B) *groupFile {
	file, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	f := &groupFile{file: file, appends: make(chan groupAppend, 1024), stopped: make(chan struct{})}
	go f.run()
	return f
}

func (f *groupFile) run() {
	defer close(f.stopped)
	var buf []byte
	var group []groupAppend
	for a := range f.appends {
		buf, group = append(buf[:0], a.record...), append(group[:0], a)
		for waiting := len(f.appends); waiting > 0; waiting-- {
			a := <-f.appends
			buf, group = append(buf, a.record...), append(group, a)
		}
		_, err := f.file.Write(buf)
		if err == nil {
			err = f.file.Sync()
		}
		for _, a := range group {
			a.done <- err
		}
	}
}

func (f *groupFile) append(record []byte) error {
	a := groupAppend{record, make(chan error, 1)}
	f.appends <- a
	return <-a.done
}

func (f *groupFile) close(b *testing.B) {
	close(f.appends)
	<-f.stopped
	if err := f.file.Close(); err != nil {
		b.Error(err)
	}
}

// filled is a node with many events in a hundred streams.
func filled(b *testing.B, size int) *node.Node {
	b.Helper()
	n, err := node.Open(b.TempDir(), node.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := n.Close(); err != nil {
			b.Error(err)
		}
	})
	batch := make([]events.Proposed, 100)
	for i := 0; i < size; i += len(batch) {
		for j := range batch {
			batch[j] = events.Proposed{
				ID: uuid.Must(uuid.NewV7()), Type: "MessagePosted", Data: benchData, Metadata: benchMetadata,
			}
		}
		stream := fmt.Sprintf("messages-%d", i/len(batch)%100)
		if _, err := n.Append(b.Context(), stream, events.Any, batch...); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

func BenchmarkReadAll(b *testing.B) {
	const size = 300_000
	n := filled(b, size)
	for b.Loop() {
		count := 0
		for _, err := range n.ReadAll(b.Context(), events.Beginning, events.Forwards, 0) {
			if err != nil {
				b.Fatal(err)
			}
			count++
		}
		if count != size {
			b.Fatalf("%d events", count)
		}
	}
	b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkReadNewest50(b *testing.B) {
	n := filled(b, 100_000)
	for b.Loop() {
		count := 0
		for _, err := range n.Read(b.Context(), "messages-7", events.LastRevision, events.Backwards, 50) {
			if err != nil {
				b.Fatal(err)
			}
			count++
		}
		if count != 50 {
			b.Fatalf("%d events", count)
		}
	}
}
