package node_test

import (
	"bytes"
	"encoding/json"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
)

// clock is a time that a test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newClock() *clock { return &clock{time.Date(2015, 3, 25, 10, 0, 0, 0, time.UTC)} }

// protocol is a node with a clock, and what a test does with it.
type protocol struct {
	*testing.T
	*node.Node
	clock *clock
}

func newProtocol(t *testing.T) protocol {
	c := newClock()
	return protocol{t, open(t, "data", node.Options{FS: vfs.NewMem(), Now: c.Now, Logger: quiet}), c}
}

func (p protocol) write(stream string, expected events.Expected, batch ...events.Proposed) node.Outcome {
	p.Helper()
	o, err := p.Write(p.Context(), stream, expected, batch)
	if err != nil {
		p.Fatal(err)
	}
	return o
}

// describe writes metadata.
func (p protocol) describe(stream, metadata string) {
	p.Helper()
	if o := p.write("$$"+stream, events.Any, event(node.TypeMetadata, metadata)); o.Status != node.Written {
		p.Fatalf("%+v", o)
	}
}

func (p protocol) fill(stream string, count int) {
	p.Helper()
	for range count {
		p.write(stream, events.Any, event("Tested", "{}"))
	}
}

func (p protocol) list(sequence iter.Seq2[events.Recorded, error]) []events.Recorded {
	p.Helper()
	var found []events.Recorded
	for e, err := range sequence {
		if err != nil {
			p.Fatal(err)
		}
		found = append(found, e)
	}
	return found
}

// shows checks a stream's state and the revisions read from it both ways.
func (p protocol) shows(stream string, status node.StreamStatus, last int64, revisions ...uint64) {
	p.Helper()
	state, forwards, err := p.ReadStream(p.Context(), stream, 0, events.Forwards, 0)
	if err != nil || state.Status != status || state.Last != last {
		p.Errorf("stream %s: %+v, %v; want status %d, last %d", stream, state, err, status, last)
	}
	_, backwards, err := p.ReadStream(p.Context(), stream, events.LastRevision, events.Backwards, 0)
	if err != nil {
		p.Fatal(err)
	}
	back := revisionsOf(p.list(backwards))
	slices.Reverse(back)
	if forth := revisionsOf(p.list(forwards)); !slices.Equal(forth, revisions) || !slices.Equal(back, revisions) {
		p.Errorf("stream %s shows %v forwards, %v backwards; want %v", stream, forth, back, revisions)
	}
}

func revisionsOf(found []events.Recorded) []uint64 {
	var revisions []uint64
	for _, e := range found {
		revisions = append(revisions, e.Revision)
	}
	return revisions
}

func positionsOf(found []events.Recorded) []events.Position {
	var positions []events.Position
	for _, e := range found {
		positions = append(positions, e.Position)
	}
	return positions
}

// EventStoreDB protocol:
// §6 $maxCount shows the last n, $tb what is not before it, and the stricter counts
// §6 metadata that is no JSON, or has a known field of a wrong type, is ignored; a value of 0 or less is ignored alone
func TestMetadataHidesEvents(t *testing.T) {
	p := newProtocol(t)
	p.shows("s", node.Absent, -1)
	p.fill("s", 6)
	p.shows("s", node.Found, 5, 0, 1, 2, 3, 4, 5)
	p.describe("s", `{"$maxCount":4}`)
	p.shows("s", node.Found, 5, 2, 3, 4, 5)
	p.describe("s", `{"$maxCount":4,"$tb":5}`)
	p.shows("s", node.Found, 5, 5)
	p.describe("s", `{"$tb":9}`)
	p.shows("s", node.Found, 5)
	p.describe("s", `{"$maxCount":"4","$tb":5}`)
	p.shows("s", node.Found, 5, 0, 1, 2, 3, 4, 5)
	p.describe("s", `{"$maxCount":-4,"$tb":0}`)
	p.shows("s", node.Found, 5, 0, 1, 2, 3, 4, 5)
	p.describe("s", `not json`)
	p.shows("s", node.Found, 5, 0, 1, 2, 3, 4, 5)
	p.shows("$$s", node.Found, 5, 5)
	if all := p.list(p.ScanAll(p.Context(), 0, events.Forwards, 0)); len(all) != 12 {
		t.Errorf("%d events of all are shown, want 12", len(all))
	}
}

