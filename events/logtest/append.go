package logtest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

func (s *suite) testAppend() {
	s.run("ExpectedRevisions", (*suite).expectedRevisions)
	s.run("IsAtomic", func(s *suite, ctx context.Context) {
		stream, batch := newStream(), propose(50)
		appended := s.append(ctx, stream, events.NoStream, batch...)
		if appended.Revision != 49 {
			s.Errorf("the last of 50 events is at revision %d", appended.Revision)
		}
		s.stored(ctx, stream, batch...)
		_, err := s.log().Append(ctx, stream, events.At(7), propose(10)...)
		s.conflict(err, stream, events.At(7), events.At(49))
		s.stored(ctx, stream, batch...)
	})
	s.run("AnswersThePlaceOfTheLastEvent", func(s *suite, ctx context.Context) {
		stream := newStream()
		first := s.append(ctx, stream, events.NoStream, propose(3)...)
		second := s.append(ctx, stream, events.Any, propose(2)...)
		found := s.collect(s.log().Read(ctx, stream, 0, events.Forwards, 0))
		for _, a := range []events.Appended{first, second} {
			if got := found[a.Revision].Position; got != a.Position {
				s.Errorf("revision %d is at position %d, the append said %d", a.Revision, got, a.Position)
			}
			if got := found[a.Revision].Created; !a.Created.IsZero() && !got.Equal(a.Created) {
				s.Errorf("revision %d was taken at %v, the append said %v", a.Revision, got, a.Created)
			}
		}
	})
	s.run("KeepsEveryField", (*suite).keepsEveryField)
	if s.subject.Tombstone != nil {
		s.run("ToATombstonedStream", (*suite).toATombstonedStream)
	}
}

func (s *suite) toATombstonedStream(ctx context.Context) {
	stream := newStream()
	s.append(ctx, stream, events.NoStream, propose(1)...)
	s.subject.Tombstone(s.T, stream)
	for _, expected := range []events.Expected{events.Any, events.NoStream, events.StreamExists, events.At(0)} {
		if _, err := s.log().Append(ctx, stream, expected, propose(1)...); !errors.Is(err, events.ErrStreamDeleted) {
			s.Errorf("append at %s: %v, want ErrStreamDeleted", expected, err)
		}
	}
	if err := s.failure(s.log().Read(ctx, stream, 0, events.Forwards, 0)); !errors.Is(err, events.ErrStreamDeleted) {
		s.Errorf("read: %v, want ErrStreamDeleted", err)
	}
}

// expectedRevisions tries every expectation on streams of 0 and of 3 events.
func (s *suite) expectedRevisions(ctx context.Context) {
	for _, try := range []struct {
		length   int
		expected events.Expected
		accepted bool
	}{
		{0, events.NoStream, true},
		{0, events.Any, true},
		{0, events.StreamExists, false},
		{0, events.At(0), false},
		{0, events.At(5), false},
		{3, events.NoStream, false},
		{3, events.Any, true},
		{3, events.StreamExists, true},
		{3, events.At(0), false},
		{3, events.At(1), false},
		{3, events.At(2), true},
		{3, events.At(3), false},
		{3, events.At(math.MaxInt32), false},
	} {
		stream, before, batch := newStream(), propose(try.length), propose(2)
		actual := events.Expected(try.length - 1)
		if try.length > 0 {
			s.append(ctx, stream, events.NoStream, before...)
		}
		appended, err := s.log().Append(ctx, stream, try.expected, batch...)
		if try.accepted {
			if err != nil || appended.Revision != uint64(try.length+1) {
				s.Errorf("%d events, expected %s: revision %d, %v", try.length, try.expected, appended.Revision, err)
			}
			s.stored(ctx, stream, slices.Concat(before, batch)...)
			continue
		}
		s.conflict(err, stream, try.expected, actual)
		s.stored(ctx, stream, before...)
	}
}

// conflict checks that an append was refused because of its revision, with
// nothing left unsaid.
func (s *suite) conflict(err error, stream string, expected, actual events.Expected) {
	s.Helper()
	var wrong *events.WrongRevision
	if !errors.As(err, &wrong) || !errors.Is(err, events.ErrConflict) {
		s.Errorf("append at %s to a stream at %s: %v, want a *WrongRevision", expected, actual, err)
		return
	}
	if want := (events.WrongRevision{Stream: stream, Expected: expected, Actual: actual}); *wrong != want {
		s.Errorf("the conflict says %+v, want %+v", *wrong, want)
	}
}

func (s *suite) keepsEveryField(ctx context.Context) {
	stream := newStream() + "-mit Umlaut ü/@"
	batch := []events.Proposed{
		{ID: uuid.New(), Type: "Empty", Data: []byte(`{}`)},
		{ID: uuid.New(), Type: "Größe", Data: []byte(`{"a":[1,2.5,null]}`), Metadata: []byte(`{"$correlationId":"x"}`)},
		{ID: uuid.New(), Type: "Bytes", Data: []byte{0, 1, 0xff, 0}, Metadata: []byte(`{}`), Binary: true},
	}
	start := time.Now().Add(-time.Hour)
	s.append(ctx, stream, events.NoStream, batch...)
	s.stored(ctx, stream, batch...)
	for _, e := range s.collect(s.log().Read(ctx, stream, 0, events.Forwards, 0)) {
		if e.Created.Before(start) || e.Created.After(time.Now().Add(time.Hour)) {
			s.Errorf("an event of now was created at %s", e.Created)
		}
		if e.Created.Location() != time.UTC {
			s.Errorf("creation is told in %s, want UTC", e.Created.Location())
		}
	}
}

