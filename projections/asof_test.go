package projections_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"parley/events"
	"parley/projections"
	"parley/projections/views/viewstest"
)

// stood is the texts of a conversation as it stood, oldest first.
func stood(t *testing.T, set *projections.Set, room uuid.UUID, at projections.Moment, unseen bool) []string {
	t.Helper()
	first := int64(-1)
	page, err := set.Conversations.AsOf(t.Context(), room, projections.Range{After: &first, Limit: 100}, at, unseen)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{}
	for _, m := range page.Messages {
		if m.Retracted {
			m.Text += "(retracted)"
		}
		texts = append(texts, m.Text)
	}
	return texts
}

func TestConversationAsItStood(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		now := morning
		w.journal.Now = func() time.Time { return now }
		room := w.start(0, ann, bob)
		first := w.post(room, ann, "one", 0)
		edited := w.edit(room, ann, 0, "one, edited", 0)
		w.react(room, bob, 0, "👍", 0)
		now = now.Add(time.Hour)
		second := w.post(room, bob, "two", 0)
		last := w.retract(room, ann, 0, 0)
		set, _ := w.settled()

		before := projections.Moment{Position: first.Position - 1}
		wantTexts(t, "before all", stood(t, set, room, before, true))
		wantTexts(t, "at first", stood(t, set, room, projections.Moment{Position: first.Position}, true), "one")
		wantTexts(t, "edited", stood(t, set, room, projections.Moment{Position: edited.Position}, true), "one, edited")
		wantTexts(t, "in the first hour, seen by a participant", stood(t, set, room, projections.Moment{Position: second.Position}, false), "(retracted)", "two")
		wantTexts(t, "retracted", stood(t, set, room, projections.Moment{Position: last.Position + 100}, true), "(retracted)", "two")
		wantTexts(t, "long before", stood(t, set, room, projections.Moment{}, true))

		page, err := set.Conversations.AsOf(t.Context(), room, projections.Range{Limit: 1}, projections.Moment{Position: second.Position}, true)
		if err != nil || len(page.Messages) != 1 || page.Messages[0].Text != "two" || page.Next == nil {
			t.Errorf("the newest: %+v, %v", page, err)
		}
		if _, err := set.Conversations.AsOf(t.Context(), uuid.Max, projections.Range{Limit: 1}, before, true); !errors.Is(err, projections.ErrNotFound) {
			t.Errorf("no conversation: %v", err)
		}
	})
}

// TestAsItStoodIsTheFoldOfTheLog compares with folding the log's beginning.
func TestAsItStoodIsTheFoldOfTheLog(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, viewstest.SQLite)
		rooms := w.talk(rt)
		set, stop := w.settled()
		defer stop()
		tip, err := events.Tip(t.Context(), w.journal.Log)
		if err != nil {
			rt.Fatal(err)
		}
		at := events.Position(rapid.Uint64Range(1, uint64(tip)).Draw(rt, "position"))
		for _, room := range rooms {
			states := w.foldedUntil(room, at)
			want := []string{}
			for _, number := range slices.Sorted(maps.Keys(states)) {
				if state := states[number]; state.Retracted {
					want = append(want, "(retracted)")
				} else {
					want = append(want, state.Text)
				}
			}
			if diff := cmp.Diff(want, stood(t, set, room, projections.Moment{Position: at}, true)); diff != "" {
				rt.Errorf("at position %d:\n%s", at, diff)
			}
		}
	})
}
