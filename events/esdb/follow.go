package esdb

import (
	"context"
	"iter"
	"slices"
	"strings"

	"parley/events"
)

// followAhead is how many events wait between a subscription and its consumer.
// When they are full, the server is held up and falls back to catching up.
const followAhead = 256

// Follow implements events.Log by a subscription to $all, which is taken up
// again after the last position received whenever it drops.
func (l *Log) Follow(ctx context.Context, after events.Position, filter events.Filter) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		following, cancel := context.WithCancel(ctx)
		defer cancel()
		items := make(chan item, followAhead)
		f := &follower{log: l, filter: newFilter(filter), last: after, items: items}
		go f.run(following)
		d := delivery{items: items, last: after}
		for {
			event, err := d.next(ctx, l.supervisor.ctx)
			if err != nil {
				yield(events.Recorded{}, l.fault(ctx, err))
				return
			}
			if !yield(event, nil) {
				return
			}
		}
	}
}

// item is what a subscription tells its consumer.
type item struct {
	kind itemKind
	// event is set with an appeared one; of others at most its position is.
	event events.Recorded
	err   error
}

type itemKind uint8

const (
	// appeared: an event to be yielded.
	appeared itemKind = iota
	// passed: everything up to the position was filtered out.
	passed
	// caughtUp: everything there was has been sent.
	caughtUp
	// dropped: the subscription ended and will be taken up again.
	dropped
	// failed: going on would skip or repeat events.
	failed
)

// delivery is the consumer's side of a Follow: it puts marks between events.
type delivery struct {
	items <-chan item
	// last is the position up to which all was yielded or filtered out.
	last events.Position
	// marked is last as of the latest mark, once there has been one.
	marked   events.Position
	begun    bool
	caughtUp bool
}

// next waits for what is to be yielded: an event, or a mark when all that has
// arrived was yielded and the server has sent all there was.
func (d *delivery) next(ctx, open context.Context) (events.Recorded, error) {
	for {
		received, waiting := d.poll()
		if !waiting {
			if d.markDue() {
				d.begun, d.marked = true, d.last
				return events.Recorded{Position: d.last}, nil
			}
			select {
			case received = <-d.items:
			case <-ctx.Done():
				return events.Recorded{}, ctx.Err()
			case <-open.Done():
				return events.Recorded{}, errClosed
			}
		}
		switch received.kind {
		case appeared:
			d.last = received.event.Position
			return received.event, nil
		case passed:
			d.last = received.event.Position
		case caughtUp:
			d.last, d.caughtUp = received.event.Position, true
		case dropped:
			d.caughtUp = false
		case failed:
			return events.Recorded{}, received.err
		}
	}
}

func (d *delivery) poll() (item, bool) {
	select {
	case received := <-d.items:
		return received, true
	default:
		return item{}, false
	}
}

func (d *delivery) markDue() bool {
	return d.caughtUp && (!d.begun || d.last > d.marked)
}

// prefixFilter decides what a Follow yields. Without prefixes it passes all but
// system events.
type prefixFilter struct {
	prefixes []string
}

func newFilter(filter events.Filter) prefixFilter {
	if slices.Contains(filter.StreamPrefixes, "") {
		return prefixFilter{}
	}
	return prefixFilter{prefixes: filter.StreamPrefixes}
}

func (f prefixFilter) passes(event events.Recorded) bool {
	if isSystem(event) {
		return false
	}
	if len(f.prefixes) == 0 {
		return true
	}
	return slices.ContainsFunc(f.prefixes, func(prefix string) bool {
		return strings.HasPrefix(event.Stream, prefix)
	})
}
