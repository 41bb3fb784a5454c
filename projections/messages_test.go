package projections_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/projections"
	"parley/projections/views/viewstest"
)

// message reads one message that must be there.
func message(t *testing.T, set *projections.Set, room uuid.UUID, number uint64) projections.Message {
	t.Helper()
	line, err := set.Conversations.MessageJSON(t.Context(), room, number)
	if err != nil {
		t.Fatalf("message %d: %v", number, err)
	}
	var m projections.Message
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatalf("message %d: %s: %v", number, line, err)
	}
	return m
}

// TestMessageIsShownWithAllThatWasDoneToIt applies the facts one by one and
// all at once.
func TestMessageIsShownWithAllThatWasDoneToIt(t *testing.T) {
	for _, batch := range []int{1, 1000} {
		t.Run(fmt.Sprint("batches of ", batch), func(t *testing.T) {
			everywhere(t, func(t *testing.T, w *world) {
				w.opts.BatchEvents = batch
				room := w.start(0, ann, bob)
				w.append(events.MessagesStream(room), by(ann, 1), &events.MessagePosted{
					Conversation: room, Author: ann, Text: events.Private("helo"), Mentions: []uuid.UUID{bob},
				})
				w.react(room, bob, 0, "👍", 2)
				w.react(room, ann, 0, "👍", 3)
				w.react(room, ann, 0, "❤", 4)
				w.edit(room, ann, 0, "hello", 5, ann)
				w.unreact(room, bob, 0, "👍", 6)
				w.append(events.MessagesStream(room), by(bob, 7), &events.MessagePosted{
					Conversation: room, Author: bob, Text: events.Private("heard"), Forwarded: &events.Forwarded{Author: cyd},
				})
				w.edit(room, bob, 7, "not heard", 8) // 7 was passed on
				w.edit(room, bob, 0, "not ann", 9)
				w.edit(room, ann, 5, "no message", 10)
				set, _ := w.settled()

				edited := morning.Add(5)
				want := projections.Message{
					ConversationID: room, Number: 0, Author: ann, Text: "hello", PostedAt: morning.Add(1), EditedAt: &edited, Attachments: []projections.Attachment{},
					Reactions: []projections.Reaction{{Emoji: "👍", UserIDs: []uuid.UUID{ann}}, {Emoji: "❤", UserIDs: []uuid.UUID{ann}}},
					Mentions:  []uuid.UUID{ann},
				}
				if diff := cmp.Diff(want, message(t, set, room, 0)); diff != "" {
					t.Error(diff)
				}
				want = projections.Message{
					ConversationID: room, Number: 6, Author: bob, Text: "heard", PostedAt: morning.Add(7), Attachments: []projections.Attachment{},
					Reactions: []projections.Reaction{}, Mentions: []uuid.UUID{}, Forwarded: &events.Forwarded{Author: cyd},
				}
				if diff := cmp.Diff(want, message(t, set, room, 6)); diff != "" {
					t.Error(diff)
				}
				for _, number := range []uint64{1, 5, 7, 1 << 62, 1 << 63} {
					if line, err := set.Conversations.MessageJSON(t.Context(), room, number); !errors.Is(err, projections.ErrNotFound) {
						t.Errorf("%d is shown as a message: %s, %v", number, line, err)
					}
				}
			})
		})
	}
}

func TestRetractedMessageKeepsItsPlace(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		room := w.start(0, ann, bob)
		w.post(room, ann, "first", 1)
		w.post(room, ann, "second", 2)
		w.react(room, bob, 1, "👍", 3)
		set, _ := w.run()
		w.catchUp(set)
		tag := func() string {
			body, err := set.Conversations.PageJSON(t.Context(), room, bob, projections.Range{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			return body.ETag
		}
		before := tag()
		w.retract(room, ann, 1, 4)
		w.catchUp(set)
		after := tag()
		if before == after {
			t.Errorf("the page's tag stays %s", after)
		}
		// What others wrote before they saw the retraction has no effect.
		w.edit(room, ann, 1, "third", 5)
		w.react(room, bob, 1, "❤", 6)
		w.retract(room, ann, 1, 7)
		w.catchUp(set)
		if again := tag(); again != after {
			t.Errorf("facts without effect changed the page's tag from %s to %s", after, again)
		}
		want := projections.Message{
			ConversationID: room, Number: 1, Author: ann, PostedAt: morning.Add(2), Retracted: true,
			Attachments: []projections.Attachment{}, Reactions: []projections.Reaction{}, Mentions: []uuid.UUID{},
		}
		if diff := cmp.Diff(want, message(t, set, room, 1)); diff != "" {
			t.Error(diff)
		}
		shown, err := set.Conversations.Get(t.Context(), room, bob)
		if diff := cmp.Diff(&want, shown.LastMessage); diff != "" || err != nil || shown.MessageCount != 2 || shown.Unread != 2 {
			t.Errorf("the conversation is %+v, %v\n%s", shown, err, diff)
		}
		w.edit(room, ann, 0, "1st", 8)
		w.catchUp(set)
		if shown, err = set.Conversations.Get(t.Context(), room, bob); err != nil || shown.LastMessage.Number != 1 {
			t.Errorf("after an edit of the first the last is %+v, %v", shown.LastMessage, err)
		}
	})
}

