package node

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"parley/events"
)

// idMachine runs the memory of ids and a map side by side.
type idMachine struct {
	db    *pebble.DB
	ids   *ids
	model map[streamEvent]int64
	// clock is what new ids of version 7 begin with.
	clock uint16
}

// id draws one of a few ids of a version, or one of the clock's time.
func (m *idMachine) id(t *rapid.T) (id uuid.UUID) {
	version := rapid.SampledFrom([]byte{1, 4, 5, 7, 7, 7, 7, 15}).Draw(t, "version")
	binary.BigEndian.PutUint16(id[4:], rapid.SampledFrom([]uint16{m.clock, uint16(rapid.IntRange(0, 8).Draw(t, "time"))}).Draw(t, "when"))
	id[6], id[15] = version<<4, byte(rapid.IntRange(0, 3).Draw(t, "last"))
	return id
}

func number(t *rapid.T) uint64 { return uint64(rapid.IntRange(1, 3).Draw(t, "number")) }

// write stores a batch of events.
func (m *idMachine) write(t *rapid.T) {
	var x index
	for range rapid.IntRange(1, 6).Draw(t, "events") {
		key := streamEvent{number(t), m.id(t)}
		revision := int64(len(m.model))
		x.add(appendIDKey(x.key(), key.number, key.id), uint64(revision))
		m.ids.add(key.number, key.id, revision)
		m.model[key] = revision
		m.find(t, key)
	}
	b := m.db.NewBatch()
	x.write(b)
	if err := m.db.Apply(b, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	m.ids.stored()
}

func (m *idMachine) tick(t *rapid.T) {
	m.clock = uint16(int(m.clock) + rapid.IntRange(-2, 3).Draw(t, "ticks"))
}

func (m *idMachine) ask(t *rapid.T) { m.find(t, streamEvent{number(t), m.id(t)}) }

func (m *idMachine) find(t *rapid.T, key streamEvent) {
	want, there := m.model[key]
	revision, known, err := m.ids.find(key.number, key.id)
	if err != nil || known != there || revision != want {
		t.Fatalf("%+v is found at %d, %t, %v; want %d, %t", key, revision, known, err, want, there)
	}
}

// reopen forgets all that is in memory only.
func (m *idMachine) reopen(t *rapid.T) {
	fresh, err := newIDs(m.db)
	if err != nil {
		t.Fatal(err)
	}
	fresh.room = m.ids.room
	m.ids = fresh
}

// TestIDsAreKnownExactly compares what the memory of ids answers, which rarely
// asks the store, with all that was written: ids of all versions, a clock that
// is set back, ids that come again, and a memory of a few.
func TestIDsAreKnownExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		db, err := pebble.Open("data", &pebble.Options{FS: vfs.NewMem(), Logger: newHealth(slog.New(slog.DiscardHandler))})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		ids, err := newIDs(db)
		if err != nil {
			t.Fatal(err)
		}
		ids.room = rapid.IntRange(1, 10).Draw(t, "room")
		m := &idMachine{db: db, ids: ids, model: map[streamEvent]int64{}}
		// One stream is older than the format.
		for i := range 4 {
			key := streamEvent{1, m.id(t)}
			m.model[key] = int64(i)
			if err := db.Set(appendOldIDKey(nil, 1, key.id), []byte{byte(i)}, pebble.NoSync); err != nil {
				t.Fatal(err)
			}
		}
		m.reopen(t)
		t.Repeat(map[string]func(*rapid.T){"write": m.write, "ask": m.ask, "tick": m.tick, "reopen": m.reopen})
	})
}

// TestNewIDsAreNotLookedUp has no store, so that a lookup would crash.
func TestNewIDsAreNotLookedUp(t *testing.T) {
	k := ids{young: generation{revisions: map[streamEvent]int64{}}, old: generation{revisions: map[streamEvent]int64{}}, room: 10}
	for i := range 100 {
		id := uuid.Must(uuid.NewV7())
		if _, known, err := k.find(1, id); known || err != nil {
			t.Errorf("%s: %t, %v", id, known, err)
		}
		k.add(1, id, int64(i))
		k.stored()
	}
}

// TestLayout holds the keys and values of a small store: testdata/layout.v2.txt.
// Those of format 1 are in testdata/format1.
func TestLayout(t *testing.T) {
	now := time.Date(2015, 3, 25, 10, 0, 0, 0, time.UTC)
	n, err := Open("data", Options{FS: vfs.NewMem(), Now: func() time.Time { return now }, Lists: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, stream := range []string{"messages-1", "messages-2", "messages-1"} {
		e := events.Proposed{ID: uuid.UUID{1, 2, 3, 4, 5, 6, byte(7-i) << 4, 0, 0x80, 15: byte(i)}, Type: "T", Data: []byte("{}")}
		if _, err := n.Append(t.Context(), stream, events.Any, e); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.WaitStream(t.Context(), "$streams", n.Tip()-1); err != nil {
		t.Fatal(err)
	}
	var found bytes.Buffer
	it, err := n.db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&found, "%c %x = %x\n", it.Key()[0], it.Key()[1:], value)
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/layout.v2.txt")
	if err != nil {
		t.Fatal(err)
	}
	if found.String() != string(want) {
		t.Errorf("the store has\n%swant\n%s", &found, want)
	}
}
