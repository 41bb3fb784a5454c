package logtest

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/google/uuid"

	"parley/events"
)

// testAppendAll is the contract of an events.Batcher.
func (s *suite) testAppendAll() {
	s.run("ToSeveralStreams", (*suite).appendsToSeveralStreams)
	s.run("AllOrNothing", (*suite).appendsAllOrNothing)
	s.run("Repeats", (*suite).recognisesRepeatedParts)
	s.run("InvalidParts", (*suite).refusesInvalidParts)
	s.run("AtOnce", (*suite).appendsAllAtOnce)
	if s.subject.Delete != nil {
		s.run("ToADeletedStream", func(s *suite, ctx context.Context) {
			deleted, other := newStream(), newStream()
			s.append(ctx, deleted, events.NoStream, propose(2)...)
			s.subject.Delete(s.T, deleted)
			revived, beside := propose(1), propose(1)
			s.appendAll(ctx, events.Part{Stream: other, Expected: events.NoStream, Events: beside}, events.Part{Stream: deleted, Expected: events.Any, Events: revived})
			s.same(s.collect(s.log().Read(ctx, deleted, 0, events.Forwards, 0)), deleted, 2, revived)
			s.stored(ctx, other, beside...)
		})
	}
	if s.subject.Tombstone != nil {
		s.run("ToATombstonedStream", func(s *suite, ctx context.Context) {
			gone, other := newStream(), newStream()
			s.subject.Tombstone(s.T, gone)
			_, err := s.batcher().AppendAll(ctx, events.Part{Stream: other, Expected: events.Any, Events: propose(1)}, events.Part{Stream: gone, Expected: events.Any, Events: propose(1)})
			if !errors.Is(err, events.ErrStreamDeleted) {
				s.Errorf("append: %v, want ErrStreamDeleted", err)
			}
			s.stored(ctx, other)
		})
	}
}

func (s *suite) batcher() events.Batcher { return s.subject.Log.(events.Batcher) }

// appendAll writes parts that must be accepted.
func (s *suite) appendAll(ctx context.Context, parts ...events.Part) []events.Appended {
	s.Helper()
	appended, err := s.batcher().AppendAll(ctx, parts...)
	if err != nil || len(appended) != len(parts) {
		s.Fatalf("append of %d parts: %d places, %v", len(parts), len(appended), err)
	}
	return appended
}

func (s *suite) appendsToSeveralStreams(ctx context.Context) {
	first, second, third := newStream(), newStream(), newStream()
	before := propose(2)
	s.append(ctx, second, events.NoStream, before...)
	start := s.tip(ctx)
	a, b, c := propose(2), propose(1), propose(3)
	places := s.appendAll(ctx,
		events.Part{Stream: first, Expected: events.NoStream, Events: a},
		events.Part{Stream: second, Expected: events.At(1), Events: b},
		events.Part{Stream: third, Expected: events.Any, Events: c})
	s.stored(ctx, first, a...)
	s.stored(ctx, second, append(before, b...)...)
	s.stored(ctx, third, c...)
	var together []events.Recorded
	for _, e := range s.collect(s.log().ReadAll(ctx, start, events.Forwards, 0)) {
		if e.Stream == first || e.Stream == second || e.Stream == third {
			together = append(together, e)
		}
	}
	want := []struct {
		stream   string
		revision uint64
		last     int // in together
	}{{first, 1, 1}, {second, 2, 2}, {third, 2, 5}}
	if len(together) != 6 {
		s.Fatalf("%d events after the tip, want 6", len(together))
	}
	for i, place := range places {
		e := together[want[i].last]
		if place.Revision != want[i].revision || e.Stream != want[i].stream || e.Position != place.Position {
			s.Errorf("part %d was placed at %+v, and event %d is %d of %s at %d", i, place, want[i].last, e.Revision, e.Stream, e.Position)
		}
	}
}