func TestPins(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		room := w.start(0, ann, bob)
		for i := range 4 {
			w.post(room, ann, fmt.Sprint(i), time.Duration(i))
		}
		pin := func(number uint64) {
			w.append(events.ConversationStream(room), by(bob, 9), &events.MessagePinned{Conversation: room, Number: number, By: bob})
		}
		set, _ := w.run()
		for _, step := range []struct {
			what string
			do   func()
			want []uint64
		}{
			{"nothing pinned", func() {}, []uint64{}},
			{"some", func() { pin(2); pin(0); pin(3) }, []uint64{2, 0, 3}},
			{"one again", func() { pin(2) }, []uint64{2, 0, 3}},
			{"what is no message", func() { pin(9); pin(1 << 63) }, []uint64{2, 0, 3}},
			{"one let go", func() {
				w.append(events.ConversationStream(room), by(ann, 9), &events.MessageUnpinned{Conversation: room, Number: 0, By: ann})
			}, []uint64{2, 3}},
			{"one retracted", func() { w.retract(room, ann, 3, 10) }, []uint64{2}},
			{"a retracted one pinned by who did not know", func() { pin(3) }, []uint64{2}},
		} {
			step.do()
			w.catchUp(set)
			shown, err := set.Conversations.Get(t.Context(), room, ann)
			if diff := cmp.Diff(step.want, shown.Pinned); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", step.what, err, diff)
			}
		}
	})
}

// TestGrowingMessagesAreCutIntoRuns makes messages that were stored together
// too large for that.
func TestGrowingMessagesAreCutIntoRuns(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		room := w.start(0, ann, bob)
		facts := make([]events.Fact, 60)
		for i := range facts {
			facts[i] = &events.MessagePosted{Conversation: room, Author: ann, Text: events.Private("short")}
		}
		w.append(events.MessagesStream(room), by(ann, 0), facts...)
		set, _ := w.run()
		w.catchUp(set)
		long := strings.Repeat("long ", 2_000)
		for i := range facts {
			w.edit(room, ann, uint64(i), long+fmt.Sprint(i), 1)
			if i%20 == 0 {
				w.catchUp(set)
			}
		}
		w.catchUp(set)
		w.read(room, bob, 41, 2)
		w.catchUp(set)
		for i := range facts {
			if got := message(t, set, room, uint64(i)); got.Text != long+fmt.Sprint(i) {
				t.Errorf("message %d ends with %q", i, got.Text[len(got.Text)-5:])
			}
		}
		if got := unread(t, set, room, bob); got[0] != 18 {
			t.Errorf("unread is %d", got[0])
		}
		before, after := uint64(55), int64(4)
		for _, r := range []projections.Range{{Limit: 50}, {Limit: 50, Before: &before}, {Limit: 50, After: &after}} {
			checkPage(t, set, room, r)
		}
		digests(t, set) // checks the runs
	})
}

// checkPage holds a page of 50 messages, of a conversation of 60, against the
// numbers it should have.
func checkPage(t *testing.T, set *projections.Set, room uuid.UUID, r projections.Range) {
	t.Helper()
	page, err := set.Conversations.Page(t.Context(), room, r)
	if err != nil || len(page.Messages) != 50 || page.Next == nil {
		t.Fatalf("%d messages, next %v, %v", len(page.Messages), page.Next, err)
	}
	for i, m := range page.Messages {
		want := uint64(59 - i)
		switch {
		case r.Before != nil:
			want = *r.Before - 1 - uint64(i)
		case r.After != nil:
			want = uint64(*r.After) + 1 + uint64(i)
		}
		if m.Number != want {
			t.Errorf("message %d of the page is number %d, want %d", i, m.Number, want)
		}
	}
}

