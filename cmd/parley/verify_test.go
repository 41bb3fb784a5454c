package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestVerifyTellsKindsOfDamage damages a data directory in several ways and
// wants each named for what it is.
func TestVerifyTellsKindsOfDamage(t *testing.T) {
	for name, try := range map[string]struct {
		damage func(t *testing.T, log string)
		told   []string
	}{
		"a lost event": {inStore(func(b *pebble.Batch) error {
			return b.Delete([]byte{'e', 0, 0, 0, 0, 0, 0, 0, 3}, nil)
		}), []string{"position 4 follows 2", "is damaged", "restore it from a backup"}},
		"lost ids": {inStore(func(b *pebble.Batch) error {
			return b.DeleteRange([]byte("u"), []byte("v"), nil)
		}), []string{"is not found by its id", "7 findings"}},
		"lost names": {inStore(func(b *pebble.Batch) error {
			return b.DeleteRange([]byte("n"), []byte("o"), nil)
		}), []string{"0 streams have a name"}},
		"a lost table": {func(t *testing.T, log string) {
			tables, err := filepath.Glob(filepath.Join(log, "*.sst"))
			if err != nil || len(tables) == 0 {
				t.Fatalf("the log has no tables: %v", err)
			}
			if err := os.Remove(tables[0]); err != nil {
				t.Fatal(err)
			}
		}, []string{"sstable", "does not exist", "restore"}},
		"a lost manifest": {func(t *testing.T, log string) {
			markers, err := filepath.Glob(filepath.Join(log, "marker.manifest.*"))
			if err != nil || len(markers) != 1 {
				t.Fatalf("%d markers: %v", len(markers), err)
			}
			if err := os.Remove(markers[0]); err != nil {
				t.Fatal(err)
			}
		}, []string{"no marker.manifest", "restore"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := talk(t)
			try.damage(t, filepath.Join(w.data, "log"))
			p := start(t, nil, "verify", "--data", w.data)
			if code := p.wait(); code != failed {
				t.Errorf("exit code %d\n%s%s", code, p.stdout, p.stderr)
			}
			said := p.stdout.String() + p.stderr.String()
			for _, words := range try.told {
				if !strings.Contains(said, words) {
					t.Errorf("%q is not said: %s", words, said)
				}
			}
		})
	}
}

// inStore changes keys of the store behind the log's back.
func inStore(change func(*pebble.Batch) error) func(t *testing.T, log string) {
	return func(t *testing.T, log string) {
		t.Helper()
		db, err := pebble.Open(log, &pebble.Options{
			WALDir:             pebble.MakeStoreRelativePath(vfs.Default, "wal"),
			FormatMajorVersion: pebble.FormatNewest,
		})
		if err != nil {
			t.Fatal(err)
		}
		b := db.NewBatch()
		if err := change(b); err != nil {
			t.Fatal(err)
		}
		if err := b.Commit(pebble.Sync); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
