package projections_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
	"parley/projections/views/viewstest"
)

func roles(t testing.TB, set *projections.Set, room, viewer uuid.UUID) map[uuid.UUID]events.Role {
	t.Helper()
	shown, err := set.Conversations.Get(t.Context(), room, viewer)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[uuid.UUID]events.Role)
	for _, p := range shown.Participants {
		all[p.UserID] = p.Role
	}
	if len(all) != int(shown.ParticipantCount) {
		t.Errorf("%d participants are counted, %d shown", shown.ParticipantCount, len(all))
	}
	return all
}

func (w *world) setRole(conversation, user, actor uuid.UUID, role events.Role, after time.Duration) events.Event {
	w.t.Helper()
	return w.append(events.ConversationStream(conversation), by(actor, after), &events.ParticipantRoleChanged{
		Conversation: conversation, User: user, Role: role, By: actor,
	})
}

func TestRolesAndTitleAreShown(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		room := w.start(0, ann, bob, cyd)
		w.setRole(room, bob, ann, events.Owner, 1)
		w.setRole(room, ann, ann, events.Admin, 2)
		w.append(events.ConversationStream(room), by(bob, 3), &events.ConversationRenamed{
			Conversation: room, Title: events.Private("another title"), By: bob,
		})
		set, _ := w.settled()
		want := map[uuid.UUID]events.Role{ann: events.Admin, bob: events.Owner, cyd: events.Member}
		if diff := cmp.Diff(want, roles(t, set, room, ann)); diff != "" {
			t.Errorf("roles (-want +got):\n%s", diff)
		}
		if shown, err := set.Conversations.Get(t.Context(), room, cyd); err != nil || shown.Title != "another title" {
			t.Errorf("the title is %q, %v", shown.Title, err)
		}
	})
}

// TestRolesAreThoseOfTheDecisions: whatever happens to a group's people, the
// view shows the roles that decisions go by.
func TestRolesAreThoseOfTheDecisions(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, viewstest.SQLite)
		room, decided := w.quarrel(rt)
		set, stop := w.settled()
		defer stop()
		want := make(map[uuid.UUID]events.Role)
		for user, p := range decided.Participants {
			want[user] = p.Role
		}
		if len(want) == 0 {
			return
		}
		viewer := slices.MinFunc(slices.Collect(maps.Keys(want)), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
		if diff := cmp.Diff(want, roles(t, set, room, viewer)); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// quarrel writes what people decide about a group's people. Now and then an
// owner leaves without a successor's being named, as before there were roles.
func (w *world) quarrel(rt *rapid.T) (uuid.UUID, *decide.Conversation) {
	people := []uuid.UUID{ann, bob, cyd, {15: 4}, {15: 5}}
	c, room := decide.NewConversation(), newID()
	happens := func(facts []events.Fact, err error) {
		for _, fact := range facts {
			w.append(events.ConversationStream(room), by(ann, 0), fact)
			c = decide.EvolveConversation(c, fact)
		}
	}
	happens(decide.Start(c, decide.Beginning{Conversation: room, Kind: events.Group, Starter: bob, Others: people[:3]}))
	for range rapid.IntRange(0, 40).Draw(rt, "steps") {
		actor, user := rapid.SampledFrom(people).Draw(rt, "actor"), rapid.SampledFrom(people).Draw(rt, "user")
		switch rapid.IntRange(0, 5).Draw(rt, "what") {
		case 0, 1:
			happens(decide.AddParticipant(c, actor, user))
		case 2:
			happens(decide.RemoveParticipant(c, actor, user))
		case 3:
			facts, err := decide.RemoveParticipant(c, user, user)
			happens(facts[:min(1, len(facts))], err)
		default:
			role := rapid.SampledFrom([]events.Role{events.Owner, events.Admin, events.Member}).Draw(rt, "role")
			happens(decide.ChangeRole(c, actor, user, role))
		}
	}
	return room, c
}

func TestParticipantsArePaged(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		crowd := make([]uuid.UUID, 130)
		for i := range crowd {
			crowd[i] = newID()
		}
		room := w.start(0, crowd...)
		w.leave(room, crowd[70], crowd[70], 1)
		w.join(room, crowd[70], crowd[0], 2)
		set, _ := w.settled()

		var got []uuid.UUID
		for after, pages := int64(-1), 0; ; pages++ {
			roster, err := set.Conversations.Participants(t.Context(), room, crowd[0], after, 50)
			if err != nil || pages > 2 {
				t.Fatalf("page %d: %v", pages, err)
			}
			for _, p := range roster.Participants {
				got = append(got, p.UserID)
			}
			if roster.Next == nil {
				break
			}
			if _, err := fmt.Sscanf(*roster.Next, "/v1/conversations/"+room.String()+"/participants?after=%d&limit=50", &after); err != nil {
				t.Fatalf("next is %q: %v", *roster.Next, err)
			}
		}
		want := append(append(append([]uuid.UUID{}, crowd[:70]...), crowd[71:]...), crowd[70])
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for _, wrong := range []struct {
			after int64
			limit int
		}{{-1, 0}, {-1, projections.MaxPage + 1}, {-2, 1}} {
			if _, err := set.Conversations.Participants(t.Context(), room, crowd[0], wrong.after, wrong.limit); !errors.Is(err, projections.ErrRange) {
				t.Errorf("%+v: %v", wrong, err)
			}
		}
		if _, err := set.Conversations.Participants(t.Context(), room, cyd, -1, 1); !errors.Is(err, projections.ErrNotParticipant) {
			t.Errorf("to a stranger: %v", err)
		}
		if _, err := set.Conversations.Participants(t.Context(), uuid.Max, cyd, -1, 1); !errors.Is(err, projections.ErrNotFound) {
			t.Errorf("of no conversation: %v", err)
		}
	})
}

func TestInboxShowsTheFirstParticipantsOfLargeGroups(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		crowd := make([]uuid.UUID, projections.InboxParticipants+20)
		for i := range crowd {
			crowd[i] = newID()
		}
		room := w.start(0, crowd...)
		w.leave(room, crowd[3], crowd[3], 1)
		set, _ := w.settled()

		inbox, err := set.Conversations.Inbox(t.Context(), crowd[len(crowd)-1], false, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		shown := inbox.Conversations[0]
		if len(shown.Participants) != projections.InboxParticipants || shown.ParticipantCount != uint64(len(crowd)-1) {
			t.Errorf("%d participants of %d are shown", len(shown.Participants), shown.ParticipantCount)
		}
		if shown.Participants[0].UserID != crowd[0] || shown.Participants[3].UserID != crowd[4] {
			t.Errorf("not the first: %v", shown.Participants[:4])
		}
		whole, err := set.Conversations.Get(t.Context(), room, crowd[0])
		if err != nil || len(whole.Participants) != len(crowd)-1 {
			t.Errorf("the conversation shows %d, %v", len(whole.Participants), err)
		}
	})
}
