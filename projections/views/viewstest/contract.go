package viewstest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/projections/views"
)

// Contract checks what read models rely on, whatever the engine.
func Contract(t *testing.T) {
	for _, part := range []struct {
		name string
		test func(*testing.T, Opener)
	}{
		{"an update is stored with its checkpoint or not at all", updateIsAtomic},
		{"a statement's error is the update's, however it was sent", errorsArrive},
		{"of two who bring a view forward one succeeds", movedByOthers},
		{"a broken rule is no fault that passes", ruleDoesNotPass},
		{"queries cannot write", queriesCannotWrite},
		{"values come back as they were stored", valuesReturn},
		{"what is no value is refused", noValues},
		{"rows are in the order of bytes and numbers", order},
		{"the statements that read models use", statements},
		{"a transaction sees its own writes, in their order", ownWrites},
		{"one statement at a time in a transaction", oneAtATime},
		{"a snapshot is one state", snapshotIsOneState},
		{"readers see whole updates while a writer goes on", concurrentReaders},
		{"stores do not know each other's tables", storesAreApart},
		{"texts are found by words, phrases, prefixes and marks", textsAreFound},
		{"texts that change leave nothing behind", textsChange},
		{"nothing serves before the first swap", nothingServes},
		{"a swap is at once, and queries under way go on", swapping},
		{"after a restart what served serves, and what was begun goes on", restarting},
		{"what is to be compared never serves", scratching},
		{"a new version is built while the old one serves, if its tables are the same", versions},
		{"what was withdrawn serves no more", withdrawing},
	} {
		t.Run(part.name, func(t *testing.T) {
			Each(t, func(t *testing.T, kind Kind) { part.test(t, kind(t)) })
		})
	}
}

// things is the schema of most parts.
var things = views.Schema{
	Name:    "things",
	Version: 1,
	Tables: []views.Table{
		{Name: "things", Columns: "id BIGINT NOT NULL, name TEXT, body BYTEA", Key: "id"},
		{Name: "tags", Columns: "thing BIGINT NOT NULL, tag BYTEA NOT NULL, weight BIGINT NOT NULL", Key: "thing, tag"},
	},
	Indexes: []string{"CREATE INDEX IF NOT EXISTS things_by_name ON things (name)"},
}

// open opens a store in which something serves.
func open(t *testing.T, engine views.Engine, schema views.Schema) *views.Store {
	t.Helper()
	store := openBare(t, engine, schema)
	if store.Serving() == nil {
		build(t, store)
		swap(t, store)
	}
	return store
}

// openBare opens a store as it is.
func openBare(t *testing.T, engine views.Engine, schema views.Schema) *views.Store {
	t.Helper()
	store, err := engine.Open(t.Context(), schema)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sync.OnceFunc(func() {
		if err := store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	}))
	return store
}

func build(t *testing.T, store *views.Store) *views.Generation {
	t.Helper()
	generation, err := store.Build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return generation
}

