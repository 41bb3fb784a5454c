package node

import (
	"context"
	"fmt"
	"iter"

	"parley/events"
)

// Append keeps the contract of events.Log.
func (n *Node) Append(ctx context.Context, stream string, expected events.Expected, batch ...events.Proposed) (events.Appended, error) {
	if len(batch) == 0 {
		return events.Appended{}, fmt.Errorf("%w: no events", events.ErrInvalid)
	}
	o, err := n.Write(ctx, stream, expected, batch)
	if err != nil {
		return events.Appended{}, err
	}
	if err := o.Err(stream, expected); err != nil {
		return events.Appended{}, err
	}
	return o.appended(), nil
}

// appended is the outcome of an append as events.Log has it.
func (o Outcome) appended() events.Appended {
	return events.Appended{Position: o.Position, Revision: uint64(o.Last), Created: o.Created}
}

// Err is what events.Log calls the outcome of an append that stored nothing:
// *events.WrongRevision, ErrStreamDeleted, or nil.
func (o Outcome) Err(stream string, expected events.Expected) error {
	switch o.Status {
	case Conflict:
		return &events.WrongRevision{Stream: stream, Expected: expected, Actual: events.Expected(o.Current)}
	case Deleted:
		return streamDeleted(stream)
	}
	return nil
}

func streamDeleted(stream string) error {
	return fmt.Errorf("stream %s: %w", stream, events.ErrStreamDeleted)
}

// Read keeps the contract of events.Log. What is written after the sequence
// began is not shown.
func (n *Node) Read(ctx context.Context, stream string, from uint64, direction events.Direction, limit int) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		state, found, err := n.ReadStream(ctx, stream, from, direction, limit)
		if err == nil && state.Status == Tombstoned {
			err = streamDeleted(stream)
		}
		if err != nil {
			yield(events.Recorded{}, err)
			return
		}
		found(yield)
	}
}

// ReadAll keeps the contract of events.Log. What is written after the call is
// not shown.
func (n *Node) ReadAll(ctx context.Context, from events.Position, direction events.Direction, limit int) iter.Seq2[events.Recorded, error] {
	if direction == events.Forwards && from != events.End {
		from++
	}
	all := n.ScanAll(ctx, from, direction, 0)
	return func(yield func(events.Recorded, error) bool) {
		left := limit
		for e, err := range all {
			if err == nil && hidden(&e) {
				continue
			}
			left--
			if !yield(e, err) || left == 0 {
				return
			}
		}
	}
}

// hidden tells the system's events from the users'.
func hidden(e *events.Recorded) bool { return isSystem(e.Stream) || isSystem(e.Type) }
