package projections_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
)

func (w *world) prefer(conversation, user uuid.UUID, fact events.Fact) events.Event {
	w.t.Helper()
	return w.append(events.ReceiptsStream(conversation), by(user, 0), fact)
}

func (w *world) archive(conversation, user uuid.UUID) {
	w.prefer(conversation, user, &events.ConversationArchived{Conversation: conversation, User: user})
}

func TestArchiveLastsUntilSomebodyElsePosts(t *testing.T) {
	for _, batch := range []int{1, 1000} {
		everywhere(t, func(t *testing.T, w *world) {
			w.opts.BatchEvents = batch
			testArchive(t, w)
		})
	}
}

func testArchive(t *testing.T, w *world) {
	set, _ := w.run()
	says := func(room, author uuid.UUID) { w.post(room, author, "hello", 1) }
	for i, story := range []struct {
		what     string
		tell     func(room uuid.UUID)
		archived bool
	}{
		{"never archived", func(room uuid.UUID) { says(room, ann) }, false},
		{"an empty room", func(room uuid.UUID) { w.archive(room, ann) }, true},
		{"one's own posts", func(room uuid.UUID) { says(room, bob); w.archive(room, ann); says(room, ann); says(room, ann) }, true},
		{"somebody else's post", func(room uuid.UUID) { w.archive(room, ann); says(room, bob) }, false},
		{"one's own post after somebody else's", func(room uuid.UUID) { w.archive(room, ann); says(room, ann); says(room, bob); says(room, ann) }, false},
		{"posts before", func(room uuid.UUID) { says(room, ann); says(room, bob); says(room, ann); w.archive(room, ann) }, true},
		{"again, after a post", func(room uuid.UUID) { w.archive(room, ann); says(room, bob); w.archive(room, ann); says(room, ann) }, true},
		{"taken out after a post of one's own", func(room uuid.UUID) {
			w.archive(room, ann)
			says(room, ann)
			w.prefer(room, ann, &events.ConversationUnarchived{Conversation: room, User: ann})
			says(room, ann)
		}, false},
		{"somebody else's archive", func(room uuid.UUID) { w.archive(room, bob) }, false},
		{"a stranger's archive", func(room uuid.UUID) { w.archive(room, cyd) }, false},
		{"left and come back", func(room uuid.UUID) { w.archive(room, ann); w.leave(room, ann, ann, 2); w.join(room, ann, bob, 3) }, false},
	} {
		room := w.start(time.Duration(i)*time.Minute, ann, bob)
		story.tell(room)
		w.catchUp(set)
		shown, err := set.Conversations.Get(t.Context(), room, ann)
		if err != nil || shown.Archived != story.archived {
			t.Errorf("%s: archived is %t, %v", story.what, shown.Archived, err)
		}
		for _, list := range []bool{false, true} {
			inbox, err := set.Conversations.Inbox(t.Context(), ann, list, "", projections.MaxPage)
			if err != nil {
				t.Fatal(err)
			}
			listed := false
			for _, c := range inbox.Conversations {
				listed = listed || c.ID == room
			}
			if listed != (story.archived == list) {
				t.Errorf("%s: in the list of archived %t: %t", story.what, list, listed)
			}
		}
	}
}

func TestMutedUntilATime(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		now := morning
		w.opts.Now = func() time.Time { return now }
		noon := morning.Add(4 * time.Hour)
		room := w.start(0, ann, bob, cyd)
		w.prefer(room, ann, &events.ConversationMuted{Conversation: room, User: ann, Until: &noon})
		w.prefer(room, bob, &events.ConversationMuted{Conversation: room, User: bob})
		w.prefer(room, cyd, &events.ConversationMuted{Conversation: room, User: cyd})
		w.prefer(room, cyd, &events.ConversationUnmuted{Conversation: room, User: cyd})
		set, stop := w.settled()
		told := func() string {
			var all string
			for _, user := range []uuid.UUID{ann, bob, cyd} {
				shown, err := set.Conversations.Get(t.Context(), room, user)
				if err != nil {
					t.Fatal(err)
				}
				all += fmt.Sprintf("%t %v;", shown.Muted, shown.MutedUntil)
			}
			return all
		}
		if got, want := told(), fmt.Sprintf("true %v;true <nil>;false <nil>;", noon); got != want {
			t.Errorf("in the morning: %s, want %s", got, want)
		}
		stop()
		now = noon
		set, _ = w.settled()
		if got, want := told(), "false <nil>;true <nil>;false <nil>;"; got != want {
			t.Errorf("at noon: %s, want %s", got, want)
		}
	})
}
