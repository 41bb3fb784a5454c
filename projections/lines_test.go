package projections_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"parley/projections"
	"parley/projections/views/viewstest"
)

// TestRecentMessagesAreThoseOfThePages: whatever happens to messages while the
// view follows, one that is asked for alone is as its page shows it.
func TestRecentMessagesAreThoseOfThePages(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, viewstest.SQLite)
		set, stop := w.run()
		defer stop()
		rooms := w.talk(rt)
		w.same(rt, set, rooms)
		w.talkIn(rt, []uuid.UUID{ann, bob, cyd}, rooms)
		w.erase(rapid.SampledFrom([]uuid.UUID{ann, bob, cyd}).Draw(rt, "erased"), time.Hour)
		w.same(rt, set, rooms)
	})
}

func (w *world) same(rt *rapid.T, set *projections.Set, rooms []uuid.UUID) {
	w.catchUp(set)
	for _, room := range rooms {
		page, err := set.Conversations.Page(w.t.Context(), room, projections.Range{Limit: projections.MaxPage})
		if err != nil {
			rt.Fatal(err)
		}
		for _, want := range page.Messages {
			line, err := set.Conversations.MessageJSON(w.t.Context(), room, want.Number)
			if err != nil {
				rt.Fatal(err)
			}
			var got projections.Message
			if err := json.Unmarshal(line, &got); err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatalf("message %d (-page +alone):\n%s", want.Number, diff)
			}
		}
	}
}
