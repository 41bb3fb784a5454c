// Package moving takes a log from one house to another, event by event and
// byte by byte, and proves that it arrived.
package moving

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"parley/events"
	"parley/events/node"
)

// An append carries at most so many events and bytes of the same stream.
const (
	batchEvents = 256
	batchBytes  = events.MaxAppendBytes / 2
	// pipelined bounds the appends that wait for their commit at a time.
	pipelined = 512
)

// ErrDiffers: the two logs do not hold the same events.
var ErrDiffers = errors.New("the logs differ")

// Copied is what a copy came to.
type Copied struct {
	// Events are those copied by this run, and Present those that were there
	// already.
	Events, Present uint64
	// Last is the position in the source of the last event copied.
	Last events.Position
}

// Copy appends the events of one log to another in the order of the first,
// with their ids, streams and revisions. A copy that was stopped goes on where
// it was. progress is called with the number of events copied so far.
//
// Errors: ErrDiffers if the other log holds something else, and those of both
// logs.
func Copy(ctx context.Context, from, to events.Log, progress func(uint64)) (Copied, error) {
	after, present, err := resume(ctx, from, to)
	if err != nil {
		return Copied{}, err
	}
	c := copier{to: newTarget(to), copied: Copied{Present: present, Last: after}, progress: progress}
	if err := c.run(ctx, from.ReadAll(ctx, after, events.Forwards, 0)); err != nil {
		return c.copied, err
	}
	return c.copied, nil
}

// resume finds the place in the source of the target's last event: everything
// before it is there, since events are copied in order.
func resume(ctx context.Context, from, to events.Log) (after events.Position, present uint64, err error) {
	var last events.Recorded
	for recorded, err := range to.ReadAll(ctx, events.End, events.Backwards, 1) {
		if err != nil {
			return 0, 0, fmt.Errorf("reading the target: %w", err)
		}
		last = recorded
	}
	if last.IsMark() {
		return events.Beginning, 0, nil
	}
	for recorded, err := range from.Read(ctx, last.Stream, last.Revision, events.Forwards, 1) {
		if err != nil {
			return 0, 0, fmt.Errorf("reading the source: %w", err)
		}
		if recorded.ID == last.ID {
			present, err = count(ctx, from, recorded.Position)
			return recorded.Position, present, err
		}
	}
	return 0, 0, fmt.Errorf("%w: the target's last event, %d of %s, is not in the source; copy into an empty log",
		ErrDiffers, last.Revision, last.Stream)
}

func count(ctx context.Context, log events.Log, upTo events.Position) (n uint64, err error) {
	for recorded, err := range log.ReadAll(ctx, events.Beginning, events.Forwards, 0) {
		if err != nil {
			return 0, err
		}
		if recorded.Position > upTo {
			break
		}
		n++
	}
	return n, nil
}

// copier gathers events that follow each other in one stream and appends them
// together.
type copier struct {
	to       target
	copied   Copied
	progress func(uint64)

	batch   []events.Recorded
	bytes   int
	waiting []waiting // appends on their way, the oldest first
}

type waiting struct {
	commit func() error
	events []events.Recorded
}

func (c *copier) run(ctx context.Context, source iter.Seq2[events.Recorded, error]) error {
	for recorded, err := range source {
		if err != nil {
			return fmt.Errorf("reading the source: %w", err)
		}
		size := len(recorded.Data) + len(recorded.Metadata) + len(recorded.Type)
		if len(c.batch) > 0 && (c.batch[0].Stream != recorded.Stream || len(c.batch) == batchEvents || c.bytes+size > batchBytes) {
			if err := c.send(ctx); err != nil {
				return err
			}
		}
		c.batch = append(c.batch, recorded)
		c.bytes += size
	}
	if err := c.send(ctx); err != nil {
		return err
	}
	return c.settle(0)
}

// send puts the batch on its way.
func (c *copier) send(ctx context.Context) error {
	if len(c.batch) == 0 {
		return nil
	}
	expected := events.NoStream
	if first := c.batch[0].Revision; first > 0 {
		expected = events.At(first - 1)
	}
	proposed := make([]events.Proposed, len(c.batch))
	for i, r := range c.batch {
		proposed[i] = events.Proposed{ID: r.ID, Type: r.Type, Data: r.Data, Metadata: r.Metadata, Binary: r.Binary}
	}
	commit, err := c.to.append(ctx, c.batch[0].Stream, expected, proposed)
	if err != nil {
		return c.explain(err, c.batch)
	}
	c.waiting = append(c.waiting, waiting{commit, c.batch})
	c.batch, c.bytes = nil, 0
	return c.settle(pipelined)
}

// settle waits for the oldest appends until at most so many are on their way.
func (c *copier) settle(left int) error {
	for len(c.waiting) > left {
		oldest := c.waiting[0]
		c.waiting = c.waiting[1:]
		if err := oldest.commit(); err != nil {
			return c.explain(err, oldest.events)
		}
		c.copied.Events += uint64(len(oldest.events))
		c.copied.Last = oldest.events[len(oldest.events)-1].Position
		c.progress(c.copied.Events)
	}
	return nil
}

func (c *copier) explain(err error, batch []events.Recorded) error {
	if errors.Is(err, events.ErrConflict) {
		return fmt.Errorf("%w: %w", ErrDiffers, err)
	}
	return fmt.Errorf("writing event %d of %s: %w", batch[0].Revision, batch[0].Stream, err)
}

// target takes appends in order and tells later when each was committed.
type target interface {
	append(ctx context.Context, stream string, expected events.Expected, proposed []events.Proposed) (commit func() error, err error)
}

// newTarget lets the embedded node commit many appends at once; other logs
// commit one after the other.
func newTarget(log events.Log) target {
	if n, ok := log.(*node.Node); ok {
		return nodeTarget{n}
	}
	return logTarget{log}
}

type logTarget struct{ log events.Log }

func (t logTarget) append(ctx context.Context, stream string, expected events.Expected, proposed []events.Proposed) (func() error, error) {
	_, err := t.log.Append(ctx, stream, expected, proposed...)
	return func() error { return nil }, err
}

type nodeTarget struct{ node *node.Node }

func (t nodeTarget) append(ctx context.Context, stream string, expected events.Expected, proposed []events.Proposed) (func() error, error) {
	pending, err := t.node.Submit(ctx, stream, expected, proposed)
	if err != nil {
		return nil, err
	}
	return func() error {
		outcome, err := pending.Wait(ctx)
		if err != nil {
			return err
		}
		return outcome.Err(stream, expected)
	}, nil
}
