package viewstest

import (
	"errors"
	"sync"
	"testing"

	"parley/projections/views"
)

// process opens the store as a process does that ends before the next one
// begins.
func process(t *testing.T, opener Opener, schema views.Schema, use func(*views.Store)) {
	t.Helper()
	engine := opener(t)
	store, err := engine.Open(t.Context(), schema)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	}()
	use(store)
}

// fill puts one thing into a generation and moves its checkpoint.
func fill(t *testing.T, generation *views.Generation, id int64, position uint64) {
	t.Helper()
	from, err := generation.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := generation.Update(t.Context(), from, views.Checkpoint{Position: position, Event: position}, insert(t.Context(), id, "a")); err != nil {
		t.Fatal(err)
	}
}

// expect checks how far the generation that serves is.
func expect(t *testing.T, store *views.Store, position uint64) {
	t.Helper()
	serving := store.Serving()
	if serving == nil {
		t.Fatalf("nothing serves, want position %d", position)
	}
	if at, err := serving.Checkpoint(t.Context()); err != nil || at.Position != position {
		t.Errorf("what serves is at %+v, %v; want position %d", at, err, position)
	}
}

func nothingServes(t *testing.T, opener Opener) {
	store := openBare(t, opener(t), things)
	var found int
	if err := store.QueryRow(t.Context(), "SELECT COUNT(*) FROM things", nil, &found); !errors.Is(err, views.ErrBuilding) {
		t.Errorf("a query: %v", err)
	}
	if err := store.Snapshot(t.Context(), func(*views.Tx) error { return nil }); !errors.Is(err, views.ErrBuilding) {
		t.Errorf("a snapshot: %v", err)
	}
	fill(t, build(t, store), 1, 5)
	if store.Serving() != nil {
		t.Error("what is being built serves")
	}
	swap(t, store)
	expect(t, store, 5)
	if got := count(t, store); got != 1 {
		t.Errorf("there are %d rows", got)
	}
}

// swapping has readers count the things of one generation after the other:
// each has more than the one before.
func swapping(t *testing.T, opener Opener) {
	store := open(t, opener(t), things)
	fill(t, store.Serving(), 0, 1)
	rows, err := store.Query(t.Context(), "SELECT id FROM things")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var reading sync.WaitGroup
	for range 4 {
		reading.Go(func() {
			for last := 1; ; {
				select {
				case <-done:
					return
				default:
				}
				var found int
				if err := store.QueryRow(t.Context(), "SELECT COUNT(*) FROM things", nil, &found); err != nil || found < last {
					t.Errorf("%d things after %d: %v", found, last, err)
					return
				}
				last = found
			}
		})
	}
	for round := 2; round < 10; round++ {
		next := build(t, store)
		for id := range round {
			fill(t, next, int64(id), uint64(id))
		}
		swap(t, store)
		if got := count(t, store); got != round {
			t.Errorf("after the swap there are %d rows, want %d", got, round)
		}
	}
	close(done)
	reading.Wait()
	if !rows.Next() || rows.Next() || rows.Err() != nil {
		t.Errorf("the query that was under way gave other rows: %v", rows.Err())
	}
	if err := rows.Close(); err != nil {
		t.Error(err)
	}
}

func restarting(t *testing.T, opener Opener) {
	process(t, opener, things, func(store *views.Store) {
		fill(t, build(t, store), 1, 1)
		swap(t, store)
		fill(t, build(t, store), 1, 7)
	})
	process(t, opener, things, func(store *views.Store) {
		expect(t, store, 1)
		unfinished := store.Unfinished()
		if unfinished == nil || build(t, store) != unfinished {
			t.Fatal("what was begun is not found")
		}
		fill(t, unfinished, 2, 8)
		expect(t, store, 1)
		swap(t, store)
		expect(t, store, 8)
		if got := count(t, store); got != 2 {
			t.Errorf("there are %d rows", got)
		}
	})
	process(t, opener, things, func(store *views.Store) {
		expect(t, store, 8)
		if store.Unfinished() != nil {
			t.Error("something is unfinished after the swap")
		}
		if err := store.Discard(t.Context(), build(t, store)); err != nil {
			t.Fatal(err)
		}
	})
	process(t, opener, things, func(store *views.Store) {
		expect(t, store, 8)
		if store.Unfinished() != nil {
			t.Error("what was discarded is found again")
		}
	})
}

func scratching(t *testing.T, opener Opener) {
	process(t, opener, things, func(store *views.Store) {
		fill(t, build(t, store), 1, 1)
		swap(t, store)
		scratch, err := store.Scratch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fill(t, scratch, 2, 9)
		expect(t, store, 1)
		if store.Unfinished() != nil {
			t.Error("what is to be compared would serve")
		}
	})
	process(t, opener, things, func(store *views.Store) {
		expect(t, store, 1)
		if store.Unfinished() != nil {
			t.Error("what was to be compared would serve after a restart")
		}
	})
}

func versions(t *testing.T, opener Opener) {
	process(t, opener, things, func(store *views.Store) {
		fill(t, build(t, store), 1, 3)
		swap(t, store)
	})
	other := things
	other.Version = 2
	other.Tables = []views.Table{{Name: "things", Columns: "id BIGINT NOT NULL, title TEXT", Key: "id"}}
	other.Indexes = nil
	process(t, opener, other, func(store *views.Store) {
		if store.Serving() != nil {
			t.Error("a version with other tables serves")
		}
	})
	newer := things
	newer.Version = 3
	process(t, opener, newer, func(store *views.Store) {
		expect(t, store, 3)
		if serving := store.Serving(); serving.Version != 1 {
			t.Errorf("version %d serves", serving.Version)
		}
		fill(t, build(t, store), 1, 4)
	})
	process(t, opener, newer, func(store *views.Store) {
		expect(t, store, 3)
		swap(t, store)
		expect(t, store, 4)
	})
	process(t, opener, newer, func(store *views.Store) {
		expect(t, store, 4)
		if serving := store.Serving(); serving.Version != 3 {
			t.Errorf("version %d serves", serving.Version)
		}
	})
	process(t, opener, things, func(store *views.Store) {
		// The older one may have been kept for servers that still use it.
		if serving := store.Serving(); serving == nil || serving.Version == 2 {
			t.Errorf("after going back to the older program %+v serves", serving)
		}
		fill(t, build(t, store), 1, 5)
		swap(t, store)
		expect(t, store, 5)
	})
}

func withdrawing(t *testing.T, opener Opener) {
	process(t, opener, things, func(store *views.Store) {
		fill(t, build(t, store), 1, 3)
		swap(t, store)
		store.Withdraw(t.Context())
		if store.Serving() != nil {
			t.Error("what was withdrawn serves")
		}
		fill(t, build(t, store), 1, 1)
		swap(t, store)
		expect(t, store, 1)
	})
	process(t, opener, things, func(store *views.Store) { expect(t, store, 1) })
}