func (s *suite) appendsAllOrNothing(ctx context.Context) {
	first, second := newStream(), newStream()
	before := propose(1)
	s.append(ctx, second, events.NoStream, before...)
	good := events.Part{Stream: first, Expected: events.NoStream, Events: propose(2)}
	bad := events.Part{Stream: second, Expected: events.At(4), Events: propose(1)}
	for _, parts := range [][]events.Part{{good, bad}, {bad, good}} {
		_, err := s.batcher().AppendAll(ctx, parts...)
		s.conflict(err, second, events.At(4), events.At(0))
		s.stored(ctx, first)
		s.stored(ctx, second, before...)
	}
	// What did not happen left nothing behind that a later append meets.
	bad.Expected = events.At(0)
	s.appendAll(ctx, good, bad)
	s.stored(ctx, first, good.Events...)
	s.stored(ctx, second, append(before, bad.Events...)...)
}

func (s *suite) recognisesRepeatedParts(ctx context.Context) {
	first, second := newStream(), newStream()
	one := events.Part{Stream: first, Expected: events.NoStream, Events: propose(2)}
	two := events.Part{Stream: second, Expected: events.Any, Events: propose(1)}
	alone := s.append(ctx, first, events.NoStream, one.Events...)
	places := s.appendAll(ctx, one, two)
	if places[0] != alone {
		s.Errorf("the repeated part is at %+v, and was at %+v", places[0], alone)
	}
	again := s.appendAll(ctx, one, two)
	if again[0] != places[0] || again[1] != places[1] {
		s.Errorf("the repeat is at %+v, want %+v", again, places)
	}
	s.stored(ctx, first, one.Events...)
	s.stored(ctx, second, two.Events...)
}

func (s *suite) refusesInvalidParts(ctx context.Context) {
	stream := newStream()
	valid := events.Part{Stream: stream, Expected: events.Any, Events: propose(1)}
	large := propose(2)
	for i := range large {
		large[i].Data, large[i].Binary = bytes.Repeat([]byte("x"), events.MaxAppendBytes/2), true
	}
	withoutID := propose(1)
	withoutID[0].ID = uuid.Nil
	for _, try := range []struct {
		name  string
		parts []events.Part
		want  error
	}{
		{"no parts", nil, events.ErrInvalid},
		{"a stream twice", []events.Part{valid, valid}, events.ErrInvalid},
		{"no events", []events.Part{valid, {Stream: newStream(), Expected: events.Any}}, events.ErrInvalid},
		{"no stream", []events.Part{valid, {Expected: events.Any, Events: propose(1)}}, events.ErrInvalid},
		{"no id", []events.Part{valid, {Stream: newStream(), Expected: events.Any, Events: withoutID}}, events.ErrInvalid},
		{"too much together", []events.Part{
			{Stream: stream, Expected: events.Any, Events: large[:1]}, {Stream: newStream(), Expected: events.Any, Events: large[1:]},
		}, events.ErrTooLarge},
	} {
		if _, err := s.batcher().AppendAll(ctx, try.parts...); !errors.Is(err, try.want) {
			s.Errorf("%s: %v, want %v", try.name, err, try.want)
		}
	}
	s.stored(ctx, stream)
}

// appendsAllAtOnce has many writers race for one revision of a stream, each
// with a stream of their own beside it: who loses has written nothing.
func (s *suite) appendsAllAtOnce(ctx context.Context) {
	contested := newStream()
	own := make([]string, s.subject.Writers)
	won := make([]bool, len(own))
	var racing sync.WaitGroup
	for i := range own {
		own[i] = newStream()
		racing.Go(func() {
			_, err := s.batcher().AppendAll(ctx,
				events.Part{Stream: own[i], Expected: events.NoStream, Events: propose(1)},
				events.Part{Stream: contested, Expected: events.NoStream, Events: propose(1)})
			won[i] = err == nil
			if err != nil && !errors.Is(err, events.ErrConflict) {
				s.Errorf("writer %d: %v", i, err)
			}
		})
	}
	racing.Wait()
	winners := 0
	for i, stream := range own {
		written := len(s.collect(s.log().Read(ctx, stream, 0, events.Forwards, 0)))
		if won[i] {
			winners++
		}
		if won[i] != (written == 1) {
			s.Errorf("writer %d was told %t and wrote %d events", i, won[i], written)
		}
	}
	if found := s.collect(s.log().Read(ctx, contested, 0, events.Forwards, 0)); winners != 1 || len(found) != 1 {
		s.Errorf("%d winners, %d events", winners, len(found))
	}
}
