package node

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"parley/events"
)

// TestVerifyFindsDamage damages each part of a sound store in turn.
func TestVerifyFindsDamage(t *testing.T) {
	id := uuid.New()
	for name, try := range map[string]struct {
		damage func(*pebble.Batch) error
		words  string
	}{
		"nothing": {func(*pebble.Batch) error { return nil }, ""},
		"a lost event": {func(b *pebble.Batch) error {
			return b.Delete(appendEventKey(nil, 2), nil)
		}, "position 3 follows 1"},
		"a lost last event": {func(b *pebble.Batch) error {
			return b.Delete(appendEventKey(nil, 4), nil)
		}, "ends at position 3"},
		"a damaged event": {func(b *pebble.Batch) error {
			return b.Set(appendEventKey(nil, 2), []byte{1, 2, 3}, nil)
		}, "position 2 is damaged"},
		"a lost revision": {func(b *pebble.Batch) error {
			return b.Delete(appendStreamKey(nil, 1, 1), nil)
		}, "revision 1"},
		"a revision elsewhere": {func(b *pebble.Batch) error {
			return b.Set(appendStreamKey(nil, 1, 1), []byte{4}, nil)
		}, "at position 4, not 2"},
		"a revision too many": {func(b *pebble.Batch) error {
			return b.Set(appendStreamKey(nil, 1, 9), []byte{4}, nil)
		}, "where it is not"},
		"a lost id": {func(b *pebble.Batch) error {
			return b.Delete(appendIDKey(nil, 1, id), nil)
		}, "not found by its id"},
		"an id of another event": {func(b *pebble.Batch) error {
			return b.Set(appendIDKey(nil, 1, uuid.New()), []byte{1}, nil)
		}, "names revision 1"},
		"an id of a stream that is not there": {func(b *pebble.Batch) error {
			return b.Set(appendIDKey(nil, 7, id), []byte{0}, nil)
		}, "names revision 0 of stream 7, which does not exist"},
		"a lost name": {func(b *pebble.Batch) error {
			return b.Delete(appendNameKey(nil, "s"), nil)
		}, "1 streams have a name, 2 have events"},
		"a name for another": {func(b *pebble.Batch) error {
			return b.Set(appendNameKey(nil, "s"), []byte{4}, nil)
		}, "which is another's"},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := Open("data", Options{FS: vfs.NewMem()})
			if err != nil {
				t.Fatal(err)
			}
			batch := []events.Proposed{{ID: id, Type: "T"}, {ID: uuid.New(), Type: "T"}, {ID: uuid.New(), Type: "T"}}
			for _, stream := range []string{"s", "other"} {
				if _, err := n.Append(t.Context(), stream, events.NoStream, batch...); err != nil {
					t.Fatal(err)
				}
				batch = batch[:1]
			}
			b := n.db.NewBatch()
			if err := try.damage(b); err != nil {
				t.Fatal(err)
			}
			if err := b.Commit(pebble.Sync); err != nil {
				t.Fatal(err)
			}
			var findings []string
			err = n.Verify(t.Context(), func(finding string) { findings = append(findings, finding) })
			said := strings.Join(findings, "\n")
			if (err == nil) != (try.words == "") || !strings.Contains(said, try.words) {
				t.Errorf("%v, found %q; want %q", err, said, try.words)
			}
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestVerifyKnowsRepeatedIDs has a stream in which two events rightly have one
// id, which finds the later of them.
func TestVerifyKnowsRepeatedIDs(t *testing.T) {
	n, err := Open("data", Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	e := events.Proposed{ID: uuid.New(), Type: "T"}
	for _, expected := range []events.Expected{events.NoStream, events.At(0)} {
		if _, err := n.Append(t.Context(), "s", expected, e); err != nil {
			t.Fatal(err)
		}
	}
	found := 0
	count := func(string) { found++ }
	if err := n.Verify(t.Context(), count); err != nil || found > 0 {
		t.Errorf("%d findings, %v", found, err)
	}
	if err := n.db.Set(appendIDKey(nil, 1, e.ID), []byte{0}, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := n.Verify(t.Context(), count); err == nil || found != 1 {
		t.Errorf("%d findings, %v", found, err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}
