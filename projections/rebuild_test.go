package projections_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
)

// TestRebuildIsNeverSeen rebuilds a view again and again while people write
// and read: who has waited for a message sees it, and nothing that was seen
// goes away.
func TestRebuildIsNeverSeen(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.opts.BatchEvents = 5
		room := w.start(0, ann, bob)
		for i := range 60 {
			w.post(room, ann, fmt.Sprint(i), time.Duration(i))
		}
		set, _ := w.settled()
		done := make(chan struct{})
		var readers sync.WaitGroup
		for range 2 {
			readers.Go(func() { readUntil(t, done, set, room) })
			readers.Go(func() { countUntil(t, done, set, room) })
		}
		rebuilt := make(chan error)
		go func() {
			var errs error
			for range 3 {
				errs = errors.Join(errs, set.Rebuild(t.Context(), projections.ConversationsName))
			}
			rebuilt <- errs
		}()
		for writing, i := true, 0; writing; i++ {
			posted := w.post(room, ann, fmt.Sprint("more ", i), time.Duration(i))
			if err := set.Wait(t.Context(), projections.ConversationsName, posted.Position); err != nil {
				t.Fatal(err)
			}
			if got := newestShown(t, set, room); got < posted.Revision {
				t.Errorf("after message %d was applied, the page ends with %d", posted.Revision, got)
			}
			select {
			case err := <-rebuilt:
				if err != nil {
					t.Error(err)
				}
				writing = false
			default:
			}
		}
		close(done)
		readers.Wait()
		w.catchUp(set)
		want := digests(t, set)
		w.elsewhere()
		again, _ := w.settled()
		if diff := cmp.Diff(want, digests(t, again)); diff != "" {
			t.Errorf("built elsewhere the views differ: %s", diff)
		}
	})
}

// countUntil counts the messages, of which there are never fewer than before.
func countUntil(t *testing.T, done <-chan struct{}, set *projections.Set, room uuid.UUID) {
	for last := uint64(60); ; {
		select {
		case <-done:
			return
		default:
		}
		shown, err := set.Conversations.Get(t.Context(), room, bob)
		if err != nil || shown.MessageCount < last || shown.Unread != shown.MessageCount {
			t.Errorf("after %d messages: %+v, %v", last, shown, err)
			return
		}
		last = shown.MessageCount
	}
}

// breakingLog ends the run when a follower has taken some events, and counts.
type breakingLog struct {
	events.Log
	left  atomic.Int64
	taken atomic.Int64
	cut   context.CancelFunc
}

func (l *breakingLog) Follow(ctx context.Context, after events.Position, filter events.Filter) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		for recorded, err := range l.Log.Follow(ctx, after, filter) {
			if err == nil && !recorded.IsMark() {
				l.taken.Add(1)
				if l.left.Add(-1) == 0 {
					l.cut()
				}
			}
			if !yield(recorded, err) {
				return
			}
		}
	}
}

// TestBrokenOffRebuildGoesOn ends the process while a view is being rebuilt.
// The next one serves the old view at once, and builds the new one to the end.
func TestBrokenOffRebuildGoesOn(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.opts.BatchEvents = 10
		w.opts.Only = []string{projections.UsersName}
		const people = 200
		for i := range people {
			w.register(uuid.UUID{14: byte(i >> 8), 15: byte(i)}, fmt.Sprint("user", i), "p", time.Duration(i))
		}
		set, stop := w.settled()
		before, err := set.Digest(t.Context(), projections.UsersName)
		if err != nil {
			t.Fatal(err)
		}
		stop()

		log := w.journal.Log
		ctx, cancel := context.WithCancel(t.Context())
		breaking := &breakingLog{Log: log, cut: cancel}
		breaking.left.Store(people / 2)
		w.journal.Log = breaking
		broken := w.open()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			broken.Run(ctx)
		}()
		if err := broken.Rebuild(ctx, projections.UsersName); !errors.Is(err, context.Canceled) {
			t.Errorf("the rebuild that was broken off: %v", err)
		}
		<-ended
		closing(t, broken.Close)

		breaking = &breakingLog{Log: log, cut: cancel}
		w.journal.Log = breaking
		set, _ = w.run()
		if user, err := set.Users.Get(t.Context(), uuid.UUID{15: 7}); err != nil || user.Handle != "user7" {
			t.Errorf("while it is built, a user is %+v, %v", user, err)
		}
		if err := set.Rebuild(t.Context(), projections.UsersName); err != nil {
			t.Fatal(err)
		}
		if taken := breaking.taken.Load(); taken == 0 || taken > people*3/4 {
			t.Errorf("going on took %d of %d events", taken, people)
		}
		after, err := set.Digest(t.Context(), projections.UsersName)
		if err != nil || after != before {
			t.Errorf("the digest was %s and is %s, %v", before, after, err)
		}
		if status := w.status(set, projections.UsersName); status.Building != nil {
			t.Errorf("after the swap: %+v", status)
		}
	})
}

func TestRebuildOfNothingIsRefused(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		set, _ := w.settled()
		if err := set.Rebuild(t.Context(), "nothing"); !errors.Is(err, projections.ErrNotFound) {
			t.Error(err)
		}
		if _, err := set.Check(t.Context(), "nothing"); !errors.Is(err, projections.ErrNotFound) {
			t.Error(err)
		}
		for _, name := range set.Names() {
			if err := set.Rebuild(t.Context(), name); err != nil {
				t.Errorf("%s of an empty log: %v", name, err)
			}
		}
	})
}

// TestCheckFindsNoDifference compares all views while people write.
func TestCheckFindsNoDifference(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.register(ann, "ann", "p", 0)
		w.register(bob, "bob", "p", 0)
		room := w.start(0, ann, bob)
		set, _ := w.settled()
		done, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
					posted := w.post(room, []uuid.UUID{ann, bob}[i%2], fmt.Sprint(i), time.Duration(i))
					if err := set.Wait(t.Context(), projections.ConversationsName, posted.Position); err != nil {
						t.Error(err)
						return
					}
				}
			}
		}()
		for _, name := range set.Names() {
			checked, err := set.Check(t.Context(), name)
			if err != nil || checked.Difference != nil || checked.Digest != checked.Rebuilt || checked.Digest == "" || checked.Position == 0 {
				t.Errorf("%s: %+v, %v", name, checked, err)
			}
		}
		close(done)
		<-ended
		w.catchUp(set)
	})
}