func swap(t *testing.T, store *views.Store) {
	t.Helper()
	if err := store.Swap(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func update(t *testing.T, store *views.Store, change func(*views.Tx) error) {
	t.Helper()
	from, err := store.Serving().Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Serving().Update(t.Context(), from, views.Checkpoint{Position: 1, Event: 1}, change); err != nil {
		t.Fatal(err)
	}
}

func insert(ctx context.Context, id int64, name any) func(*views.Tx) error {
	return func(tx *views.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO things (id, name) VALUES ($1, $2)", id, name)
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

func updateIsAtomic(t *testing.T, opener Opener) {
	store := open(t, opener(t), things)
	first := views.Checkpoint{Position: 7, Event: 6}
	if err := store.Serving().Update(t.Context(), views.Checkpoint{}, first, insert(t.Context(), 1, "a")); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("no")
	err := store.Serving().Update(t.Context(), first, views.Checkpoint{Position: 8, Event: 8}, func(tx *views.Tx) error {
		return errors.Join(insert(t.Context(), 2, "b")(tx), tx.Queue(t.Context(), "INSERT INTO things (id) VALUES ($1)", 5), refused)
	})
	if !errors.Is(err, refused) {
		t.Errorf("a refused update: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	err = store.Serving().Update(ended, first, views.Checkpoint{Position: 9, Event: 9}, func(tx *views.Tx) error {
		if err := insert(ended, 3, "c")(tx); err != nil {
			return err
		}
		end()
		return insert(ended, 4, "d")(tx)
	})
	if err == nil {
		t.Error("an update whose context ended was stored")
	}
	if err := store.Serving().Update(t.Context(), first, views.Checkpoint{Position: 7, Event: 7}, nil); err != nil {
		t.Errorf("after failed updates: %v", err)
	}

	again := open(t, opener(t), things)
	if got, err := again.Serving().Checkpoint(t.Context()); got != (views.Checkpoint{Position: 7, Event: 7}) || err != nil {
		t.Errorf("the checkpoint is %+v, %v", got, err)
	}
	if got := count(t, again); got != 1 {
		t.Errorf("there are %d rows", got)
	}
}

func errorsArrive(t *testing.T, opener Opener) {
	store := open(t, opener(t), things)
	ctx := t.Context()
	twice := func(tx *views.Tx) error {
		return errors.Join(
			tx.Queue(ctx, "INSERT INTO things (id) VALUES ($1)", 1),
			tx.Queue(ctx, "INSERT INTO things (id) VALUES ($1)", 1))
	}
	if err := store.Serving().Update(ctx, views.Checkpoint{}, views.Checkpoint{Position: 3, Event: 3}, twice); err == nil {
		t.Error("the same key twice was stored")
	}
	swallowed := func(tx *views.Tx) error {
		if err := errors.Join(insert(ctx, 1, "a")(tx), insert(ctx, 1, "a")(tx)); err == nil {
			t.Error("the same key twice was taken")
		}
		return nil
	}
	err := store.Serving().Update(ctx, views.Checkpoint{}, views.Checkpoint{Position: 4, Event: 4}, swallowed)
	stored, checkpointErr := store.Serving().Checkpoint(ctx)
	if checkpointErr != nil {
		t.Fatal(checkpointErr)
	}
	if moved := stored.Position == 4; moved != (err == nil) || moved != (count(t, store) == 1) {
		t.Errorf("after an error that was swallowed the update gave %v, the checkpoint is %+v and there are %d rows", err, stored, count(t, store))
	}
}

func ruleDoesNotPass(t *testing.T, opener Opener) {
	store := open(t, opener(t), things)
	for name, change := range map[string]func(*views.Tx) error{
		"the same key twice": func(tx *views.Tx) error {
			return errors.Join(insert(t.Context(), 1, "a")(tx), insert(t.Context(), 1, "a")(tx))
		},
		"a NULL that is not allowed": func(tx *views.Tx) error {
			_, err := tx.Exec(t.Context(), "INSERT INTO things (id) VALUES ($1)", nil)
			return err
		},
		"no such table": func(tx *views.Tx) error {
			_, err := tx.Exec(t.Context(), "DELETE FROM nothing")
			return err
		},
	} {
		if err := store.Serving().Update(t.Context(), views.Checkpoint{}, views.Checkpoint{}, change); err == nil || views.Passing(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func queriesCannotWrite(t *testing.T, opener Opener) {
	store := open(t, opener(t), things)
	var id int64
	if err := store.QueryRow(t.Context(), "INSERT INTO things (id) VALUES (1) RETURNING id", nil, &id); err == nil {
		t.Error("a query has written")
	}
	err := store.Snapshot(t.Context(), func(tx *views.Tx) error { return insert(t.Context(), 1, "a")(tx) })
	if err == nil || count(t, store) != 0 {
		t.Errorf("a snapshot has written: %v", err)
	}
}

func valuesReturn(t *testing.T, opener Opener) {
	store := open(t, opener(t), things)
	type row struct {
		Name sql.NullString
		Body []byte
	}
	text := func(s string) sql.NullString { return sql.NullString{String: s, Valid: true} }
	long := strings.Repeat("Grüße 🦜 \\ ' \" % $1\n", 2_000)
	tests := map[int64]struct {
		name, body any
		want       row
	}{
		0:              {nil, nil, row{}},
		1:              {"", []byte{}, row{text(""), []byte{}}},
		-1:             {"a", []byte{0, 255, 'x', 0}, row{text("a"), []byte{0, 255, 'x', 0}}},
		math.MaxInt64:  {long, []byte(long), row{text(long), []byte(long)}},
		math.MinInt64:  {"a\x00b\xffc", []byte(nil), row{text("a\uFFFDb\uFFFDc"), nil}},
		1<<53 + 1:      {"NULL", []byte("NULL"), row{text("NULL"), []byte("NULL")}},
		-(1<<53 + 101): {" padded ", []byte(" "), row{text(" padded "), []byte(" ")}},
	}
	for _, queued := range []bool{false, true} {
		update(t, store, func(tx *views.Tx) error {
			if _, err := tx.Exec(t.Context(), "DELETE FROM things"); err != nil {
				return err
			}
			for id, test := range tests {
				const statement = "INSERT INTO things (id, name, body) VALUES ($1, $2, $3)"
				var err error
				if queued {
					err = tx.Queue(t.Context(), statement, id, test.name, test.body)
				} else {
					_, err = tx.Exec(t.Context(), statement, id, test.name, test.body)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		for id, test := range tests {
			var got row
			if err := store.QueryRow(t.Context(), "SELECT name, body FROM things WHERE id = $1", []any{id}, &got.Name, &got.Body); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("queued %v, row %d: %s", queued, id, diff)
			}
		}
	}
	err := store.QueryRow(t.Context(), "SELECT name FROM things WHERE id = $1", []any{99}, new(string))
	if !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("without a row: %v", err)
	}
}

func noValues(t *testing.T, opener Opener) {
	store := open(t, opener(t), things)
	for _, value := range []any{1.5, struct{}{}, uint64(math.MaxUint64), []string{"a"}} {
		err := store.Serving().Update(t.Context(), views.Checkpoint{}, views.Checkpoint{}, func(tx *views.Tx) error {
			return tx.Queue(t.Context(), "INSERT INTO things (id) VALUES ($1)", value)
		})
		if err == nil || views.Passing(err) {
			t.Errorf("%T %v was taken: %v", value, value, err)
		}
	}
	type position uint64
	type name string
	update(t, store, func(tx *views.Tx) error {
		return tx.Queue(t.Context(), "INSERT INTO things (id, name) VALUES ($1, $2)", position(7), name("seven"))
	})
	var got string
	if err := store.QueryRow(t.Context(), "SELECT name FROM things WHERE id = $1", []any{true}, &got); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("true is not 1: %v", err)
	}
	if err := store.QueryRow(t.Context(), "SELECT name FROM things WHERE id = $1", []any{uint32(7)}, &got); err != nil || got != "seven" {
		t.Errorf("a named type came back as %q, %v", got, err)
	}
}

func order(t *testing.T, opener Opener) {
	store := open(t, opener(t), things)
	names := []string{"", " ", "A", "B", "Z", "_", "a", "ab", "b", "z", "Ä", "ß", "ä", "日", "🦜"}
	update(t, store, func(tx *views.Tx) error {
		for i := range names {
			id := int64((i * 7) % len(names)) // in no order
			if err := tx.Queue(t.Context(), "INSERT INTO things (id, name, body) VALUES ($1, $2, $3)", id, names[id], []byte(names[id])); err != nil {
				return err
			}
		}
		return nil
	})
	for _, query := range []string{
		"SELECT name FROM things ORDER BY name", "SELECT name FROM things ORDER BY body", "SELECT name FROM things ORDER BY id",
	} {
		if got := texts(t, store, query); !slices.Equal(got, names) {
			t.Errorf("%s: %q", query, got)
		}
	}
	if got := texts(t, store, "SELECT name FROM things WHERE name > $1 AND name < $2 ORDER BY name DESC", "Z", "b"); !slices.Equal(got, []string{"ab", "a", "_"}) {
		t.Errorf("a range of texts: %q", got)
	}
	if got := texts(t, store, "SELECT name FROM things WHERE (body, id) < ($1, $2) ORDER BY body DESC, id DESC LIMIT $3", []byte("B"), 3, 2); !slices.Equal(got, []string{"A", " "}) {
		t.Errorf("a range of pairs: %q", got)
	}
}

func texts(t *testing.T, store *views.Store, query string, args ...any) (all []string) {
	t.Helper()
	rows, err := store.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func statements(t *testing.T, opener Opener) {
	store := open(t, opener(t), things)
	ctx := t.Context()
	step := func(tx *views.Tx, want int64, text string, args ...any) {
		t.Helper()
		if got, err := tx.Exec(ctx, text, args...); err != nil || got != want {
			t.Fatalf("%s changed %d rows, %v; want %d", text, got, err, want)
		}
	}
	update(t, store, func(tx *views.Tx) error {
		step(tx, 1, "INSERT INTO things (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING", 1, "one")
		step(tx, 0, "INSERT INTO things (id, name) VALUES ($1, $2) ON CONFLICT DO NOTHING", 1, "other")
		step(tx, 1, "INSERT INTO things (id, name) VALUES ($1, $2)", 2, "two")
		add := `INSERT INTO tags (thing, tag, weight) VALUES ($1, $2, $3)
			ON CONFLICT (thing, tag) DO UPDATE SET weight = tags.weight + excluded.weight`
		step(tx, 1, add, 1, []byte("x"), 3)
		step(tx, 1, add, 1, []byte("x"), 4)
		step(tx, 1, add, 2, []byte("x"), 1)
		step(tx, 1, "UPDATE things SET name = $1 WHERE id = $2 AND name <> $1", "ONE", 1)
		step(tx, 0, "UPDATE things SET name = $1 WHERE id = $2 AND name <> $1", "ONE", 1)
		step(tx, 1, "DELETE FROM things WHERE id = $1", 2)
		return nil
	})
	var name string
	var weight, least int64
	var lonely bool
	err := store.QueryRow(ctx, `SELECT t.name, SUM(g.weight), COALESCE(MIN(g.weight), $1), EXISTS (SELECT 1 FROM things WHERE id = $2)
		FROM things t JOIN tags g ON g.thing = t.id LEFT JOIN tags o ON o.thing = t.id AND o.tag = $3
		WHERE t.id = $4 AND o.thing IS NULL GROUP BY t.name`, []any{5, 2, []byte("y"), 1}, &name, &weight, &least, &lonely)
	if err != nil || name != "ONE" || weight != 7 || least != 7 || lonely {
		t.Errorf("%q, %d, %d, %v, %v", name, weight, least, lonely, err)
	}
	if got := texts(t, store, "SELECT name FROM (SELECT name, id FROM things UNION ALL SELECT 'more', thing FROM tags) u WHERE u.id = $1 OR $2 = '' ORDER BY name", 1, "x"); !slices.Equal(got, []string{"ONE", "more"}) {
		t.Errorf("of a subquery: %q", got)
	}
}

func ownWrites(t *testing.T, opener Opener) {
	store := open(t, opener(t), things)
	ctx := t.Context()
	update(t, store, func(tx *views.Tx) error {
		for i := range 3000 {
			if err := tx.Queue(ctx, "INSERT INTO things (id, name) VALUES ($1, $2)", i, fmt.Sprint(i)); err != nil {
				return err
			}
			if err := tx.Queue(ctx, "UPDATE things SET name = $1 WHERE id = $2", fmt.Sprint("new", i), i); err != nil {
				return err
			}
		}
		var found int
		if err := tx.QueryRow(ctx, "SELECT COUNT(*) FROM things WHERE name LIKE 'new%'", nil, &found); err != nil || found != 3000 {
			return fmt.Errorf("the transaction sees %d rows: %w", found, err)
		}
		if err := tx.Queue(ctx, "DELETE FROM things WHERE id >= $1", 10); err != nil {
			return err
		}
		if changed, err := tx.Exec(ctx, "DELETE FROM things WHERE id >= $1", 5); err != nil || changed != 5 {
			return fmt.Errorf("%d rows were left to delete: %w", changed, err)
		}
		return nil
	})
	if got := count(t, store); got != 5 {
		t.Errorf("there are %d rows", got)
	}
}

func oneAtATime(t *testing.T, opener Opener) {
	store := open(t, opener(t), things)
	ctx := t.Context()
	update(t, store, func(tx *views.Tx) error {
		if err := errors.Join(insert(ctx, 1, "a")(tx), insert(ctx, 2, "b")(tx)); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT id FROM things")
		if err != nil {
			return err
		}
		defer rows.Close()
		if !rows.Next() {
			return errors.New("no rows")
		}
		if err := insert(ctx, 3, "c")(tx); err == nil {
			return errors.New("a statement ran while rows were open")
		}
		if err := rows.Close(); err != nil {
			return err
		}
		return insert(ctx, 3, "c")(tx)
	})
	if got := count(t, store); got != 3 {
		t.Errorf("there are %d rows", got)
	}
}

func storesAreApart(t *testing.T, opener Opener) {
	engine := opener(t)
	others := things
	others.Name = "others"
	one, other := open(t, engine, things), open(t, engine, others)
	update(t, one, insert(t.Context(), 1, "a"))
	if got, err := other.Serving().Checkpoint(t.Context()); got != (views.Checkpoint{}) || err != nil || count(t, other) != 0 {
		t.Errorf("the other store has %d rows, %+v, %v", count(t, other), got, err)
	}
}
