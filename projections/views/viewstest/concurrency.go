package viewstest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"parley/projections/views"
)

func snapshotIsOneState(t *testing.T, opener Opener) {
	store := open(t, opener(t), things)
	update(t, store, insert(t.Context(), 1, "a"))
	err := store.Snapshot(t.Context(), func(tx *views.Tx) error {
		for round := range 2 {
			var found int
			if err := tx.QueryRow(t.Context(), "SELECT COUNT(*) FROM things", nil, &found); err != nil || found != 1 {
				return fmt.Errorf("the snapshot shows %d rows: %w", found, err)
			}
			if round == 0 {
				update(t, store, insert(t.Context(), 2, "b"))
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if got := count(t, store); got != 2 {
		t.Errorf("after the snapshot there are %d rows", got)
	}
}

// concurrentReaders has each update add a thing with two tags: a reader sees
// none of it or all of it, and never less than before.
func concurrentReaders(t *testing.T, opener Opener) {
	store := open(t, opener(t), things)
	done := make(chan struct{})
	var reading sync.WaitGroup
	for range 4 {
		reading.Go(func() {
			for last := 0; ; {
				select {
				case <-done:
					return
				default:
				}
				var found, tagged int
				err := store.QueryRow(t.Context(), "SELECT (SELECT COUNT(*) FROM things), (SELECT COUNT(*) FROM tags)", nil, &found, &tagged)
				if err != nil || tagged != 2*found || found < last {
					t.Errorf("%d things and %d tags after %d things: %v", found, tagged, last, err)
					return
				}
				last = found
			}
		})
	}
	for i := range 50 {
		update(t, store, func(tx *views.Tx) error {
			tag := "INSERT INTO tags (thing, tag, weight) VALUES ($1, $2, 0)"
			return errors.Join(
				tx.Queue(t.Context(), tag, i, []byte("a")),
				insert(t.Context(), int64(i), "a")(tx),
				tx.Queue(t.Context(), tag, i, []byte("b")))
		})
		if got := count(t, store); got != i+1 {
			t.Errorf("after update %d there are %d rows", i, got)
		}
	}
	close(done)
	reading.Wait()
}

// movedByOthers has several move the checkpoint from one place.
func movedByOthers(t *testing.T, opener Opener) {
	store := open(t, opener(t), things)
	rivals := []*views.Store{store, open(t, opener(t), things), open(t, opener(t), things), open(t, opener(t), things)}
	var moving sync.WaitGroup
	errs := make([]error, len(rivals))
	for i, rival := range rivals {
		moving.Go(func() {
			errs[i] = rival.Serving().Update(t.Context(), views.Checkpoint{}, views.Checkpoint{Position: 5, Event: 5}, insert(t.Context(), 1, "a"))
		})
	}
	moving.Wait()
	stored := 0
	for _, err := range errs {
		if err == nil {
			stored++
		} else if !errors.Is(err, views.ErrMoved) || views.Passing(err) {
			t.Errorf("who lost got %v", err)
		}
	}
	if stored != 1 || count(t, store) != 1 {
		t.Errorf("%d updates were stored, and there are %d rows", stored, count(t, store))
	}
}
