package logtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"parley/events"
)

func (s *suite) testFollow() {
	s.run("CatchesUpThenGoesOn", (*suite).catchesUp)
	s.run("FromTheEnd", (*suite).followsFromTheEnd)
	s.run("Filters", (*suite).filters)
	s.run("HidesSystemEvents", (*suite).followHidesSystemEvents)
	s.run("WhileManyWrite", (*suite).followsManyWriters)
	s.run("EndsWithItsContext", func(s *suite, ctx context.Context) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		ended := s.failure(func(yield func(events.Recorded, error) bool) {
			for e, err := range s.log().Follow(ctx, s.tip(ctx), events.Filter{}) {
				if err == nil {
					stop()
				} else if !yield(e, err) {
					return
				}
			}
		})
		if !errors.Is(ended, context.Canceled) {
			s.Errorf("the follower ended with %v, want context.Canceled", ended)
		}
	})
}

// follow yields what a follower sees until done answers true, and checks that
// it sees positions in order and no mark behind an event. It may be called
// from any goroutine.
func (s *suite) follow(ctx context.Context, after events.Position, filter events.Filter, done func(events.Recorded) bool) []events.Recorded {
	s.Helper()
	var found []events.Recorded
	at := after
	if after == events.End {
		at = events.Beginning
	}
	for e, err := range s.log().Follow(ctx, after, filter) {
		if err != nil {
			s.Errorf("the follower ended after %d events: %v", len(found), err)
			break
		}
		if e.IsMark() && e.Position < at {
			s.Errorf("a mark at %d after position %d", e.Position, at)
		}
		if !e.IsMark() && e.Position <= at {
			s.Errorf("an event at %d after position %d", e.Position, at)
		}
		at = e.Position
		found = append(found, e)
		if done(e) {
			break
		}
	}
	return found
}

func withoutMarks(found []events.Recorded) []events.Recorded {
	return slices.DeleteFunc(slices.Clone(found), events.Recorded.IsMark)
}

func prefix(names ...string) events.Filter { return events.Filter{StreamPrefixes: names} }

func (s *suite) catchesUp(ctx context.Context) {
	after := s.tip(ctx)
	stream, batch := newStream(), propose(40)
	known := s.append(ctx, stream, events.NoStream, batch[:30]...)
	caughtUp := false
	found := s.follow(ctx, after, prefix(stream), func(e events.Recorded) bool {
		switch {
		case e.IsMark() && !caughtUp:
			caughtUp = true
			if e.Position < known.Position {
				s.Errorf("caught up at %d, before %d", e.Position, known.Position)
			}
			s.append(ctx, stream, events.At(29), batch[30:]...)
		case !e.IsMark() && !caughtUp && e.Revision >= 30:
			s.Error("an event to come was yielded before the caught-up mark")
		}
		return e.Revision == 39
	})
	s.same(withoutMarks(found), stream, 0, batch)

	var places []events.Position
	for _, e := range withoutMarks(found) {
		places = append(places, e.Position)
	}
	for _, i := range []int{0, 17, 38} {
		rest := s.follow(ctx, places[i], prefix(stream), func(e events.Recorded) bool { return e.Revision == 39 })
		s.same(withoutMarks(rest), stream, uint64(i+1), batch[i+1:])
	}
}

func (s *suite) followsFromTheEnd(ctx context.Context) {
	stream, batch := newStream(), propose(6)
	s.append(ctx, stream, events.NoStream, batch[:3]...)
	caughtUp := false
	found := s.follow(ctx, events.End, prefix(stream), func(e events.Recorded) bool {
		if e.IsMark() && !caughtUp {
			caughtUp = true
			s.append(ctx, stream, events.At(2), batch[3:]...)
		}
		return e.Revision == 5
	})
	s.same(withoutMarks(found), stream, 3, batch[3:])
}

func (s *suite) filters(ctx context.Context) {
	after := s.tip(ctx)
	one, other, unwanted := newStream(), newStream(), newStream()
	batch := propose(3)
	s.append(ctx, unwanted, events.NoStream, propose(3)...)
	s.append(ctx, one, events.NoStream, batch...)
	s.append(ctx, unwanted, events.Any, propose(3)...)
	s.append(ctx, other, events.NoStream, batch...)
	last := s.append(ctx, unwanted, events.Any, propose(3)...)

	found := s.follow(ctx, after, prefix(one, other), func(e events.Recorded) bool {
		return e.IsMark() && e.Position >= last.Position
	})
	s.same(of(one, found), one, 0, batch)
	s.same(of(other, found), other, 0, batch)
	if len(of(unwanted, found)) > 0 {
		s.Error("events that the filter excludes were yielded")
	}
}

