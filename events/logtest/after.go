package logtest

import (
	"context"

	"parley/events"
)

// testAfter holds events.RevisionsAfter to what a reader of the whole stream
// finds.
func (s *suite) testAfter() {
	s.run("AbsentStream", func(s *suite, ctx context.Context) {
		s.after(ctx, newStream(), events.Beginning, 0, 0)
		s.after(ctx, newStream(), s.tip(ctx), 0, 0)
	})
	s.run("EveryPosition", (*suite).everyPosition)
	if s.subject.Truncate != nil {
		s.run("HiddenBeginning", (*suite).afterTruncation)
	}
}

// after checks the revisions after one position.
func (s *suite) after(ctx context.Context, stream string, position events.Position, first, next uint64) {
	s.Helper()
	gotFirst, gotNext, err := events.RevisionsAfter(ctx, s.log(), stream, position)
	if err != nil || gotFirst != first || gotNext != next {
		s.Errorf("after position %d: revisions %d to %d, %v; want %d to %d", position, gotFirst, gotNext, err, first, next)
	}
}

// everyPosition asks after each event of streams that others stand between, as
// short as one event, and longer than what one read looks at.
func (s *suite) everyPosition(ctx context.Context) {
	for _, length := range []uint64{1, 2, 31, 32, 33, 100} {
		stream, before := newStream(), s.tip(ctx)
		for range length {
			s.append(ctx, stream, events.Any, propose(1)...)
			s.append(ctx, newStream(), events.NoStream, propose(1)...)
		}
		s.after(ctx, stream, events.Beginning, 0, length)
		s.after(ctx, stream, before, 0, length)
		for _, e := range s.collect(s.log().Read(ctx, stream, 0, events.Forwards, 0)) {
			s.after(ctx, stream, e.Position-1, e.Revision, length)
			s.after(ctx, stream, e.Position, e.Revision+1, length)
		}
		s.after(ctx, stream, s.tip(ctx), length, length)
	}
}

// afterTruncation asks for a stream whose first events are hidden: reading from
// the revision answered shows what is visible after the position.
func (s *suite) afterTruncation(ctx context.Context) {
	const length, hidden = 100, 40
	stream, before := newStream(), s.tip(ctx)
	s.append(ctx, stream, events.NoStream, propose(length)...)
	s.subject.Truncate(s.T, stream, hidden)
	visible := s.collect(s.log().Read(ctx, stream, 0, events.Forwards, 0))
	positions := []events.Position{events.Beginning, before}
	for _, e := range visible {
		positions = append(positions, e.Position)
	}
	for i, position := range positions {
		first, _, err := events.RevisionsAfter(ctx, s.log(), stream, position)
		if err != nil {
			s.Fatal(err)
		}
		found := s.collect(s.log().Read(ctx, stream, first, events.Forwards, 0))
		if want := len(visible) - max(i-1, 0); len(found) != want {
			s.Errorf("after position %d: %d events, want %d", position, len(found), want)
		}
	}
}
