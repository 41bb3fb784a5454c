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
	for attempt := 1; ; attempt++ {
		if cause.IdempotencyKey != "" {
			if events, found, err := repeated(ctx, states, stream, cause, decide); found || err != nil {
				return events, err
			}
		}
		var facts []Fact
		last, err := states.With(ctx, stream, func(state S) (err error) {
			facts, err = decide(state)
			return err
		})
		if err != nil || len(facts) == 0 {
			return afterAll(ctx, states, stream, cause, decide, err)
		}
		events, err := states.journal.Append(ctx, stream, last, cause, facts...)
		if errors.Is(err, ErrConflict) && attempt < attempts {
			continue
		}
		return events, err
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
// state it is given.
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
			f.state = s.evolve(f.state, event)
			f.next = event.Revision + 1
		}
		f.mu.Unlock()
	}
	return nil
}
