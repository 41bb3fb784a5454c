package views_test

import (
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

func schema(version int) views.Schema {
	return views.Schema{
		Name:    "things",
		Version: version,
		Tables:  []views.Table{{Name: "things", Columns: "id BIGINT NOT NULL, name TEXT, body BYTEA", Key: "id"}},
	}
}

func TestVersionsHaveTheirOwnFiles(t *testing.T) {
	dir := t.TempDir()
	engine := views.NewSQLite(dir)
	old, err := engine.Open(t.Context(), schema(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Update(t.Context(), views.Checkpoint{Position: 1}, nil); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}

	newer, err := engine.Open(t.Context(), schema(2))
	if err != nil {
		t.Fatal(err)
	}
	if at, err := newer.Checkpoint(t.Context()); at != (views.Checkpoint{}) || err != nil {
		t.Errorf("a new version begins at %+v, %v", at, err)
	}
	if err := newer.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 || filepath.Base(files[0]) != "things.v2.db" {
		t.Errorf("left are %v, %v", files, err)
	}
	if _, err := engine.Open(t.Context(), schema(1)); err == nil || !strings.Contains(err.Error(), files[0]) {
		t.Errorf("a newer program's view: %v", err)
	}
}

func TestDamagedFileIsNamed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "things.v1.db")
	if err := os.WriteFile(file, []byte(strings.Repeat("not a database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := views.NewSQLite(dir).Open(t.Context(), schema(1)); err == nil || !strings.Contains(err.Error(), file) {
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
