package logtest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"parley/events"
)

// testHistories compares random histories of one writer with a model: appends
// with any expectation, repeats and, where the subject offers them, truncated,
// deleted, recreated and tombstoned streams.
func (s *suite) testHistories() {
	s.run("Random", func(s *suite, ctx context.Context) {
		rapid.Check(s.T, func(t *rapid.T) {
			m := &machine{suite: s, ctx: ctx, run: uuid.NewString(), before: s.tip(ctx), streams: map[string]*modelStream{}}
			actions := map[string]func(*rapid.T){"append": m.append, "append more": m.append, "append most": m.append, "repeat": m.repeat}
			if s.subject.Truncate != nil {
				actions["truncate"] = m.truncate
			}
			if s.subject.Delete != nil {
				actions["delete"] = m.delete
			}
			if s.subject.Tombstone != nil {
				actions["tombstone"] = m.tombstone
			}
			t.Repeat(actions)
			m.check(t)
		})
	})
}

// machine does everything with the log and with the model.
type machine struct {
	*suite
	ctx context.Context
	// run is the beginning of the names of this history's streams.
	run     string
	before  events.Position
	streams map[string]*modelStream
	// written is what the whole log should say of this history.
	written []events.Recorded
}

// modelStream is a stream as a list. Its first visible event is at first.
type modelStream struct {
	name       string
	events     []events.Recorded
	appends    []modelAppend
	first      int
	deleted    bool
	tombstoned bool
}

type modelAppend struct {
	expected events.Expected
	batch    []events.Proposed
	place    events.Appended
}

func (s *modelStream) last() events.Expected { return events.Expected(len(s.events) - 1) }

// gone is a stream that is deleted and was not written to since.
func (s *modelStream) gone() bool { return s.deleted && s.first == len(s.events) }

func (s *modelStream) visible() []events.Recorded {
	if s.tombstoned {
		return nil
	}
	return s.events[min(s.first, len(s.events)):]
}

func (s *modelStream) accepts(expected events.Expected) bool {
	switch expected {
	case events.Any:
		return true
	case events.StreamExists:
		return len(s.events) > 0
	case events.NoStream:
		return len(s.events) == 0 || s.gone()
	}
	return expected == s.last()
}

func (m *machine) stream(t *rapid.T) *modelStream {
	name := m.run + rapid.SampledFrom([]string{"-a", "-b", "-c"}).Draw(t, "stream")
	if m.streams[name] == nil {
		m.streams[name] = &modelStream{name: name}
	}
	return m.streams[name]
}

func (m *machine) append(t *rapid.T) {
	s := m.stream(t)
	exact := rapid.Map(rapid.Int64Range(int64(max(0, s.last()-2)), int64(s.last()+1)), func(n int64) events.Expected { return events.Expected(n) })
	named := rapid.SampledFrom([]events.Expected{events.Any, events.NoStream, events.StreamExists})
	expected := rapid.OneOf(exact, named).Draw(t, "expected")
	batch := propose(rapid.IntRange(1, 3).Draw(t, "events"))
	place, err := m.log().Append(m.ctx, s.name, expected, batch...)
	switch {
	case s.tombstoned || s.gone() && expected == events.StreamExists:
		if !errors.Is(err, events.ErrStreamDeleted) {
			t.Fatalf("append at %s to a deleted stream: %v, want ErrStreamDeleted", expected, err)
		}
	case !s.accepts(expected):
		m.refused(t, s, expected, err)
	case err != nil:
		t.Fatalf("append at %s to a stream at %s: %v", expected, s.last(), err)
	case s.gone() && expected == events.NoStream:
		// A log knows the repeat of a recreation by its ids only: at the
		// revision that NoStream names there are other events.
		m.appended(t, s, modelAppend{events.Any, batch, place})
	default:
		m.appended(t, s, modelAppend{expected, batch, place})
	}
	m.checkStream(t, s)
}

// refused checks a conflict. Of a stream without visible events an adapter may
// not see the last revision.
func (m *machine) refused(t *rapid.T, s *modelStream, expected events.Expected, err error) {
	var wrong *events.WrongRevision
	if !errors.As(err, &wrong) {
		t.Fatalf("append at %s to a stream at %s: %v, want a *WrongRevision", expected, s.last(), err)
	}
	hidden := len(s.visible()) == 0 && wrong.Actual == events.NoStream
	if wrong.Stream != s.name || wrong.Expected != expected || wrong.Actual != s.last() && !hidden {
		t.Fatalf("the conflict says %+v, the stream is at %s", *wrong, s.last())
	}
}

