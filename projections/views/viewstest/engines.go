// Package viewstest is the contract that both engines of views keep, and lets
// tests run on both.
package viewstest

import (
	"testing"

	"parley/events/pgtest"
	"parley/projections/views"
)

// Kind makes places for views on one engine.
type Kind func(testing.TB) Opener

// Each runs a test on each engine: on SQLite, and on PostgreSQL where it is
// installed; else that part is skipped, or fails if PARLEY_TEST_REQUIRE is
// "all". The package's TestMain calls pgtest.Main.
func Each(t *testing.T, test func(t *testing.T, kind Kind)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite) })
	t.Run("postgres", func(t *testing.T) {
		pgtest.Require(t)
		test(t, Postgres)
	})
}

// Opener opens one place again and again, as processes do one after the other.
// The engine is closed when the test ends, and may be closed before.
type Opener func(t testing.TB) views.Engine

// SQLite is a new directory.
func SQLite(t testing.TB) Opener { return SQLiteIn(t.TempDir())(t) }

// SQLiteIn is a directory that the test knows.
func SQLiteIn(dir string) Kind {
	return func(testing.TB) Opener {
		return func(testing.TB) views.Engine { return views.NewSQLite(dir) }
	}
}

// Postgres is a schema of its own in a database that the process's tests
// share.
func Postgres(t testing.TB) Opener {
	t.Helper()
	return At(pgtest.URL(t))
}

// At is a PostgreSQL database.
func At(connection string) Opener {
	return func(t testing.TB) views.Engine {
		t.Helper()
		engine, err := views.OpenPostgres(t.Context(), connection)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := engine.Close(); err != nil {
				t.Errorf("closing the engine: %v", err)
			}
		})
		return engine
	}
}
