package node_test

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
)

// format1Event is event i of testdata/format1: a directory that was written
// when ids had other keys. Its streams old-0 to old-4 take turns; old-3 was
// deleted before event 40, and old-4 tombstoned in the end.
func format1Event(i int) (stream string, e events.Proposed) {
	id := uuid.MustParse(fmt.Sprintf("018f2d0a-7d7c-7000-8000-%012x", i))
	if i%3 == 0 {
		id = uuid.NewSHA1(uuid.NameSpaceOID, []byte{byte(i)})
	}
	return fmt.Sprintf("old-%d", i%5), events.Proposed{ID: id, Type: "Tested", Data: fmt.Appendf(nil, `{"i":%d}`, i), Metadata: []byte(`{"v":1}`)}
}

// TestFormat1IsUpgraded opens an old directory, where every event is found by
// its id as before, and new ones are.
func TestFormat1IsUpgraded(t *testing.T) {
	fs := vfs.NewMem()
	if _, err := vfs.Clone(vfs.Default, fs, "testdata/format1", "data"); err != nil {
		t.Fatal(err)
	}
	added := format2Event()
	for opened := range 3 {
		n := open(t, "data", node.Options{FS: fs, Lists: true, Logger: quiet})
		if tip := n.Tip(); opened == 0 && tip != 63 {
			t.Fatalf("the log ends at %d, want 63", tip)
		}
		for i := range 60 {
			stream, e := format1Event(i)
			if stream == "old-4" {
				continue
			}
			if a, err := n.Append(t.Context(), stream, events.Any, e); err != nil || a.Revision != uint64(i/5) {
				t.Errorf("the repeat of event %d answers %+v, %v; want revision %d", i, a, err, i/5)
			}
		}
		if a, err := n.Append(t.Context(), "old-0", events.Any, added); err != nil || a.Revision != 12 {
			t.Errorf("the new event is at %+v, %v; want revision 12", a, err)
		}
		finish(t, n)
	}
	if format := readFile(t, fs, "data/FORMAT"); string(format) != "{\"format\":2}\n" {
		t.Errorf("the format is %q", format)
	}
}

// format2Event has an id that is lower than those in the old directory.
func format2Event() events.Proposed {
	return events.Proposed{ID: uuid.MustParse("018f2d0a-7d7b-7000-8000-000000000000"), Type: "Tested", Data: []byte("{}")}
}

// TestRepeatAcrossFormats appends an event of an old directory once more, at
// an exact revision: its id now finds the new one.
func TestRepeatAcrossFormats(t *testing.T) {
	fs := vfs.NewMem()
	if _, err := vfs.Clone(vfs.Default, fs, "testdata/format1", "data"); err != nil {
		t.Fatal(err)
	}
	n := open(t, "data", node.Options{FS: fs, Logger: quiet})
	stream, e := format1Event(1)
	for _, expected := range []events.Expected{events.At(11), events.Any} {
		if a, err := n.Append(t.Context(), stream, expected, e); err != nil || a.Revision != 12 {
			t.Errorf("expecting %d: %+v, %v; want revision 12", expected, a, err)
		}
	}
}
