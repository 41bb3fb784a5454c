package logtest

import (
	"context"
	"slices"

	"parley/events"
)

func (s *suite) testRead() {
	s.run("AbsentStream", func(s *suite, ctx context.Context) {
		for _, direction := range []events.Direction{events.Forwards, events.Backwards} {
			if found := s.collect(s.log().Read(ctx, newStream(), 0, direction, 0)); len(found) > 0 {
				s.Errorf("%d events of a stream that does not exist", len(found))
			}
		}
	})
	s.run("BothWaysFromAnywhere", (*suite).readBothWays)
	s.run("ManyEvents", func(s *suite, ctx context.Context) {
		stream := newStream()
		var all []events.Proposed
		for range 6 {
			batch := propose(250)
			s.append(ctx, stream, events.Any, batch...)
			all = append(all, batch...)
		}
		s.stored(ctx, stream, all...)
		back := s.collect(s.log().Read(ctx, stream, events.LastRevision, events.Backwards, 0))
		s.same(reversed(back), stream, 0, all)
	})
	s.run("MayStopEarlyAndBeReadAgain", func(s *suite, ctx context.Context) {
		stream, batch := newStream(), propose(5)
		s.append(ctx, stream, events.NoStream, batch...)
		sequence := s.log().Read(ctx, stream, 0, events.Forwards, 0)
		for range 2 {
			for e, err := range sequence {
				if err != nil || e.ID != batch[0].ID {
					s.Errorf("the first event is %s, %v", e.ID, err)
				}
				break
			}
		}
	})
}

func (s *suite) readBothWays(ctx context.Context) {
	const length = 10
	stream, batch := newStream(), propose(length)
	s.append(ctx, stream, events.NoStream, batch...)
	for _, from := range []uint64{0, 1, 5, 9, 10, 1 << 40} {
		for _, limit := range []int{0, 1, 3, 10, 100} {
			want := batch[min(from, length):]
			want = want[:capped(len(want), limit)]
			found := s.collect(s.log().Read(ctx, stream, from, events.Forwards, limit))
			s.same(found, stream, min(from, length), want)

			before := batch[:min(from+1, length)]
			size := capped(len(before), limit)
			want = before[len(before)-size:]
			found = s.collect(s.log().Read(ctx, stream, from, events.Backwards, limit))
			s.same(reversed(found), stream, uint64(len(before)-size), want)
		}
	}
	last := s.collect(s.log().Read(ctx, stream, events.LastRevision, events.Backwards, 2))
	s.same(reversed(last), stream, length-2, batch[length-2:])
}

// capped is how many of count events a read with a limit yields.
func capped(count, limit int) int {
	if limit == 0 {
		return count
	}
	return min(count, limit)
}

func (s *suite) testReadAll() {
	s.run("BothWays", (*suite).readAllBothWays)
	s.run("Limits", func(s *suite, ctx context.Context) {
		before := s.tip(ctx)
		s.append(ctx, newStream(), events.NoStream, propose(10)...)
		for _, limit := range []int{1, 4, 10} {
			found := s.collect(s.log().ReadAll(ctx, before, events.Forwards, limit))
			if len(found) != limit {
				s.Errorf("%d events forwards, the limit is %d", len(found), limit)
			}
			found = s.collect(s.log().ReadAll(ctx, events.End, events.Backwards, limit))
			if len(found) != limit {
				s.Errorf("%d events backwards, the limit is %d", len(found), limit)
			}
		}
	})
	s.run("TheEndsHaveNothingBeyond", func(s *suite, ctx context.Context) {
		s.append(ctx, newStream(), events.NoStream, propose(1)...)
		if found := s.collect(s.log().ReadAll(ctx, events.End, events.Forwards, 0)); len(found) > 0 {
			s.Errorf("%d events after the end", len(found))
		}
		if found := s.collect(s.log().ReadAll(ctx, events.Beginning, events.Backwards, 0)); len(found) > 0 {
			s.Errorf("%d events before the beginning", len(found))
		}
	})
	s.run("SystemEventsAreHidden", func(s *suite, ctx context.Context) {
		before := s.tip(ctx)
		stream, batch := newStream(), propose(3)
		batch[1].Type = "$" + batch[1].Type
		system := "$" + newStream()
		s.append(ctx, system, events.NoStream, propose(2)...)
		s.append(ctx, stream, events.NoStream, batch...)
		for _, e := range s.collect(s.log().ReadAll(ctx, before, events.Forwards, 0)) {
			if e.Stream == system || e.ID == batch[1].ID {
				s.Errorf("system event %s of %s is shown", e.Type, e.Stream)
			}
		}
		s.stored(ctx, stream, batch...)
	})
}

func (s *suite) readAllBothWays(ctx context.Context) {
	before := s.tip(ctx)
	one, other := newStream(), newStream()
	first, second, third := propose(3), propose(2), propose(4)
	s.append(ctx, one, events.NoStream, first...)
	middle := s.append(ctx, other, events.NoStream, second...)
	end := s.append(ctx, one, events.Any, third...)

	forwards := s.collect(s.log().ReadAll(ctx, before, events.Forwards, 0))
	s.ordered(forwards)
	s.same(of(one, forwards), one, 0, slices.Concat(first, third))
	s.same(of(other, forwards), other, 0, second)

	late := s.collect(s.log().ReadAll(ctx, middle.Position, events.Forwards, 0))
	s.same(of(one, late), one, 3, third)
	s.same(of(other, late), other, 2, nil)

	early := reversed(s.collect(s.log().ReadAll(ctx, end.Position, events.Backwards, 8)))
	s.ordered(early)
	if found := of(one, early); len(found) > 0 && found[len(found)-1].Position >= end.Position {
		s.Errorf("a backwards read shows the event it began at")
	}
	if len(forwards) == len(first)+len(second)+len(third) {
		s.same(of(other, early), other, 0, second)
	}
}
