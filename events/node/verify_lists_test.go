package node

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"parley/events"
)

// TestVerifyFindsDamagedLists damages a list of a sound store in turn: a
// category of three events, at positions 1, 2 and 3.
func TestVerifyFindsDamagedLists(t *testing.T) {
	category := listNumber(byCategory, 1)
	for name, try := range map[string]struct {
		damage func(*pebble.Batch) error
		words  string
	}{
		"nothing": {func(*pebble.Batch) error { return nil }, ""},
		"a lost entry": {func(b *pebble.Batch) error {
			return b.Delete(appendStreamKey(nil, category, 1), nil)
		}, "revision 2 at position 3 after revision 0 at 1"},
		"a lost last entry": {func(b *pebble.Batch) error {
			return b.Delete(appendStreamKey(nil, category, 2), nil)
		}, "entries up to position 4"},
		"an entry for another's event": {func(b *pebble.Batch) error {
			return b.Set(appendStreamKey(nil, category, 2), []byte{4}, nil)
		}, "at position 4, which does not belong in it"},
		"a lost list": {func(b *pebble.Batch) error {
			return b.Delete(appendListKey(nil, "$ce-order"), nil)
		}, "entries up to position 4"},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := Open("data", Options{FS: vfs.NewMem(), Lists: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, stream := range []string{"order-1", "order-1", "order-2", "other"} {
				e := events.Proposed{ID: uuid.New(), Type: "T", Data: []byte("{}")}
				if _, err := n.Append(t.Context(), stream, events.Any, e); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := n.WaitStream(t.Context(), "$ce-order", 3); err != nil {
				t.Fatal(err)
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