func (s *suite) testLimits() {
	s.run("Size", func(s *suite, ctx context.Context) {
		stream := newStream()
		large := propose(2)
		overhead := len(large[1].Data) + 2*len(large[0].Type) + 2*len(large[1].Type) +
			len(large[0].Metadata) + len(large[1].Metadata)
		large[0].Data, large[0].Binary = bytes.Repeat([]byte("x"), events.MaxAppendBytes-overhead), true
		s.append(ctx, stream, events.NoStream, large...)
		s.stored(ctx, stream, large...)

		tooLarge := propose(2)
		tooLarge[0].Data, tooLarge[0].Binary = append(large[0].Data, 'x'), true
		for _, expected := range []events.Expected{events.Any, events.At(1), events.At(9)} {
			if _, err := s.log().Append(ctx, stream, expected, tooLarge...); !errors.Is(err, events.ErrTooLarge) {
				s.Errorf("an append of one byte too many at %s: %v, want ErrTooLarge", expected, err)
			}
		}
		s.stored(ctx, stream, large...)
	})
	s.run("InvalidArguments", (*suite).invalidArguments)
	s.run("EndedContext", func(s *suite, ctx context.Context) {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		stream := newStream()
		if _, err := s.log().Append(ended, stream, events.Any, propose(1)...); !errors.Is(err, context.Canceled) {
			s.Errorf("append: %v, want context.Canceled", err)
		}
		for name, err := range map[string]error{
			"read":     s.failure(s.log().Read(ended, stream, 0, events.Forwards, 0)),
			"read all": s.failure(s.log().ReadAll(ended, events.Beginning, events.Forwards, 0)),
			"follow":   s.failure(s.log().Follow(ended, events.Beginning, events.Filter{})),
		} {
			if !errors.Is(err, context.Canceled) {
				s.Errorf("%s: %v, want context.Canceled", name, err)
			}
		}
	})
}

func (s *suite) invalidArguments(ctx context.Context) {
	valid := propose(1)
	withoutID, withoutType, badType := propose(2), propose(2), propose(2)
	withoutID[1].ID = uuid.Nil
	withoutType[1].Type = ""
	badType[1].Type = "Not\xffUTF8"
	stream := newStream()
	for _, try := range []struct {
		name     string
		stream   string
		expected events.Expected
		batch    []events.Proposed
	}{
		{"no events", stream, events.Any, nil},
		{"no stream", "", events.Any, valid},
		{"no id", stream, events.Any, withoutID},
		{"no type", stream, events.NoStream, withoutType},
		{"a type that is not UTF-8", stream, events.Any, badType},
		{"a stream that is not UTF-8", stream + "\xff", events.Any, valid},
		{"an unknown expectation", stream, events.Expected(-3), valid},
		{"an expectation below all", stream, events.Expected(math.MinInt64), valid},
	} {
		if _, err := s.log().Append(ctx, try.stream, try.expected, try.batch...); !errors.Is(err, events.ErrInvalid) {
			s.Errorf("an append with %s: %v, want ErrInvalid", try.name, err)
		}
	}
	s.stored(ctx, stream)
}

func (s *suite) testConcurrency() {
	s.run("OneWriterWinsEachRevision", (*suite).oneWriterWins)
	s.run("AppendsStayWhole", (*suite).appendsStayWhole)
	s.run("IsLinearizable", (*suite).isLinearizable)
}

// oneWriterWins lets all writers race for each next revision of one stream.
func (s *suite) oneWriterWins(ctx context.Context) {
	const rounds = 8
	stream := newStream()
	expected := events.NoStream
	for range rounds {
		results := make([]error, s.subject.Writers)
		var writers sync.WaitGroup
		for i := range results {
			writers.Go(func() { _, results[i] = s.log().Append(ctx, stream, expected, propose(1)...) })
		}
		writers.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
			} else {
				s.conflict(err, stream, expected, expected+1)
			}
		}
		if won != 1 {
			s.Fatalf("%d writers won revision %d", won, expected+1)
		}
		expected++
	}
	if found := s.collect(s.log().Read(ctx, stream, 0, events.Forwards, 0)); len(found) != rounds {
		s.Errorf("%d events after %d rounds", len(found), rounds)
	}
}

// appendsStayWhole checks that the events of concurrent appends to one stream
// do not mix.
func (s *suite) appendsStayWhole(ctx context.Context) {
	const size = 5
	stream := newStream()
	var writers sync.WaitGroup
	batches := make([][]events.Proposed, s.subject.Writers)
	places := make([]events.Appended, len(batches))
	for i := range batches {
		batches[i] = propose(size)
		writers.Go(func() {
			var err error
			if places[i], err = s.log().Append(ctx, stream, events.Any, batches[i]...); err != nil {
				s.Error(err)
			}
		})
	}
	writers.Wait()
	found := s.collect(s.log().Read(ctx, stream, 0, events.Forwards, 0))
	if len(found) != size*len(batches) {
		s.Fatalf("%d events, want %d", len(found), size*len(batches))
	}
	for i, place := range places {
		first := place.Revision + 1 - size
		s.same(found[first:place.Revision+1], stream, first, batches[i])
	}
}
