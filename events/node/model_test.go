package node_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"parley/events"
	"parley/events/node"
)

// model is the protocol in its simplest form: streams as lists of ids.
type model struct {
	streams map[string]*modelStream
	written int
}

type modelStream struct {
	ids        []uuid.UUID
	tombstoned bool
	// metadata counts the events of the metastream, of which the last says
	// maxCount and truncateBefore.
	metadata       int
	maxCount       int64
	truncateBefore int64
}

func (m *model) stream(name string) *modelStream {
	if m.streams[name] == nil {
		m.streams[name] = &modelStream{}
	}
	return m.streams[name]
}

func (s *modelStream) last() int64       { return int64(len(s.ids)) - 1 }
func (s *modelStream) softDeleted() bool { return s.truncateBefore == node.TombstoneRevision }

// check is what the protocol decides about events with some ids: the status
// and the last revision.
func (s *modelStream) check(expected events.Expected, ids []uuid.UUID) (node.Status, int64) {
	write := s.last() + int64(len(ids))
	if s.tombstoned {
		return node.Deleted, 0
	}
	if expected == events.StreamExists {
		if s.softDeleted() {
			return node.Deleted, 0
		}
		if len(s.ids) == 0 && s.metadata == 0 {
			return node.Conflict, 0
		}
	}
	if expected == events.Any || expected == events.StreamExists {
		known := 0
		for known < len(ids) && slices.Contains(s.ids, ids[known]) {
			known++
		}
		if known == 0 {
			return node.Written, write
		}
		if known < len(ids) {
			return node.Conflict, 0
		}
		return node.Repeated, s.latest(ids[len(ids)-1])
	}
	if int64(expected) >= s.last() {
		if int64(expected) > s.last() {
			return node.Conflict, 0
		}
		return node.Written, write
	}
	there := s.ids[expected+1:]
	if len(ids) <= len(there) && slices.Equal(ids, there[:len(ids)]) {
		return node.Repeated, int64(expected) + int64(len(ids))
	}
	if expected == events.NoStream && s.softDeleted() && there[0] != ids[0] {
		return node.Written, write
	}
	return node.Conflict, 0
}

func (s *modelStream) latest(id uuid.UUID) int64 {
	for i := len(s.ids) - 1; ; i-- {
		if s.ids[i] == id {
			return int64(i)
		}
	}
}

func (m *model) append(s *modelStream, ids []uuid.UUID) {
	if s.softDeleted() {
		s.truncateBefore = s.last() + 1
		s.metadata++
		m.written++
	}
	s.ids = append(s.ids, ids...)
	m.written += len(ids)
}

func (m *model) describe(s *modelStream, maxCount, truncateBefore int64) {
	recreated := s.softDeleted()
	s.maxCount, s.truncateBefore = maxCount, truncateBefore
	s.metadata++
	m.written++
	if recreated {
		s.truncateBefore = s.last() + 1
		s.metadata++
		m.written++
	}
}

// visible is the first visible revision and the ids from there on.
func (s *modelStream) visible() (int64, []uuid.UUID) {
	first := s.truncateBefore
	if s.maxCount > 0 {
		first = max(first, int64(len(s.ids))-s.maxCount)
	}
	return first, s.ids[min(first, int64(len(s.ids))):]
}

func (s *modelStream) status() node.StreamStatus {
	switch {
	case s.tombstoned:
		return node.Tombstoned
	case s.softDeleted():
		return node.SoftDeleted
	case len(s.ids) == 0:
		return node.Absent
	}
	return node.Found
}

// machine runs the node and the model side by side. The node is shared by all
// histories; each has streams of its own.
type machine struct {
	t     *testing.T
	node  *sharedNode
	run   string
	start events.Position
	model model
	ids   []uuid.UUID
}

// sharedNode is a node that any of the histories may reopen.
type sharedNode struct {
	*node.Node
	fs vfs.FS
}

func (s *sharedNode) open() (err error) {
	s.Node, err = node.Open("data", node.Options{FS: s.fs, Logger: quiet, MemTableBytes: 64 << 10})
	return err
}

// stream draws one of a few names; mortal ones may be tombstoned.
func (m *machine) stream(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b-1", "mortal-0"}).Draw(t, "stream") + m.run
}

func (m *machine) mortal(t *rapid.T) string {
	return fmt.Sprintf("mortal-%d%s", rapid.IntRange(0, 3).Draw(t, "stream"), m.run)
}

func (m *machine) expected(t *rapid.T, s *modelStream) events.Expected {
	near := rapid.Int64Range(max(-1, s.last()-3), s.last()+1)
	exact := rapid.Map(near, func(n int64) events.Expected { return events.Expected(n) })
	named := rapid.SampledFrom([]events.Expected{events.Any, events.NoStream, events.StreamExists})
	return rapid.OneOf(exact, exact, named).Draw(t, "expected")
}

