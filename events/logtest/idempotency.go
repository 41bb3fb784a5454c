package logtest

import (
	"context"
	"errors"
	"sync"

	"parley/events"
)

func (s *suite) testIdempotency() {
	s.run("RepeatsStoreNothing", func(s *suite, ctx context.Context) {
		stream := newStream()
		s.writeThree(ctx, stream).repeat(s, ctx)
	})
	s.run("KnownIdsInAnotherStreamAreNew", func(s *suite, ctx context.Context) {
		one, other, batch := newStream(), newStream(), propose(2)
		s.append(ctx, one, events.Any, batch...)
		s.append(ctx, other, events.Any, batch...)
		s.stored(ctx, other, batch...)
	})
	s.run("APartlyKnownAppendIsRefused", func(s *suite, ctx context.Context) {
		stream, batch := newStream(), propose(2)
		s.append(ctx, stream, events.Any, batch...)
		_, err := s.log().Append(ctx, stream, events.Any, batch[1], propose(1)[0])
		s.conflict(err, stream, events.Any, events.At(1))
		s.stored(ctx, stream, batch...)
	})
	s.run("ALongerRepeatIsRefused", func(s *suite, ctx context.Context) {
		stream, batch := newStream(), propose(3)
		s.append(ctx, stream, events.NoStream, batch[:2]...)
		_, err := s.log().Append(ctx, stream, events.NoStream, batch...)
		s.conflict(err, stream, events.NoStream, events.At(1))
		s.stored(ctx, stream, batch[:2]...)
	})
	s.run("ConcurrentRepeats", (*suite).concurrentRepeats)
}

// writes are three appends to one stream, made with different expectations.
type writes struct {
	stream   string
	batches  [3][]events.Proposed
	expected [3]events.Expected
	places   [3]events.Appended
}

func (s *suite) writeThree(ctx context.Context, stream string) writes {
	s.Helper()
	w := writes{
		stream:   stream,
		batches:  [3][]events.Proposed{propose(2), propose(1), propose(3)},
		expected: [3]events.Expected{events.NoStream, events.Any, events.At(2)},
	}
	for i := range w.batches {
		w.places[i] = s.append(ctx, stream, w.expected[i], w.batches[i]...)
	}
	return w
}

// repeat makes each write again, as it was made and with Any, and expects the
// first answer and no other effect.
func (w writes) repeat(s *suite, ctx context.Context) {
	s.Helper()
	for i := range w.batches {
		for _, expected := range []events.Expected{w.expected[i], events.Any} {
			if again := s.append(ctx, w.stream, expected, w.batches[i]...); again != w.places[i] {
				s.Errorf("a repeat at %s answers %+v, the first time %+v", expected, again, w.places[i])
			}
		}
	}
	var all []events.Proposed
	for _, batch := range w.batches {
		all = append(all, batch...)
	}
	s.stored(ctx, w.stream, all...)
}

// concurrentRepeats makes the same append from many goroutines.
func (s *suite) concurrentRepeats(ctx context.Context) {
	stream, batch := newStream(), propose(3)
	places := make([]events.Appended, s.subject.Writers)
	var writers sync.WaitGroup
	for i := range places {
		writers.Go(func() {
			expected := events.Any
			if i%2 == 0 {
				expected = events.NoStream
			}
			var err error
			if places[i], err = s.log().Append(ctx, stream, expected, batch...); err != nil {
				s.Errorf("repeat %d at %s: %v", i, expected, err)
			}
		})
	}
	writers.Wait()
	for _, place := range places {
		if place != places[0] {
			s.Errorf("repeats answer %+v and %+v", place, places[0])
		}
	}
	s.stored(ctx, stream, batch...)
}

func (s *suite) testReopen() {
	s.run("EverythingAcknowledgedIsThere", func(s *suite, ctx context.Context) {
		before := s.tip(ctx)
		stream, batch := newStream(), propose(20)
		repeated := s.writeThree(ctx, newStream())
		appended := s.append(ctx, stream, events.NoStream, batch...)

		s.subject.Log = s.subject.Reopen(s.T)
		s.stored(ctx, stream, batch...)
		found := of(stream, s.collect(s.log().ReadAll(ctx, before, events.Forwards, 0)))
		s.same(found, stream, 0, batch)
		repeated.repeat(s, ctx)

		_, err := s.log().Append(ctx, stream, events.NoStream, propose(1)...)
		s.conflict(err, stream, events.NoStream, events.At(19))
		next := s.append(ctx, stream, events.At(appended.Revision), propose(1)...)
		if next.Position <= appended.Position {
			s.Errorf("after the restart position %d follows %d", next.Position, appended.Position)
		}
	})
	s.run("FollowersResume", func(s *suite, ctx context.Context) {
		stream, batch := newStream(), propose(4)
		place := s.append(ctx, stream, events.NoStream, batch[:2]...)
		s.subject.Log = s.subject.Reopen(s.T)
		s.append(ctx, stream, events.At(1), batch[2:]...)
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		var found []events.Recorded
		for e, err := range s.log().Follow(ctx, place.Position, events.Filter{StreamPrefixes: []string{stream}}) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					s.Fatal(err)
				}
				break
			}
			if !e.IsMark() {
				found = append(found, e)
			}
			if len(found) == 2 {
				stop()
			}
		}
		s.same(found, stream, 2, batch[2:])
	})
}
