package views_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/events/pgtest"
	"parley/projections/views"
	"parley/projections/views/viewstest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestContract(t *testing.T) { viewstest.Contract(t) }

var things = views.Schema{
	Name:    "things",
	Version: 1,
	Tables:  []views.Table{{Name: "things", Columns: "id BIGINT NOT NULL, name TEXT, body BYTEA", Key: "id"}},
}

// rebuildTwice leaves a generation that serves, after others did.
func rebuildTwice(t *testing.T, engine views.Engine) {
	t.Helper()
	store, err := engine.Open(t.Context(), things)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := store.Build(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := store.Swap(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFilesThatDoNotServeAreRemoved(t *testing.T) {
	dir := t.TempDir()
	for _, old := range []string{"things.v1.db", "things.v12.db", "things.v1.17.db"} {
		if err := os.WriteFile(filepath.Join(dir, old), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rebuildTwice(t, views.NewSQLite(dir))
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 || filepath.Base(files[0]) != "things.v1.3.db" {
		t.Errorf("left are %v, %v", files, err)
	}
}

// TestFilesAreCopiedWhileInUse copies what serves and what is being built, with
// all that was committed by then.
func TestFilesAreCopiedWhileInUse(t *testing.T) {
	engine, dir := views.NewSQLite(t.TempDir()), filepath.Join(t.TempDir(), "copy")
	store, err := engine.Open(t.Context(), things)
	if err != nil {
		t.Fatal(err)
	}
	built, err := store.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Swap(t.Context()); err != nil {
		t.Fatal(err)
	}
	add := func(id int64) {
		t.Helper()
		at := views.Checkpoint{Position: uint64(id), Event: uint64(id)}
		before := views.Checkpoint{Position: uint64(id) - 1, Event: uint64(id) - 1}
		err := built.Update(t.Context(), before, at, func(tx *views.Tx) error {
			return tx.Queue(t.Context(), `INSERT INTO things (id) VALUES ($1)`, id)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	add(1)
	if err := engine.Copy(t.Context(), things, dir); err != nil {
		t.Fatal(err)
	}
	add(2)
	if err := engine.Copy(t.Context(), things, dir); !errors.Is(err, os.ErrExist) {
		t.Errorf("over another copy: %v", err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	copied, err := views.NewSQLite(dir).Open(t.Context(), things)
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	var rows, last int64
	if err := copied.QueryRow(t.Context(), `SELECT COUNT(*), MAX(id) FROM things`, nil, &rows, &last); err != nil || rows != 1 || last != 1 {
		t.Errorf("the copy has %d rows up to %d: %v", rows, last, err)
	}
	if at, err := copied.Serving().Checkpoint(t.Context()); err != nil || at.Event != 1 {
		t.Errorf("the copy is at %+v: %v", at, err)
	}
}

func TestSchemasThatDoNotServeAreRemoved(t *testing.T) {
	connection := pgtest.URL(t)
	rebuildTwice(t, viewstest.At(connection)(t).(*views.Postgres).WithoutGrace())
	db, err := sql.Open("pgx", connection)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var left string
	err = db.QueryRowContext(t.Context(), `SELECT string_agg(nspname, ' ' ORDER BY nspname) FROM pg_namespace WHERE nspname LIKE current_setting('search_path') || '\_%'`).Scan(&left)
	if err != nil || !strings.HasSuffix(left, "_things_3") || strings.Contains(left, " ") {
		t.Errorf("left are %s, %v", left, err)
	}
}

func TestDamagedFileIsNamed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "things.v1.1.db")
	if err := os.WriteFile(file, []byte(strings.Repeat("not a database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := views.NewSQLite(dir).Open(t.Context(), things); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("opened, %v", err)
	}
}

func TestConnectionStringsAreChecked(t *testing.T) {
	for _, bad := range []string{"postgres://%zz", "postgres:///x?search_path=a,b", "postgres:///x?search_path=Robert"} {
		if _, err := views.OpenPostgres(t.Context(), bad); err == nil || views.Passing(err) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := views.OpenPostgres(t.Context(), "postgres://127.0.0.1:1/x?sslmode=disable"); !views.Passing(err) {
		t.Errorf("nobody listens: %v", err)
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
