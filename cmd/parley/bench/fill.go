package bench

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

const (
	// storedBytes is the size of an event in a log that is filled: data,
	// metadata, type, stream and id.
	storedBytes = 400
	// fillers write at a time, fillBatch events by each append, so that
	// thousands of events share a commit.
	fillers   = 64
	fillBatch = 50
)

// fill appends so many events, shared between the writers.
func fill(ctx context.Context, log appendLog, writers []*writer, count int, shown progress) error {
	var left atomic.Int64
	left.Store(int64(count))
	group, ctx := errgroup.WithContext(ctx)
	for _, w := range writers {
		group.Go(func() error {
			for {
				before := int(left.Add(-fillBatch)) + fillBatch
				if before <= 0 {
					return nil
				}
				batch := min(before, fillBatch)
				if err := w.write(ctx, log, batch); err != nil {
					return err
				}
				shown.add(batch)
			}
		})
	}
	return group.Wait()
}
