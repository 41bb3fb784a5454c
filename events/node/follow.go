package node

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"parley/events"
)

// followed is how many events a follower takes from memory at a time.
const followed = 256

// Follow keeps the contract of events.Log. It ends with events.ErrUnavailable
// when the node is closed, and with events.ErrInvalid if the position is
// beyond the end of the log, as after a restored backup.
func (n *Node) Follow(ctx context.Context, after events.Position, filter events.Filter) iter.Seq2[events.Recorded, error] {
	return n.follow(ctx, after, func(e *events.Recorded) bool { return !hidden(e) && passes(filter, e.Stream) })
}

// FollowAll is Follow without a filter and with system events.
func (n *Node) FollowAll(ctx context.Context, after events.Position) iter.Seq2[events.Recorded, error] {
	return n.follow(ctx, after, func(*events.Recorded) bool { return true })
}

func passes(filter events.Filter, stream string) bool {
	for _, prefix := range filter.StreamPrefixes {
		if strings.HasPrefix(stream, prefix) {
			return true
		}
	}
	return len(filter.StreamPrefixes) == 0
}

// Wait returns the durable tip as soon as it is beyond a position, or the
// context's error, or events.ErrUnavailable when the node is closed.
func (n *Node) Wait(ctx context.Context, after events.Position) (events.Position, error) {
	if err := n.recent.wait(ctx, after, n.closing); err != nil {
		return events.Beginning, err
	}
	return n.Tip(), nil
}

// publish shows durable events to readers.
func (n *Node) publish(entries []entry) {
	n.plain.publish(entries, func() {
		n.tip.Store(uint64(entries[len(entries)-1].event.Position))
	})
	n.recent.add(entries)
}

func (n *Node) follow(ctx context.Context, after events.Position, match func(*events.Recorded) bool) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		f := follower{node: n, at: after, match: match, yield: yield}
		if tip := n.Tip(); after == events.End {
			f.at = tip
		} else if after > tip {
			yield(events.Recorded{}, fmt.Errorf("%w: position %d is beyond the end of the log, %d", events.ErrInvalid, after, tip))
			return
		}
		if err := f.run(ctx); err != nil {
			yield(events.Recorded{}, err)
		}
	}
}

// follower yields what is known and then waits for more, over and over.
type follower struct {
	node  *Node
	at    events.Position
	match func(*events.Recorded) bool
	yield func(events.Recorded, error) bool
}

// run ends without an error when the consumer has had enough.
func (f *follower) run(ctx context.Context) error {
	buffer := make([]events.Recorded, 0, followed)
	for {
		more, err := f.catchUp(ctx, buffer)
		if err != nil || !more {
			return err
		}
		if !f.yield(events.Recorded{Position: f.at}, nil) {
			return nil
		}
		if err := f.node.recent.wait(ctx, f.at, f.node.closing); err != nil {
			return err
		}
	}
}

// catchUp yields until the tip, from memory if it can.
func (f *follower) catchUp(ctx context.Context, buffer []events.Recorded) (more bool, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		page, remembered := f.node.recent.after(f.at, buffer[:0])
		switch {
		case !remembered:
			more, err = f.fromStore(ctx)
		case len(page) == 0:
			return true, nil
		default:
			more = f.pass(page)
		}
		if err != nil || !more {
			return false, err
		}
	}
}

func (f *follower) pass(page []events.Recorded) bool {
	for i := range page {
		if f.match(&page[i]) && !f.yield(page[i], nil) {
			return false
		}
		f.at = page[i].Position
	}
	return true
}

// fromStore yields what the store has up to the tip of this moment.
func (f *follower) fromStore(ctx context.Context) (more bool, err error) {
	tip := f.node.Tip()
	for e, err := range f.node.ScanAll(ctx, f.at+1, events.Forwards, 0) {
		if err != nil {
			return false, err
		}
		if f.match(&e) && !f.yield(e, nil) {
			return false, nil
		}
		f.at = e.Position
	}
	f.at = max(f.at, tip)
	return true, nil
}