func (s *suite) followHidesSystemEvents(ctx context.Context) {
	after := s.tip(ctx)
	stream, batch, system := newStream(), propose(3), "$"+newStream()
	batch[1].Type = "$" + batch[1].Type
	s.append(ctx, system, events.NoStream, propose(2)...)
	s.append(ctx, stream, events.NoStream, batch...)
	for _, filter := range []events.Filter{{}, prefix(stream, system)} {
		for _, e := range s.follow(ctx, after, filter, func(e events.Recorded) bool { return e.ID == batch[2].ID }) {
			if e.Stream == system || e.ID == batch[1].ID {
				s.Errorf("system event %s of %s is yielded", e.Type, e.Stream)
			}
		}
	}
}

// followsManyWriters checks that followers that begin before, during and after
// a burst of writes, and one that breaks off and resumes over and over, all see
// each event once, in the log's order.
func (s *suite) followsManyWriters(ctx context.Context) {
	const each = 12
	after := s.tip(ctx)
	run := newStream()
	streams := make([]string, s.subject.Writers)
	for i := range streams {
		streams[i] = run + "-" + string(rune('a'+i%26)) + newStream()
	}
	total := each * len(streams)
	seen := make([][]events.Recorded, 4)
	var all sync.WaitGroup
	all.Go(func() { seen[0] = s.followCount(ctx, after, prefix(run), total) })
	all.Go(func() { seen[1] = s.followInPieces(ctx, after, prefix(run), total) })
	batches := s.writeAll(ctx, streams, each, func() {
		all.Go(func() { seen[2] = s.followCount(ctx, after, prefix(run), total) })
	})
	all.Wait()
	seen[3] = s.followCount(ctx, after, prefix(run), total)

	for i, stream := range streams {
		s.same(of(stream, seen[0]), stream, 0, batches[i])
	}
	seen = append(seen, slices.DeleteFunc(s.collect(s.log().ReadAll(ctx, after, events.Forwards, 0)), func(e events.Recorded) bool {
		return !strings.HasPrefix(e.Stream, run)
	}))
	for i, found := range seen {
		if !slices.EqualFunc(found, seen[0], equal) {
			s.Errorf("reader %d sees %d events, the first one %d; they differ", i, len(found), len(seen[0]))
		}
	}
}

// followCount follows until it has seen a number of events.
func (s *suite) followCount(ctx context.Context, after events.Position, filter events.Filter, count int) []events.Recorded {
	s.Helper()
	left := count
	return withoutMarks(s.follow(ctx, after, filter, func(e events.Recorded) bool {
		if !e.IsMark() {
			left--
		}
		return left == 0
	}))
}

// followInPieces sees the same, of which a new follower each time yields some,
// after the position of the last event or mark.
func (s *suite) followInPieces(ctx context.Context, after events.Position, filter events.Filter, count int) []events.Recorded {
	s.Helper()
	var found []events.Recorded
	for piece := 1; len(found) < count && ctx.Err() == nil; piece++ {
		left, missing := 1+piece%40, count-len(found)
		some := s.follow(ctx, after, filter, func(e events.Recorded) bool {
			left--
			if !e.IsMark() {
				missing--
			}
			return left == 0 || missing == 0
		})
		if len(some) == 0 {
			break
		}
		after = some[len(some)-1].Position
		found = append(found, withoutMarks(some)...)
	}
	return found
}

// writeAll appends to each stream from a goroutine of its own, one event at a
// time, and calls halfway when one of them has done half.
func (s *suite) writeAll(ctx context.Context, streams []string, each int, halfway func()) [][]events.Proposed {
	batches := make([][]events.Proposed, len(streams))
	var writers sync.WaitGroup
	for i, stream := range streams {
		batches[i] = propose(each)
		writers.Go(func() {
			for j, p := range batches[i] {
				if _, err := s.log().Append(ctx, stream, events.Expected(j-1), p); err != nil {
					s.Error(err)
				}
				if i == 0 && j == each/2 {
					halfway()
				}
			}
		})
	}
	writers.Wait()
	return batches
}
