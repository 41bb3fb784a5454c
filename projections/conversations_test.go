package projections_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
)

var ann, bob, cyd = uuid.UUID{15: 1}, uuid.UUID{15: 2}, uuid.UUID{15: 3}

func TestUsersAreShown(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.register(ann, "ann", "messenger", 0)
		w.register(bob, "bob", "shop", time.Hour+5*time.Nanosecond)
		w.append(events.UserStream(bob), by(bob, 2*time.Hour), &events.ProfileChanged{User: bob, DisplayName: events.Private("Bobby")})
		set, _ := w.settled()

		got, err := set.Users.GetMany(t.Context(), []uuid.UUID{ann, bob, cyd})
		want := map[uuid.UUID]projections.User{
			ann: {ID: ann, Handle: "ann", DisplayName: "The ann", Product: "messenger", RegisteredAt: morning},
			bob: {ID: bob, Handle: "bob", DisplayName: "Bobby", Product: "shop", RegisteredAt: morning.Add(time.Hour + 5*time.Nanosecond)},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("users: %v\n%s", err, diff)
		}
		if _, err := set.Users.Get(t.Context(), cyd); !errors.Is(err, projections.ErrNotFound) {
			t.Errorf("a user who never registered: %v", err)
		}
	})
}

func TestForgottenUserIsEmpty(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.register(ann, "ann", "messenger", 0)
		room := w.start(0, ann, bob)
		w.post(room, ann, "secret", time.Minute)
		if err := w.vault.Forget(t.Context(), ann); err != nil {
			t.Fatal(err)
		}
		set, _ := w.settled()

		user, err := set.Users.Get(t.Context(), ann)
		if want := (projections.User{ID: ann, Product: "messenger", RegisteredAt: morning}); user != want || err != nil {
			t.Errorf("the user: %+v, %v", user, err)
		}
		shown, err := set.Conversations.Get(t.Context(), room, bob)
		if err != nil || shown.Title != "" || shown.LastMessage.Text != "" || shown.MessageCount != 1 {
			t.Errorf("the conversation: %+v, %v", shown, err)
		}
	})
}

func number(n uint64) *uint64 { return &n }

func TestConversationIsShown(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		room := w.start(0, ann, bob)
		w.post(room, ann, "hello", time.Minute)
		reply := uint64(0)
		w.append(events.MessagesStream(room), by(bob, 2*time.Minute), &events.MessagePosted{
			Conversation: room, Author: bob, Text: events.Private("\"hi\" <b>\n\u2028"), ReplyTo: &reply,
		})
		w.join(room, cyd, ann, 3*time.Minute)
		set, _ := w.settled()

		got, err := set.Conversations.Get(t.Context(), room, ann)
		want := projections.Conversation{
			ID: room, Kind: events.Group, Title: "a title", MessageCount: 2, Unread: 1, StartedAt: morning,
			ParticipantCount: 3,
			Participants: []projections.Participant{
				{UserID: ann, JoinedAt: morning, Role: events.Owner, ReadUpTo: number(0), DeliveredUpTo: number(0)},
				{UserID: bob, JoinedAt: morning, Role: events.Member, ReadUpTo: number(1), DeliveredUpTo: number(1)},
				{UserID: cyd, JoinedAt: morning.Add(3 * time.Minute), Role: events.Member},
			},
			LastMessage: &projections.Message{
				ConversationID: room, Number: 1, Author: bob, Text: "\"hi\" <b>\n\u2028", PostedAt: morning.Add(2 * time.Minute), ReplyTo: &reply,
				Attachments: []projections.Attachment{}, Reactions: []projections.Reaction{}, Mentions: []uuid.UUID{},
			},
			Pinned: []uint64{},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("the conversation: %v\n%s", err, diff)
		}
		if _, err := set.Conversations.Get(t.Context(), room, uuid.Max); !errors.Is(err, projections.ErrNotParticipant) {
			t.Errorf("to somebody else: %v", err)
		}
		if _, err := set.Conversations.Get(t.Context(), uuid.Max, ann); !errors.Is(err, projections.ErrNotFound) {
			t.Errorf("one that is not: %v", err)
		}
	})
}

func TestInboxIsNewestFirstAndPaged(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		var rooms []uuid.UUID
		for i := range 5 {
			rooms = append(rooms, w.start(time.Duration(i)*time.Minute, ann, bob))
		}
		w.start(0, bob, cyd)
		w.post(rooms[1], bob, "newest", time.Hour)
		w.leave(rooms[3], ann, ann, 2*time.Hour)
		set, _ := w.settled()

		var got []uuid.UUID
		cursor := ""
		for pages := 0; ; pages++ {
			inbox, err := set.Conversations.Inbox(t.Context(), ann, false, cursor, 2)
			if err != nil || pages > 2 {
				t.Fatalf("page %d: %v", pages, err)
			}
			for _, shown := range inbox.Conversations {
				got = append(got, shown.ID)
			}
			if inbox.Next == nil {
				break
			}
			cursor = *inbox.Next
		}
		if want := []uuid.UUID{rooms[1], rooms[4], rooms[2], rooms[0]}; !cmp.Equal(got, want) {
			t.Errorf("the inbox is %v, want %v", got, want)
		}
		for _, foreign := range []string{"x", cursor + "A", cursor[:8]} {
			if _, err := set.Conversations.Inbox(t.Context(), ann, false, foreign, 2); !errors.Is(err, projections.ErrCursor) {
				t.Errorf("cursor %q: %v", foreign, err)
			}
		}
		if _, err := set.Conversations.Inbox(t.Context(), bob, false, cursor, 2); !errors.Is(err, projections.ErrCursor) {
			t.Errorf("another's cursor: %v", err)
		}
	})
}