// batch takes new ids, or ids used before, or both.
func (m *machine) batch(t *rapid.T) ([]events.Proposed, []uuid.UUID) {
	batch := make([]events.Proposed, rapid.IntRange(1, 3).Draw(t, "events"))
	ids := make([]uuid.UUID, len(batch))
	start := rapid.IntRange(-len(m.ids)/4-4, len(m.ids)).Draw(t, "ids from")
	for i := range batch {
		batch[i] = event("Tested", fmt.Sprintf(`{"i":%d}`, i))
		if at := start + i; start >= 0 && at < len(m.ids) {
			batch[i].ID = m.ids[at]
		} else {
			m.ids = append(m.ids, batch[i].ID)
		}
		ids[i] = batch[i].ID
	}
	return batch, ids
}

func (m *machine) Append(t *rapid.T) {
	name := m.stream(t)
	s := m.model.stream(name)
	expected := m.expected(t, s)
	batch, ids := m.batch(t)
	status, last := s.check(expected, ids)
	o, err := m.node.Write(m.t.Context(), name, expected, batch)
	if err != nil || o.Status != status || o.Current != s.last() {
		t.Fatalf("%+v, %v; want status %d, current %d", o, err, status, s.last())
	}
	if status == node.Written || status == node.Repeated {
		if o.Last != last {
			t.Fatalf("%+v; want last %d", o, last)
		}
	}
	if status == node.Written {
		m.model.append(s, ids)
	}
}

func (m *machine) Describe(t *rapid.T) {
	name := m.stream(t)
	s := m.model.stream(name)
	maxCount := rapid.Int64Range(0, 4).Draw(t, "maxCount")
	before := rapid.Int64Range(0, s.last()+2).Draw(t, "tb")
	data := fmt.Sprintf(`{"$maxCount":%d,"$tb":%d}`, maxCount, before)
	o, err := m.node.Write(m.t.Context(), "$$"+name, events.Any, []events.Proposed{event(node.TypeMetadata, data)})
	if s.tombstoned {
		if err != nil || o.Status != node.Deleted {
			t.Fatalf("%+v, %v; want deleted", o, err)
		}
		return
	}
	if err != nil || o.Status != node.Written || o.Last != int64(s.metadata) {
		t.Fatalf("%+v, %v; want metadata %d", o, err, s.metadata)
	}
	m.model.describe(s, maxCount, before)
}

func (m *machine) Delete(t *rapid.T) {
	name := m.stream(t)
	s := m.model.stream(name)
	expected := m.expected(t, s)
	status, _ := s.check(expected, []uuid.UUID{uuid.New()})
	if status == node.Written && len(s.ids) == 0 && s.metadata == 0 {
		status = node.Conflict
	}
	o, err := m.node.Delete(m.t.Context(), name, expected)
	if err != nil || o.Status != status {
		t.Fatalf("%+v, %v; want status %d", o, err, status)
	}
	if status == node.Written {
		s.maxCount, s.truncateBefore = 0, node.TombstoneRevision
		s.metadata++
		m.model.written++
	}
}

func (m *machine) Tombstone(t *rapid.T) {
	name := m.mortal(t)
	s := m.model.stream(name)
	expected := m.expected(t, s)
	status, _ := s.check(expected, []uuid.UUID{uuid.New()})
	o, err := m.node.Tombstone(m.t.Context(), name, expected)
	if err != nil || o.Status != status {
		t.Fatalf("%+v, %v; want status %d", o, err, status)
	}
	if status == node.Written {
		s.tombstoned = true
		m.model.written++
	}
}

func (m *machine) Reopen(t *rapid.T) {
	if err := m.node.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.node.open(); err != nil {
		t.Fatal(err)
	}
}

// Check compares what both have after every step.
func (m *machine) Check(t *rapid.T) {
	if written := m.node.Tip() - m.start; written != events.Position(m.model.written) {
		t.Fatalf("%d events were written, want %d", written, m.model.written)
	}
	for name, s := range m.model.streams {
		state, found, err := m.node.ReadStream(m.t.Context(), name, 0, events.Forwards, 0)
		if err != nil || state.Status != s.status() || state.Last != s.last() {
			t.Fatalf("stream %s: %+v, %v; want status %d, last %d", name, state, err, s.status(), s.last())
		}
		var ids []uuid.UUID
		for e, err := range found {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, e.ID)
		}
		if state.Status != node.Found {
			if len(ids) > 0 {
				t.Fatalf("stream %s shows %d events", name, len(ids))
			}
			continue
		}
		if first, want := s.visible(); state.First != first || !slices.Equal(ids, want) {
			t.Fatalf("stream %s: from %d %v; want from %d %v", name, state.First, ids, first, want)
		}
	}
}

// TestHistories compares random histories with the model.
func TestHistories(t *testing.T) {
	shared := &sharedNode{fs: vfs.NewMem()}
	if err := shared.open(); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{t: t, node: shared, run: "-" + uuid.NewString(), start: shared.Tip()}
		m.model.streams = map[string]*modelStream{}
		rt.Repeat(map[string]func(*rapid.T){
			"append": m.Append, "append more": m.Append, "append still more": m.Append, "append most": m.Append,
			"describe": m.Describe, "describe more": m.Describe, "delete": m.Delete, "delete more": m.Delete,
			"tombstone": m.Tombstone, "reopen": m.Reopen, "": m.Check,
		})
	})
	finish(t, shared.Node)
}
