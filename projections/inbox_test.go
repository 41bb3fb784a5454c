package projections_test

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
)

// inboxIDs are the conversations of an inbox, page by page.
func inboxIDs(t *testing.T, set *projections.Set, viewer uuid.UUID, archived bool, limit int) []uuid.UUID {
	t.Helper()
	var ids []uuid.UUID
	for cursor := ""; ; {
		inbox, err := set.Conversations.Inbox(t.Context(), viewer, archived, cursor, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range inbox.Conversations {
			ids = append(ids, c.ID)
		}
		if inbox.Next == nil {
			return ids
		}
		cursor = *inbox.Next
	}
}

func TestInboxIsWrittenAsItsShapeIs(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		quiet, loud := w.start(0, ann, bob), w.start(time.Minute, ann, bob, cyd)
		w.post(loud, bob, "\"1 < 2\" & so on \u2028", time.Hour)
		w.append(events.MessagesStream(loud), by(bob, time.Hour), &events.MessagePosted{Conversation: loud, Author: bob, Text: events.Private("ann?"), Mentions: []uuid.UUID{ann}})
		w.append(events.ConversationStream(loud), by(ann, 0), &events.MessagePinned{Conversation: loud, Number: 0, By: ann})
		w.append(events.ConversationStream(loud), by(ann, 0), &events.ConversationRenamed{Conversation: loud, Title: events.Private("<\"R&D\">"), By: ann})
		until := morning.Add(time.Hour + 5*time.Microsecond)
		w.prefer(loud, ann, &events.ConversationMuted{Conversation: loud, User: ann, Until: &until})
		w.read(loud, cyd, 0, time.Hour)
		w.prefer(quiet, ann, &events.ConversationMuted{Conversation: quiet, User: ann})
		set, _ := w.settled()

		for _, limit := range []int{1, 5} {
			body, err := set.Conversations.InboxJSON(t.Context(), ann, false, "", limit, func(cursor string) string { return "/path?a=1&cursor=" + cursor })
			if err != nil {
				t.Fatal(err)
			}
			var inbox projections.Inbox
			if err := json.Unmarshal(body, &inbox); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(inbox)
			if diff := cmp.Diff(string(again), string(body)); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
			for _, listed := range inbox.Conversations {
				shown, err := set.Conversations.Get(t.Context(), listed.ID, ann)
				if diff := cmp.Diff(shown, listed); diff != "" || err != nil {
					t.Errorf("by itself: %v\n%s", err, diff)
				}
			}
		}
	})
}

func TestKeptInboxesFollowWhatHappens(t *testing.T) {
	for _, batch := range []int{1, 1000} {
		everywhere(t, func(t *testing.T, w *world) {
			w.opts.BatchEvents = batch
			testKeptInboxes(t, w)
		})
	}
}

func testKeptInboxes(t *testing.T, w *world) {
	set, _ := w.run()
	set.Conversations.KeepInboxes()
	random := rand.New(rand.NewPCG(5, 6))
	people := []uuid.UUID{ann, bob, cyd}
	var rooms []uuid.UUID
	kept := 0
	for step := range 30 {
		for range 1 + random.IntN(4) {
			// Some things happen later than what is posted after them.
			after := time.Duration(random.IntN(100)) * time.Hour
			one, other := people[random.IntN(3)], people[random.IntN(3)]
			if len(rooms) < 4 || random.IntN(12) == 0 {
				rooms = append(rooms, w.start(after, ann, bob, cyd))
			}
			room := rooms[random.IntN(len(rooms))]
			switch random.IntN(9) {
			case 0:
				w.archive(room, one)
			case 1:
				w.prefer(room, one, &events.ConversationUnarchived{Conversation: room, User: one})
			case 2:
				w.leave(room, one, other, after)
			case 3:
				w.join(room, one, other, after)
			default:
				w.post(room, one, "hello", after)
			}
		}
		w.catchUp(set)
		for _, viewer := range people {
			if set.Conversations.InboxKept(viewer) {
				kept++
			}
			for _, archived := range []bool{false, true} {
				got, want := inboxIDs(t, set, viewer, archived, 3), set.Conversations.InboxAsStored(t, viewer, archived)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("step %d, archived %t: %s", step, archived, diff)
				}
			}
		}
	}
	if kept < 20 {
		t.Errorf("%d of 90 inboxes were kept", kept)
	}
}

func TestKeptInboxIsDroppedOnceItsMovesAreForgotten(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		set, _ := w.run()
		set.Conversations.KeepInboxes()
		rooms := []uuid.UUID{w.start(0, ann, bob), w.start(time.Minute, ann, bob)}
		w.catchUp(set)
		inboxIDs(t, set, ann, false, 5)
		w.post(rooms[0], bob, "hello", time.Hour)
		w.catchUp(set)
		if !set.Conversations.InboxKept(ann) {
			t.Error("after a message it is dropped")
		}
		var crew []uuid.UUID
		for range 5000 {
			crew = append(crew, newID())
		}
		w.start(0, crew...)
		w.post(rooms[1], bob, "hello", 2*time.Hour)
		w.catchUp(set)
		if set.Conversations.InboxKept(ann) {
			t.Error("after many have joined it is kept")
		}
		if got, want := inboxIDs(t, set, ann, false, 5), []uuid.UUID{rooms[1], rooms[0]}; !cmp.Equal(got, want) {
			t.Errorf("the inbox is %v, want %v", got, want)
		}
	})
}