func TestPagesBothWays(t *testing.T) {
	for _, batch := range []int{1, 3, 1000} {
		t.Run(fmt.Sprint("batches of ", batch), func(t *testing.T) {
			everywhere(t, func(t *testing.T, w *world) { testPages(t, w, batch) })
		})
	}
}

func testPages(t *testing.T, w *world, batch int) {
	w.opts.BatchEvents = batch
	room := w.start(0, ann, bob)
	const count = 150
	for i := range count {
		w.post(room, ann, fmt.Sprint(i), time.Duration(i))
	}
	set, _ := w.settled()
	for _, limit := range []int{1, 7, 50, count, 200} {
		first := int64(-1)
		newest, oldest := projections.Range{Limit: limit}, projections.Range{After: &first, Limit: limit}
		if got, want := walk(t, set, room, newest), descending(count); !cmp.Equal(got, want) {
			t.Errorf("back by %d: %v", limit, cmp.Diff(want, got))
		}
		if got, want := walk(t, set, room, oldest), ascending(0, count); !cmp.Equal(got, want) {
			t.Errorf("forth by %d: %v", limit, cmp.Diff(want, got))
		}
	}
	for _, wrong := range []projections.Range{{}, {Limit: projections.MaxPage + 1}, {Limit: 1, Before: new(uint64), After: new(int64)}} {
		if _, err := set.Conversations.Page(t.Context(), room, wrong); !errors.Is(err, projections.ErrRange) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	if _, err := set.Conversations.Page(t.Context(), uuid.Max, projections.Range{Limit: 1}); !errors.Is(err, projections.ErrNotFound) {
		t.Errorf("of no conversation: %v", err)
	}
}

// walk follows pages to the end, and returns the numbers in the order shown.
func walk(t *testing.T, set *projections.Set, room uuid.UUID, r projections.Range) []uint64 {
	t.Helper()
	var numbers []uint64
	for {
		page, err := set.Conversations.Page(t.Context(), room, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range page.Messages {
			if message.Text != fmt.Sprint(message.Number) {
				t.Errorf("message %d says %q", message.Number, message.Text)
			}
			numbers = append(numbers, message.Number)
		}
		if page.Next == nil {
			return numbers
		}
		r = follow(t, room, r, *page.Next)
	}
}

// follow takes the range out of a page's next path.
func follow(t *testing.T, room uuid.UUID, r projections.Range, path string) projections.Range {
	t.Helper()
	var edge, limit int
	direction := "before"
	if r.After != nil {
		direction = "after"
	}
	format := "/v1/conversations/" + room.String() + "/messages?" + direction + "=%d&limit=%d"
	if _, err := fmt.Sscanf(path, format, &edge, &limit); err != nil || limit != r.Limit {
		t.Fatalf("next is %q: %v", path, err)
	}
	if r.After != nil {
		after := int64(edge)
		return projections.Range{After: &after, Limit: limit}
	}
	before := uint64(edge)
	return projections.Range{Before: &before, Limit: limit}
}

func descending(count uint64) []uint64 {
	var numbers []uint64
	for n := count; n > 0; n-- {
		numbers = append(numbers, n-1)
	}
	return numbers
}

func ascending(from, to uint64) []uint64 {
	var numbers []uint64
	for n := from; n < to; n++ {
		numbers = append(numbers, n)
	}
	return numbers
}

func TestPagesAreForParticipantsAndNeverStale(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		room := w.start(0, ann, bob)
		set, _ := w.run()
		tags := make(map[string]bool)
		for i := range 20 {
			w.post(room, ann, fmt.Sprint(i), time.Duration(i))
			w.catchUp(set)
			body, err := set.Conversations.PageJSON(t.Context(), room, bob, projections.Range{Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			var page projections.Page
			if err := json.Unmarshal(body.Body, &page); err != nil || page.Messages[0].Number != uint64(i) || tags[body.ETag] {
				t.Errorf("after message %d: %s %s, %v", i, body.Body, body.ETag, err)
			}
			tags[body.ETag] = true
		}
		again, err := set.Conversations.PageJSON(t.Context(), room, ann, projections.Range{Limit: 1})
		if err != nil || !tags[again.ETag] {
			t.Errorf("unchanged: %s, %v", again.ETag, err)
		}

		seen := func(user uuid.UUID) error {
			_, err := set.Conversations.PageJSON(t.Context(), room, user, projections.Range{Limit: 1})
			return err
		}
		if err := seen(cyd); !errors.Is(err, projections.ErrNotParticipant) {
			t.Errorf("before cyd joins: %v", err)
		}
		w.join(room, cyd, ann, time.Hour)
		w.catchUp(set)
		if err := seen(cyd); err != nil {
			t.Errorf("after cyd joined: %v", err)
		}
		w.leave(room, cyd, cyd, 2*time.Hour)
		w.catchUp(set)
		if err := seen(cyd); !errors.Is(err, projections.ErrNotParticipant) {
			t.Errorf("after cyd left: %v", err)
		}
	})
}
