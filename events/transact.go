package events

import (
	"context"
	"errors"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
)

// attempts bounds how often Transact decides anew after a conflict.
const attempts = 8

// Transact is the one way to write where rules span a stream: it loads the
// stream's state, lets decide turn it into facts, and appends them at the
// revision read; on a conflict it starts over, a bounded number of times. No
// facts means nothing to do. The events returned are those written, or those
// that the first request with the same idempotency key wrote.
//
// Errors: decide's, ErrConflict when the stream never stood still,
// ErrKeyReused, and those of the Journal.
func Transact[S any](ctx context.Context, states *States[S], stream string, cause Cause, decide func(S) ([]Fact, error)) ([]Event, error) {
	written, _, err := TransactThen(ctx, states, stream, cause, decide, nil)
	return written, err
}

// TransactThen is Transact with a consequence, as AppendEachThen has: an error
// that comes with events is that of the consequence alone. Of a repeat it makes
// sure that it has happened.
func TransactThen[S any](ctx context.Context, states *States[S], stream string, cause Cause, decide func(S) ([]Fact, error), then Consequence) (written, led []Event, err error) {
	written, led, first, err := transact(ctx, states, stream, cause, decide, then)
	if !first && err == nil && then != nil && len(written) > 0 {
		led, err = states.journal.lead(ctx, written, then)
	}
	return written, led, err
}

// transact tells whether the events were written just now, and the consequence
// with them.
func transact[S any](ctx context.Context, states *States[S], stream string, cause Cause, decide func(S) ([]Fact, error), then Consequence) (written, led []Event, first bool, err error) {
	for attempt := 1; ; attempt++ {
		if cause.IdempotencyKey != "" {
			if events, found, err := repeated(ctx, states, stream, cause, decide); found || err != nil {
				return events, nil, false, err
			}
		}
		var facts []Fact
		last, err := states.With(ctx, stream, func(state S) (err error) {
			facts, err = decide(state)
			return err
		})
		if err != nil || len(facts) == 0 {
			written, err := afterAll(ctx, states, stream, cause, decide, err)
			return written, nil, false, err
		}
		written, led, err := states.append(ctx, stream, last, cause, facts, then)
		if errors.Is(err, ErrConflict) && attempt < attempts {
			continue
		}
		return written, led, true, err
	}
}

// afterAll is what a decision comes to that found nothing to do, or was
// refused: the first request with the same key may have been carried out since
// repeated looked for it, and be the reason.
func afterAll[S any](ctx context.Context, states *States[S], stream string, cause Cause, decide func(S) ([]Fact, error), refusal error) ([]Event, error) {
	if cause.IdempotencyKey != "" {
		if events, found, err := repeated(ctx, states, stream, cause, decide); found || err != nil {
			return events, err
		}
	}
	return nil, refusal
}

// repeated looks for the events of an earlier request with the same key. To
// tell a repeat from a reuse it decides again on the state the first one saw.
func repeated[S any](ctx context.Context, states *States[S], stream string, cause Cause, decide func(S) ([]Fact, error)) ([]Event, bool, error) {
	first := KeyedID(cause.Actor, cause.IdempotencyKey)
	state := states.start()
	for event, err := range states.journal.History(ctx, stream, 0) {
		if err != nil {
			return nil, false, err
		}
		if event.ID != first {
			state = states.evolve(state, event)
			continue
		}
		facts, err := decide(state)
		if err != nil || len(facts) == 0 {
			return nil, true, ErrKeyReused
		}
		asked := make([]Event, len(facts))
		for i, id := range cause.ids(len(facts), states.journal.NewID) {
			asked[i].ID, asked[i].Fact = id, facts[i]
		}
		events, err := states.journal.readBack(ctx, stream, event.Revision, asked)
		return events, true, err
	}
	return nil, false, nil
}

// States keeps the folded states of recently used streams of one kind, so that
// a decision reads only what was appended since the last one.
type States[S any] struct {
	journal *Journal
	start   func() S
	evolve  func(S, Event) S
	recent  *lru.Cache[string, *folded[S]]
}

// folded is a stream's state after the events before revision next.
type folded[S any] struct {
	mu    sync.Mutex
	state S      // guarded by mu
	next  uint64 // guarded by mu
}

// NewStates makes a cache of at most capacity streams. evolve may change the
// state it is given. It must not look at personal values: they are sealed in
// what is read, and open in what was just written.
func NewStates[S any](journal *Journal, capacity int, start func() S, evolve func(S, Fact) S) *States[S] {
	return NewStatesOfEvents(journal, capacity, start, func(state S, event Event) S { return evolve(state, event.Fact) })
}

// NewStatesOfEvents is NewStates for states that depend on when something
// happened, or on its revision.
func NewStatesOfEvents[S any](journal *Journal, capacity int, start func() S, evolve func(S, Event) S) *States[S] {
	recent, err := lru.New[string, *folded[S]](capacity)
	if err != nil {
		panic(err) // capacity is a positive constant of the caller
	}
	return &States[S]{journal, start, evolve, recent}
}

// With brings a stream's state up to date and lends it to use, which must
// neither keep nor change it. It returns the stream's last revision, or
// NoStream.
func (s *States[S]) With(ctx context.Context, stream string, use func(S) error) (Expected, error) {
	f, known := s.recent.Get(stream)
	if !known {
		f = &folded[S]{state: s.start()}
	}
	if err := s.catchUp(ctx, stream, f); err != nil {
		return NoStream, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !known && f.next > 0 {
		s.recent.ContainsOrAdd(stream, f)
	}
	return Expected(f.next) - 1, use(f.state)
}

// append writes facts, and keeps the state up with them so that nobody has to
// read them.
func (s *States[S]) append(ctx context.Context, stream string, last Expected, cause Cause, facts []Fact, then Consequence) (written, led []Event, err error) {
	if then == nil {
		written, err = s.journal.Append(ctx, stream, last, cause, facts...)
	} else {
		written, led, err = s.journal.appendThen(ctx, stream, last, then, s.journal.entries(cause, facts))
	}
	if f, known := s.recent.Get(stream); known {
		f.mu.Lock()
		for _, event := range written {
			if event.Revision == f.next { // nothing is missing before it
				s.take(f, event)
			}
		}
		f.mu.Unlock()
	}
	return written, led, err
}

// take applies an event. The caller holds the lock.
func (s *States[S]) take(f *folded[S], event Event) {
	f.state = s.evolve(f.state, event)
	f.next = event.Revision + 1
}

// catchUp reads without holding the lock, since a log may be a network away;
// of several callers at once, the first to bring an event applies it.
func (s *States[S]) catchUp(ctx context.Context, stream string, f *folded[S]) error {
	f.mu.Lock()
	next := f.next
	f.mu.Unlock()
	for event, err := range s.journal.History(ctx, stream, next) {
		if err != nil {
			return err
		}
		f.mu.Lock()
		if event.Revision >= f.next {
			s.take(f, event)
		}
		f.mu.Unlock()
	}
	return nil
}
