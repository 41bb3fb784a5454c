package projections_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/pgtest"
	"parley/projections"
	"parley/projections/views/viewstest"
)

// TestServersShareViews has several sets on one log and one database. Each
// shows what was written as soon as it was waited for there, whoever applies
// it, and when those who did are gone, another does.
func TestServersShareViews(t *testing.T) {
	pgtest.Require(t)
	w := newWorld(t, viewstest.Postgres)
	w.opts.BatchEvents = 7
	for i, user := range []uuid.UUID{ann, bob, cyd} {
		w.register(user, fmt.Sprint("user", i), "p", time.Duration(i))
	}
	room := w.start(0, ann, bob)
	first, stopFirst := w.run()
	second, stopSecond := w.run()
	posted := 0
	talk := func(sets ...*projections.Set) {
		t.Helper()
		for range 30 {
			event := w.post(room, []uuid.UUID{ann, bob}[posted%2], fmt.Sprint(posted), time.Duration(posted))
			posted++
			for _, set := range sets {
				for _, name := range []string{projections.ConversationsName, projections.UsersName, projections.GrowthName} {
					waitFor(t, w, set, name, event)
				}
				if got := newestShown(t, set, room); got != event.Revision {
					t.Errorf("after message %d was waited for, the page ends with %d", event.Revision, got)
				}
			}
		}
	}
	talk(first, second)
	joined := w.join(room, cyd, ann, 0)
	for _, set := range []*projections.Set{first, second} {
		waitFor(t, w, set, projections.ConversationsName, joined)
		if is, err := set.Conversations.IsParticipant(t.Context(), room, cyd); !is || err != nil {
			t.Errorf("who has joined is not in: %v", err)
		}
	}
	stopFirst()
	talk(second)
	third, _ := w.run()
	talk(third, second)
	stopSecond()
	talk(third)
	w.catchUp(third)
	got := digests(t, third)
	shown, err := third.Conversations.Get(t.Context(), room, ann)
	if err != nil || shown.MessageCount != uint64(posted) {
		t.Errorf("of %d messages the view has %+v, %v", posted, shown, err)
	}

	w.place = viewstest.SQLite(t)
	alone, _ := w.settled()
	if diff := cmp.Diff(digests(t, alone), got); diff != "" {
		t.Errorf("a view of one server differs: %s", diff)
	}
}

func waitFor(t *testing.T, w *world, set *projections.Set, name string, event events.Event) {
	t.Helper()
	if err := set.Wait(t.Context(), name, event.Position); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, w.logged)
	}
}

// TestServersAdoptARebuiltView rebuilds on one server while another serves.
func TestServersAdoptARebuiltView(t *testing.T) {
	pgtest.Require(t)
	w := newWorld(t, viewstest.Postgres)
	w.opts.Only = []string{projections.ConversationsName}
	room := w.start(0, ann, bob)
	w.post(room, ann, "before", 1)
	first, stop := w.settled()
	second, _ := w.settled()
	for range 2 {
		if err := first.Rebuild(t.Context(), projections.ConversationsName); err != nil {
			t.Fatal(err)
		}
		event := w.post(room, ann, "after", 2)
		for _, set := range []*projections.Set{first, second} {
			waitFor(t, w, set, projections.ConversationsName, event)
			if got := newestShown(t, set, room); got != event.Revision {
				t.Errorf("the page ends with %d, want %d", got, event.Revision)
			}
		}
	}
	if err := second.Rebuild(t.Context(), projections.ConversationsName); err != nil {
		t.Fatal(err)
	}
	if checked, err := second.Check(t.Context(), projections.ConversationsName); err != nil || checked.Difference != nil {
		t.Errorf("after the rebuilds: %+v, %v", checked, err)
	}
	stop()
	event := w.post(room, ann, "alone", 3)
	waitFor(t, w, second, projections.ConversationsName, event)
}