// TestViewAndDecisionsFoldAlike folds random histories both ways.
func TestViewAndDecisionsFoldAlike(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, viewstest.SQLite)
		w.opts.BatchEvents = rapid.IntRange(1, 20).Draw(rt, "batch")
		rooms := w.talk(rt)
		set, stop := w.settled()
		defer stop()
		for _, room := range rooms {
			if diff := cmp.Diff(w.folded(room), shown(t, set, room), cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("the view differs from the decisions' fold: %s", diff)
			}
		}
	})
}

// folded is a room's messages as decisions see them.
func (w *world) folded(room uuid.UUID) map[uint64]decide.MessageState {
	w.t.Helper()
	return w.foldedUntil(room, events.End)
}

// foldedUntil is folded up to a position.
func (w *world) foldedUntil(room uuid.UUID, last events.Position) map[uint64]decide.MessageState {
	w.t.Helper()
	all := make(map[uint64]decide.MessageState)
	for recorded, err := range w.journal.Log.Read(w.t.Context(), events.MessagesStream(room), 0, events.Forwards, 0) {
		if err != nil {
			w.t.Fatal(err)
		}
		event, err := events.Decode(recorded)
		if errors.Is(err, events.ErrUnknownFact) || recorded.Position > last {
			continue
		}
		if err = errors.Join(err, w.journal.Open(w.t.Context(), event)); err != nil {
			w.t.Fatal(err)
		}
		number, _ := events.MessageNumber(event)
		state := all[number]
		if decide.EvolveMessage(&state, event.Fact) {
			all[number] = state
		}
	}
	return all
}

