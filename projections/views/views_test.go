package views_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/projections/views"
)

func schema(version int) views.Schema {
	return views.Schema{
		Name:    "things",
		Version: version,
		Tables:  []views.Table{{Name: "things", Columns: "id BIGINT NOT NULL, name TEXT, body BYTEA", Key: "id"}},
		Indexes: []string{"CREATE INDEX IF NOT EXISTS things_by_name ON things (name)"},
	}
}

func open(t *testing.T, dir string, version int) *views.Store {
	t.Helper()
	store, err := views.OpenSQLite(t.Context(), dir, schema(version))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func shut(t *testing.T, store *views.Store) {
	t.Helper()
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

func insert(ctx context.Context, id int64) func(*views.Tx) error {
	return func(tx *views.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO things (id, name) VALUES ($1, $2)", id, "a thing")
		return err
	}
}

func count(t *testing.T, store *views.Store) (n int) {
	t.Helper()
	if err := store.QueryRow(t.Context(), "SELECT COUNT(*) FROM things", nil, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRowsAndCheckpointAreStoredTogether(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir, 1)
	first := views.Checkpoint{Position: 7, Event: 6}
	if err := store.Update(t.Context(), first, insert(t.Context(), 1)); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("no")
	err := store.Update(t.Context(), views.Checkpoint{Position: 8, Event: 8}, func(tx *views.Tx) error {
		return errors.Join(insert(t.Context(), 2)(tx), refused)
	})
	if !errors.Is(err, refused) {
		t.Errorf("a refused update: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	err = store.Update(ended, views.Checkpoint{Position: 9, Event: 9}, func(tx *views.Tx) error {
		if err := insert(ended, 3)(tx); err != nil {
			return err
		}
		end()
		return insert(ended, 4)(tx)
	})
	if err == nil {
		t.Error("an update whose context ended was stored")
	}
	shut(t, store)

	store = open(t, dir, 1)
	defer shut(t, store)
	if got, err := store.Checkpoint(t.Context()); got != first || err != nil {
		t.Errorf("the checkpoint is %+v, %v", got, err)
	}
	if got := count(t, store); got != 1 {
		t.Errorf("there are %d rows", got)
	}
	if err := store.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Checkpoint(t.Context()); got != (views.Checkpoint{}) || err != nil || count(t, store) != 0 {
		t.Errorf("after clearing the checkpoint is %+v, %v", got, err)
	}
}

func TestConstraintDoesNotPass(t *testing.T) {
	store := open(t, t.TempDir(), 1)
	defer shut(t, store)
	twice := func(tx *views.Tx) error {
		return errors.Join(insert(t.Context(), 1)(tx), insert(t.Context(), 1)(tx))
	}
	if err := store.Update(t.Context(), views.Checkpoint{}, twice); err == nil || views.Passing(err) {
		t.Errorf("the same key twice: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := store.Update(ended, views.Checkpoint{}, insert(ended, 1)); err == nil {
		t.Error("an ended context stored a row")
	}
}

func TestReadersCannotWrite(t *testing.T) {
	store := open(t, t.TempDir(), 1)
	defer shut(t, store)
	var id int64
	if err := store.QueryRow(t.Context(), "INSERT INTO things (id) VALUES (1) RETURNING id", nil, &id); err == nil {
		t.Error("a query has written")
	}
}

func TestVersionsHaveTheirOwnFiles(t *testing.T) {
	dir := t.TempDir()
	old := open(t, dir, 1)
	if err := old.Update(t.Context(), views.Checkpoint{Position: 1}, insert(t.Context(), 1)); err != nil {
		t.Fatal(err)
	}
	shut(t, old)

	newer := open(t, dir, 2)
	if got := count(t, newer); got != 0 {
		t.Errorf("a new version begins with %d rows", got)
	}
	shut(t, newer)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 || filepath.Base(files[0]) != "things.v2.db" {
		t.Errorf("left are %v, %v", files, err)
	}
	if _, err := views.OpenSQLite(t.Context(), dir, schema(1)); err == nil || !strings.Contains(err.Error(), files[0]) {
		t.Errorf("a newer program's view: %v", err)
	}
}

func TestDamagedFileIsNamed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "things.v1.db")
	if err := os.WriteFile(file, []byte(strings.Repeat("not a database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := views.OpenSQLite(t.Context(), dir, schema(1)); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("opened, %v", err)
	}
}

func TestDigestTellsValuesApart(t *testing.T) {
	seen := make(map[string][]any)
	for _, values := range [][]any{
		{}, {nil}, {int64(0)}, {0.0}, {""}, {[]byte{}}, {"ab"}, {"a", "b"}, {[]byte("ab")}, {nil, nil},
	} {
		digest := views.NewDigest()
		if err := digest.Add(values...); err != nil {
			t.Fatal(err)
		}
		if other, same := seen[digest.Sum()]; same {
			t.Errorf("%v and %v have one digest", values, other)
		}
		seen[digest.Sum()] = values
	}
	if err := views.NewDigest().Add(struct{}{}); err == nil {
		t.Error("took a struct")
	}
}
