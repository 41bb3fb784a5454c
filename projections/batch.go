package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"parley/events"
	"parley/projections/views"
)

// batch is what one transaction applies: it is read, then prepared, then
// committed, each by its own goroutine.
type batch[T any] struct {
	events []events.Recorded
	bytes  int // of the events' data and metadata
	items  []T
	// reached is where the log was read to, events that do not matter included.
	reached views.Checkpoint
	// created is when the log took the last event.
	created time.Time
	// caughtUp says that the log had nothing more when the batch was closed.
	caughtUp bool
	// failed is why nothing can come after this batch.
	failed error
}

// unappliable is an event that a projection cannot apply.
type unappliable struct {
	event events.Recorded
	cause error
}

// errOneByOne asks for the events of a failed batch to be applied singly.
var errOneByOne = errors.New("a batch failed")

func (u *unappliable) Error() string {
	return fmt.Sprintf("event %d of %s at position %d: %v", u.event.Revision, u.event.Stream, u.event.Position, u.cause)
}

func (u *unappliable) Unwrap() error { return u.cause }

const (
	// batchesInFlight: one is read, one prepared and one committed at a time.
	batchesInFlight = 3
	// batchBytes bounds what the events of a batch take, but for the last one.
	batchBytes = 16 << 20
)

// read closes a batch when it is full, and when the log has nothing more.
func (r *runner[T]) read(ctx context.Context, reached views.Checkpoint, careful events.Position, scanned chan<- *batch[T], used <-chan *batch[T]) {
	defer close(scanned)
	b := &batch[T]{reached: reached}
	for recorded, err := range r.log.Follow(ctx, events.Position(reached.Position), r.projection.filter()) {
		b.failed = err
		if err == nil {
			b.add(recorded, r.goal.upTo)
		}
		if !b.closed(r.batchSize, careful) {
			continue
		}
		reached = b.reached
		failed, caughtUp, count := b.failed != nil, b.caughtUp, len(b.events)
		if !pass(ctx, scanned, b) || failed {
			return
		}
		if caughtUp {
			r.rest(ctx, events.Position(reached.Position), count)
		}
		b = next(reached, used)
	}
}

// A projection that has caught up lets events gather for a while before it looks
// again, if there are many: a transaction for many costs little more than one
// for a few.
const (
	// restEach is for how long it rests for each event of the batch before, so
	// that what comes alone is seen at once.
	restEach = time.Millisecond
	// restMost is for how long it rests at most.
	restMost = 50 * time.Millisecond
)

// patient is a projection to which a transaction costs more than to others.
type patient interface {
	// restMost is in place of the constant.
	restMost() time.Duration
}

// rest lets events gather after a position to which a batch of so many led,
// unless somebody waits for them.
func (r *runner[T]) rest(ctx context.Context, after events.Position, count int) {
	if r.awaited(after) {
		return
	}
	most := restMost
	if p, ok := r.projection.(patient); ok {
		most = p.restMost()
	}
	timer := time.NewTimer(min(time.Duration(count)*restEach, most))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.hurry:
	case <-ctx.Done():
	}
}

// prepare cuts a batch off before an event that cannot be prepared.
func (r *runner[T]) prepare(ctx context.Context, reached views.Checkpoint, scanned <-chan *batch[T], prepared chan<- *batch[T]) {
	defer close(prepared)
	for b := range scanned {
		count, err := r.fill(ctx, b)
		if count > 0 {
			last := &b.events[count-1]
			b.created = last.Created
			reached = views.Checkpoint{Position: uint64(last.Position), Event: uint64(last.Position)}
		}
		if err != nil {
			b.failed, b.reached, b.caughtUp = &unappliable{b.events[count], err}, reached, false
		}
		reached = b.reached
		failed := b.failed != nil
		if !pass(ctx, prepared, b) || failed {
			return
		}
	}
}

// shareEvents is how many events are worth a goroutine of their own.
const shareEvents = 256

// share is the items of a part of a batch's events.
type share[T any] struct {
	items []T
	count int // of events before the error
	err   error
}

// fill prepares a batch's events, those of a large batch on all processors,
// and returns how many there are before the first error.
func (r *runner[T]) fill(ctx context.Context, b *batch[T]) (int, error) {
	size := max(shareEvents, (len(b.events)+r.processors-1)/r.processors)
	shares := make([]share[T], 1, r.processors)
	shares[0].items = b.items
	var working sync.WaitGroup
	rest := b.events[min(size, len(b.events)):]
	for part := range slices.Chunk(rest, size) {
		shares = append(shares, share[T]{items: make([]T, 0, len(part))})
		s := &shares[len(shares)-1]
		working.Go(func() { s.fill(ctx, r.projection, part) })
	}
	shares[0].fill(ctx, r.projection, b.events[:len(b.events)-len(rest)])
	working.Wait()

	count := 0
	b.items = shares[0].items
	for i := range shares {
		if i > 0 {
			b.items = append(b.items, shares[i].items...)
		}
		count += shares[i].count
		if shares[i].err != nil {
			return count, shares[i].err
		}
	}
	return count, nil
}

func (s *share[T]) fill(ctx context.Context, p projection[T], recorded []events.Recorded) {
	for i := range recorded {
		item, matters, err := p.prepare(ctx, recorded[i])
		if err != nil {
			s.err = err
			return
		}
		s.count++
		if matters {
			s.items = append(s.items, item)
		}
	}
}

// pass hands a batch on, and tells whether the next stage took it.
func pass[T any](ctx context.Context, to chan<- *batch[T], b *batch[T]) bool {
	select {
	case to <- b:
		return true
	case <-ctx.Done():
		return false
	}
}

// add takes an event or a mark. A batch that comes to the bound is the last
// one, and holds nothing beyond it.
func (b *batch[T]) add(recorded events.Recorded, bound events.Position) {
	if bound > 0 && recorded.Position >= bound {
		b.failed = errReached
	}
	if bound > 0 && recorded.Position > bound {
		b.reached.Position = uint64(bound)
		return
	}
	b.reached.Position = uint64(recorded.Position)
	if recorded.IsMark() {
		b.caughtUp = true
		return
	}
	b.reached.Event = b.reached.Position
	b.events = append(b.events, recorded)
	b.bytes += len(recorded.Data) + len(recorded.Metadata)
}

func (b *batch[T]) closed(size int, careful events.Position) bool {
	if b.reached.Position <= uint64(careful) {
		size = 1
	}
	return b.caughtUp || b.failed != nil || len(b.events) >= size || b.bytes >= batchBytes
}

// next is an empty batch, in the memory of a used one if there is any.
func next[T any](reached views.Checkpoint, used <-chan *batch[T]) *batch[T] {
	b := &batch[T]{reached: reached}
	select {
	case old := <-used:
		clear(old.events)
		clear(old.items)
		b.events, b.items = old.events[:0], old.items[:0]
	default:
	}
	return b
}