// shown is a room's messages as the view has them.
func shown(t *testing.T, set *projections.Set, room uuid.UUID) map[uint64]decide.MessageState {
	t.Helper()
	page, err := set.Conversations.Page(t.Context(), room, projections.Range{Limit: projections.MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[uint64]decide.MessageState)
	for _, m := range page.Messages {
		state := decide.MessageState{Author: m.Author, Forwarded: m.Forwarded, Text: m.Text, Retracted: m.Retracted}
		for _, a := range m.Attachments {
			state.Attachments = append(state.Attachments, decide.Attachment{
				Media: a.Media, Name: a.Name, Info: events.MediaInfo{ContentType: a.ContentType, Size: a.Size},
			})
		}
		for _, r := range m.Reactions {
			state.Reactions = append(state.Reactions, decide.Reaction{Emoji: r.Emoji, Users: r.UserIDs})
		}
		all[m.Number] = state
	}
	return all
}

// TestDecisionsOnAStaleViewAreThoseOfTheLog lets commands ask a view that
// stands still while the log goes on.
func TestDecisionsOnAStaleViewAreThoseOfTheLog(t *testing.T) {
	everywhere(t, testStaleView)
}

func testStaleView(t *testing.T, w *world) {
	w.register(ann, "ann", "messenger", 0)
	w.register(bob, "bob", "messenger", 0)
	room, there := w.start(0, ann, bob), w.start(0, bob)
	w.post(room, ann, "helo", 1)
	_, stop := w.settled()
	stop()
	stale := w.open()
	defer closing(t, stale.Close)

	write := commands.New(w.journal)
	write.Messages = stale.Conversations
	edit := func(text string) []events.Event {
		t.Helper()
		written, err := write.EditMessage(t.Context(), by(ann, 2), room, decide.Edit{Number: 0, By: ann, Text: text})
		if err != nil {
			t.Fatal(err)
		}
		return written
	}
	if len(edit("helo")) != 0 || len(edit("hello")) != 1 || len(edit("hello")) != 0 || len(edit("helo")) != 1 {
		t.Error("an edit that changes nothing was written, or one that does was not")
	}
	cause := by(bob, 3)
	cause.IdempotencyKey = "k"
	forward := func() events.Event {
		t.Helper()
		event, err := write.Forward(t.Context(), cause, commands.Forwarding{From: room, Number: 0, By: bob, To: there})
		if err != nil {
			t.Fatal(err)
		}
		return event
	}
	first := forward()
	if written, err := write.RetractMessage(t.Context(), by(ann, 4), room, 0, ann); err != nil || len(written) != 1 {
		t.Fatalf("the retraction wrote %d events, %v", len(written), err)
	}
	refused := (*decide.Refusal)(nil)
	if _, err := write.EditMessage(t.Context(), by(ann, 5), room, decide.Edit{Number: 0, By: ann, Text: "late"}); !errors.As(err, &refused) || refused.Kind != decide.Taken {
		t.Errorf("an edit after the retraction: %v", err)
	}
	if again := forward(); again.ID != first.ID || again.Revision != first.Revision {
		t.Errorf("the repeat forwarded %s, the first %s", again.ID, first.ID)
	}
	set, _ := w.settled()
	write.Messages = set.Conversations
	if again := forward(); again.ID != first.ID {
		t.Errorf("the repeat on a view that has caught up forwarded %s, the first %s", again.ID, first.ID)
	}
	if _, next, found, err := set.Conversations.MessageState(t.Context(), room, 0); !found || next != 4 || err != nil {
		t.Errorf("the view knows the message up to %d: %t, %v", next, found, err)
	}
	for _, number := range []uint64{1, 9, 1 << 63} {
		if _, _, found, err := set.Conversations.MessageState(t.Context(), room, number); found || err != nil {
			t.Errorf("the view knows a message %d: %v", number, err)
		}
	}
}

func TestHistoryAndMentions(t *testing.T) { everywhere(t, testHistoryAndMentions) }

func testHistoryAndMentions(t *testing.T, w *world) {
	room := w.start(0, ann, bob)
	w.append(events.MessagesStream(room), by(ann, 1), &events.MessagePosted{
		Conversation: room, Author: ann, Text: events.Private("0"), Mentions: []uuid.UUID{bob},
	})
	w.edit(room, ann, 0, "1", 2, bob, ann)
	w.edit(room, bob, 0, "not ann's", 3)
	w.react(room, bob, 0, "👍", 4)
	w.edit(room, ann, 0, "2", 5, bob)
	set, _ := w.run()
	w.catchUp(set)
	history := func(after int64, limit int, unseen bool) (versions []projections.Version, next string) {
		t.Helper()
		found, err := set.Conversations.History(t.Context(), room, projections.HistoryRange{After: after, Limit: limit, Unseen: unseen})
		if err != nil {
			t.Fatal(err)
		}
		if found.Next != nil {
			next = *found.Next
		}
		return found.Versions, next
	}
	mentioned := func() []uint64 {
		t.Helper()
		var counts []uint64
		for _, user := range []uuid.UUID{ann, bob} {
			shown, err := set.Conversations.Get(t.Context(), room, user)
			if err != nil {
				t.Fatal(err)
			}
			counts = append(counts, shown.Mentioned)
		}
		return counts
	}
	want := []projections.Version{{Text: "0", At: morning.Add(1), Actor: ann}, {Text: "1", At: morning.Add(2), Actor: ann}, {Text: "2", At: morning.Add(5), Actor: ann}}
	if got, next := history(-1, 3, false); !cmp.Equal(got, want) || next != "" {
		t.Errorf("the history goes on at %q: %s", next, cmp.Diff(want, got))
	}
	if got, next := history(-1, 2, false); !cmp.Equal(got, want[:2]) || next != fmt.Sprintf("/v1/conversations/%s/messages/0/history?after=1&limit=2", room) {
		t.Errorf("its first page goes on at %q: %s", next, cmp.Diff(want[:2], got))
	}
	if got, _ := history(1, 2, false); !cmp.Equal(got, want[2:]) {
		t.Error(cmp.Diff(want[2:], got))
	}
	if got := mentioned(); !cmp.Equal(got, []uint64{0, 1}) {
		t.Errorf("mentioned are %v", got)
	}
	w.retract(room, bob, 0, 6)
	w.catchUp(set)
	want = append(want, projections.Version{At: morning.Add(6), Actor: bob, Retracted: true})
	if got, _ := history(-1, 9, true); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	for i := range want {
		want[i].Text = ""
	}
	if got, _ := history(-1, 9, false); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if got := mentioned(); !cmp.Equal(got, []uint64{0, 0}) {
		t.Errorf("after the retraction, mentioned are %v", got)
	}
}