// EventStoreDB protocol:
// §4 beyond the end, and where all is truncated or expired, a read is empty
// §6 $maxAge shows what is not older than so many seconds when it is read
func TestMaxAgeHidesEvents(t *testing.T) {
	p := newProtocol(t)
	for range 10 {
		p.fill("s", 1)
		p.clock.now = p.clock.now.Add(10 * time.Second)
	}
	p.describe("s", `{"$maxAge":35}`)
	p.shows("s", node.Found, 9, 7, 8, 9)
	p.describe("s", `{"$maxAge":35,"$tb":8}`)
	p.shows("s", node.Found, 9, 8, 9)
	p.clock.now = p.clock.now.Add(time.Hour)
	p.shows("s", node.Found, 9)
	if _, found, err := p.ReadEvent(t.Context(), "s", 9); found || err != nil {
		t.Errorf("an expired event is found: %v", err)
	}
	p.describe("s", `{"$maxAge":9223372036854775807}`)
	p.shows("s", node.Found, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
}

// TestTimeNeverGoesBack lets the clock of the machine do so.
func TestTimeNeverGoesBack(t *testing.T) {
	p := newProtocol(t)
	p.fill("s", 1)
	p.clock.now = p.clock.now.Add(-time.Hour)
	p.fill("s", 1)
	found := p.list(p.ScanAll(t.Context(), 0, events.Forwards, 0))
	if found[1].Created.Before(found[0].Created) {
		t.Errorf("%s follows %s", found[1].Created, found[0].Created)
	}
}

// EventStoreDB protocol:
// §3 a write to a soft-deleted stream adds its old metadata with $tb at the first revision written
func TestSoftDeleteAndRecreate(t *testing.T) {
	p := newProtocol(t)
	first := event("Tested", "{}")
	p.write("s", events.NoStream, first)
	p.fill("s", 2)
	p.describe("s", `{"$maxCount":5,"note":{"b":[1]}}`)
	o, err := p.Delete(t.Context(), "s", events.At(1))
	if err != nil || o.Status != node.Conflict || o.Current != 2 {
		t.Fatalf("%+v, %v", o, err)
	}
	o, err = p.Delete(t.Context(), "s", events.At(2))
	if err != nil || o.Status != node.Written || o.Position != p.Tip() {
		t.Fatalf("%+v, %v", o, err)
	}
	p.shows("s", node.SoftDeleted, 2)
	p.holdsMetadata("s", `{"$tb":9223372036854775807}`)
	if o := p.write("s", events.StreamExists, event("Tested", "{}")); o.Status != node.Deleted {
		t.Errorf("an append to what should exist: %+v", o)
	}
	if o := p.write("s", events.Any, first); o.Status != node.Repeated || !o.Hidden || o.Position != 1 || o.Last != 0 {
		t.Errorf("a repeat of what was deleted: %+v", o)
	}
	if o, err := p.Delete(t.Context(), "s", events.NoStream); err != nil || o.Status != node.Written {
		t.Errorf("deleting again: %+v, %v", o, err)
	}
	o = p.write("s", events.NoStream, event("Tested", "{}"), event("Tested", "{}"))
	if o.Status != node.Written || o.First != 3 || o.Last != 4 || o.Position+1 != p.Tip() {
		t.Errorf("recreating: %+v", o)
	}
	p.shows("s", node.Found, 4, 3, 4)
	p.holdsMetadata("s", `{"$tb":3}`)
}

// TestMetadataRecreates writes metadata to a soft-deleted stream, which makes
// it exist again, empty, with the rest of the metadata kept.
//
// EventStoreDB protocol:
// §3 metadata written for a soft-deleted stream is followed by the same with $tb after its last revision: it exists, empty
func TestMetadataRecreates(t *testing.T) {
	p := newProtocol(t)
	p.fill("s", 2)
	if _, err := p.Delete(t.Context(), "s", events.Any); err != nil {
		t.Fatal(err)
	}
	o := p.write("$$s", events.Any, event(node.TypeMetadata, `{"$maxCount":7,"note":"x"}`))
	if o.Status != node.Written || o.Last != 1 || o.Position+1 != p.Tip() {
		t.Errorf("%+v", o)
	}
	p.holdsMetadata("s", `{"$maxCount":7,"$tb":2,"note":"x"}`)
	p.shows("s", node.Found, 1)
	p.fill("s", 1)
	p.shows("s", node.Found, 2, 2)
}

// holdsMetadata checks the newest metadata, by value.
func (p protocol) holdsMetadata(stream, want string) {
	p.Helper()
	_, found, err := p.ReadStream(p.Context(), "$$"+stream, 0, events.Forwards, 1)
	if err != nil {
		p.Fatal(err)
	}
	newest := p.list(found)
	if len(newest) != 1 || newest[0].Type != node.TypeMetadata || newest[0].Binary {
		p.Fatalf("metadata of %s: %+v", stream, newest)
	}
	var sorted bytes.Buffer
	if err := json.Compact(&sorted, newest[0].Data); err != nil || sorted.String() != want {
		p.Errorf("metadata of %s is %s, want %s", stream, newest[0].Data, want)
	}
}

// EventStoreDB protocol:
// §2 a tombstoned stream is FAILED_PRECONDITION "Event stream 'S' is deleted.", exception stream-deleted, stream-name S
// §5 Tombstone works on a stream that never was
// §5 after a tombstone, whoever writes, deletes or reads the stream or its metadata is told that it is deleted
func TestTombstone(t *testing.T) {
	p := newProtocol(t)
	p.fill("s", 2)
	p.describe("s", `{}`)
	for _, stream := range []string{"s", "never"} {
		o, err := p.Tombstone(t.Context(), stream, events.Any)
		if err != nil || o.Status != node.Written || o.Position != p.Tip() || o.Last != math.MaxInt64 {
			t.Fatalf("%+v, %v", o, err)
		}
		for _, name := range []string{stream, "$$" + stream} {
			if o := p.write(name, events.Any, event("Tested", "{}")); o.Status != node.Deleted {
				t.Errorf("an append to %s: %+v", name, o)
			}
		}
		if o, err := p.Delete(t.Context(), stream, events.Any); err != nil || o.Status != node.Deleted {
			t.Errorf("deleting: %+v, %v", o, err)
		}
	}
	p.shows("s", node.Tombstoned, 1)
	p.shows("never", node.Tombstoned, -1)
	p.shows("$$s", node.Tombstoned, 0)
	if _, found, err := p.ReadEvent(t.Context(), "s", 0); found || err != nil {
		t.Errorf("an event of a tombstoned stream is found: %v", err)
	}
	all := p.list(p.ScanAll(t.Context(), 0, events.Forwards, 0))
	last := all[len(all)-1]
	if len(all) != 5 || last.Type != node.TypeStreamDeleted || last.Revision != math.MaxInt64 || len(last.Data) > 0 {
		t.Errorf("the last of %d events is %+v", len(all), last)
	}
	if shown := p.list(p.ReadAll(t.Context(), 0, events.Forwards, 0)); len(shown) != 2 {
		t.Errorf("%d events are shown to users, want 2", len(shown))
	}
}

// EventStoreDB protocol:
// §5 a stream with neither events nor metadata cannot be deleted: a wrong version, -1, whatever is expected
func TestWhatCannotBeDeleted(t *testing.T) {
	p := newProtocol(t)
	if o, err := p.Delete(t.Context(), "never", events.Any); err != nil || o.Status != node.Conflict || o.Current != -1 {
		t.Errorf("deleting what never was: %+v, %v", o, err)
	}
	p.describe("described", `{}`)
	if o, err := p.Delete(t.Context(), "described", events.Any); err != nil || o.Status != node.Written {
		t.Errorf("deleting what has only metadata: %+v, %v", o, err)
	}
	if o := p.write("described", events.StreamExists, event("Tested", "{}")); o.Status != node.Deleted {
		t.Errorf("%+v", o)
	}
}

// EventStoreDB protocol:
// §3 an append of no events writes nothing and succeeds
func TestAppendsOfNothing(t *testing.T) {
	p := newProtocol(t)
	p.fill("s", 3)
	for _, try := range []struct {
		stream   string
		expected events.Expected
		status   node.Status
		last     int64
	}{
		{"s", events.Any, node.Written, 2},
		{"s", events.At(2), node.Written, 2},
		{"s", events.At(1), node.Conflict, 0},
		{"new", events.Any, node.Written, -1},
		{"new", events.NoStream, node.Written, -1},
		{"new", events.StreamExists, node.Conflict, 0},
	} {
		if o := p.write(try.stream, try.expected); o.Status != try.status || o.Last != try.last || o.Position != 0 {
			t.Errorf("%+v: %+v", try, o)
		}
	}
	if p.Tip() != 3 {
		t.Errorf("something was written: the tip is %d", p.Tip())
	}
}

// TestExactRevisionsDoNotLookForIds appends the same id twice, which the
// protocol allows at the exact last revision.
func TestExactRevisionsDoNotLookForIds(t *testing.T) {
	p := newProtocol(t)
	e := event("Tested", "{}")
	p.write("s", events.NoStream, e)
	if o := p.write("s", events.At(0), e); o.Status != node.Written || o.Last != 1 {
		t.Errorf("%+v", o)
	}
	if o := p.write("s", events.Any, e); o.Status != node.Repeated || o.Last != 1 {
		t.Errorf("%+v", o)
	}
	if o := p.write("s", events.NoStream, e); o.Status != node.Repeated || o.Last != 0 || o.Position != 1 {
		t.Errorf("%+v", o)
	}
}

func TestScanAllBounds(t *testing.T) {
	p := newProtocol(t)
	p.fill("s", 2)
	p.fill("$system", 2)
	for _, try := range []struct {
		from      events.Position
		direction events.Direction
		limit     int
		want      []events.Position
	}{
		{0, events.Forwards, 0, []events.Position{1, 2, 3, 4}},
		{2, events.Forwards, 2, []events.Position{2, 3}},
		{5, events.Forwards, 0, nil},
		{events.End, events.Forwards, 0, nil},
		{events.End, events.Backwards, 3, []events.Position{4, 3, 2}},
		{3, events.Backwards, 0, []events.Position{2, 1}},
		{1, events.Backwards, 0, nil},
		{0, events.Backwards, 0, nil},
		{99, events.Backwards, 1, []events.Position{4}},
	} {
		found := positionsOf(p.list(p.ScanAll(t.Context(), try.from, try.direction, try.limit)))
		if !slices.Equal(found, try.want) {
			t.Errorf("%+v: %v", try, found)
		}
	}
}

func TestReadEvent(t *testing.T) {
	p := newProtocol(t)
	p.fill("s", 3)
	p.describe("s", `{"$tb":1}`)
	for revision, want := range []bool{false, true, true, false} {
		e, found, err := p.ReadEvent(t.Context(), "s", uint64(revision))
		if err != nil || found != want || found && e.Revision != uint64(revision) {
			t.Errorf("revision %d: found %v, %v", revision, found, err)
		}
	}
	if _, found, err := p.ReadEvent(t.Context(), uuid.NewString(), 0); found || err != nil {
		t.Errorf("an event of no stream: %v", err)
	}
}