func (m *machine) appended(t *rapid.T, s *modelStream, a modelAppend) {
	if want := uint64(len(s.events) + len(a.batch) - 1); a.place.Revision != want {
		t.Fatalf("appended at revision %d, want %d", a.place.Revision, want)
	}
	if n := len(m.written); n > 0 && a.place.Position <= m.written[n-1].Position {
		t.Fatalf("appended at position %d after %d", a.place.Position, m.written[n-1].Position)
	}
	for _, p := range a.batch {
		s.events = append(s.events, events.Recorded{
			Stream: s.name, Revision: uint64(len(s.events)), Position: a.place.Position,
			ID: p.ID, Type: p.Type, Data: p.Data, Metadata: p.Metadata,
		})
	}
	s.appends = append(s.appends, a)
	m.written = append(m.written, s.events[len(s.events)-len(a.batch):]...)
	s.deleted = false
}

// repeat makes an append again whose events can still be read.
func (m *machine) repeat(t *rapid.T) {
	s := m.stream(t)
	var known []modelAppend
	for _, a := range s.appends {
		if first := int(a.place.Revision) + 1 - len(a.batch); first >= s.first && !s.tombstoned {
			known = append(known, a)
		}
	}
	if len(known) == 0 {
		t.Skip("nothing to repeat")
	}
	a := rapid.SampledFrom(known).Draw(t, "repeated")
	expected := rapid.SampledFrom([]events.Expected{a.expected, events.Any}).Draw(t, "expected")
	if again, err := m.log().Append(m.ctx, s.name, expected, a.batch...); err != nil || again != a.place {
		t.Fatalf("a repeat at %s answers %+v, %v; the first time %+v", expected, again, err, a.place)
	}
	m.checkStream(t, s)
}

func (m *machine) truncate(t *rapid.T) {
	s := m.stream(t)
	if s.tombstoned || s.gone() || len(s.events) == 0 {
		t.Skip("nothing to truncate")
	}
	s.first = rapid.IntRange(0, len(s.events)).Draw(t, "before")
	m.subject.Truncate(m.T, s.name, uint64(s.first))
	m.checkStream(t, s)
}

func (m *machine) delete(t *rapid.T) {
	s := m.stream(t)
	if s.tombstoned || s.gone() || len(s.events) == 0 {
		t.Skip("nothing to delete")
	}
	m.subject.Delete(m.T, s.name)
	s.first, s.deleted = len(s.events), true
	m.checkStream(t, s)
}

func (m *machine) tombstone(t *rapid.T) {
	s := m.stream(t)
	if s.tombstoned || rapid.IntRange(0, 3).Draw(t, "spared") > 0 {
		t.Skip("a stream lives on")
	}
	m.subject.Tombstone(m.T, s.name)
	s.tombstoned = true
	m.checkStream(t, s)
}

// checkStream reads a stream in one of the directions.
func (m *machine) checkStream(t *rapid.T, s *modelStream) {
	from, direction, want := uint64(0), events.Forwards, s.visible()
	if rapid.Bool().Draw(t, "backwards") {
		from, direction, want = events.LastRevision, events.Backwards, reversed(want)
	}
	var found []events.Recorded
	for e, err := range m.log().Read(m.ctx, s.name, from, direction, 0) {
		if s.tombstoned && errors.Is(err, events.ErrStreamDeleted) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, e)
	}
	if s.tombstoned {
		t.Fatal("a tombstoned stream is read without an error")
	}
	m.compare(t, "stream "+s.name, found, want)
}

// check reads and follows the whole log. Neither knows of deletions.
func (m *machine) check(t *rapid.T) {
	var found []events.Recorded
	for e, err := range m.log().ReadAll(m.ctx, m.before, events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if m.streams[e.Stream] != nil {
			found = append(found, e)
		}
	}
	m.compare(t, "the log", found, m.written)
	followed := m.follow(m.ctx, m.before, prefix(m.run), events.Recorded.IsMark)
	m.compare(t, "a follower", withoutMarks(followed), m.written)
	if !slices.IsSortedFunc(found, func(a, b events.Recorded) int { return cmp.Compare(a.Position, b.Position) }) {
		t.Fatal("positions do not rise")
	}
}

// compare checks events against the model, which knows the position of an
// append's last event only.
func (m *machine) compare(t *rapid.T, where string, found, want []events.Recorded) {
	if len(found) != len(want) {
		t.Fatalf("%s has %d events, want %d", where, len(found), len(want))
	}
	for i, e := range found {
		w := want[i]
		fine := e.Stream == w.Stream && e.Revision == w.Revision && e.ID == w.ID && e.Type == w.Type &&
			e.Position <= w.Position && bytes.Equal(e.Data, w.Data) && bytes.Equal(e.Metadata, w.Metadata)
		if !fine {
			t.Fatalf("%s: event %d is %s, want %s", where, i, describe(e), describe(w))
		}
	}
}

func describe(e events.Recorded) string {
	return fmt.Sprintf("%s, revision %d of %s at position %d, %s", e.ID, e.Revision, e.Stream, e.Position, e.Data)
}
