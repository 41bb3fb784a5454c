package projections_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"parley/events"
	"parley/events/commands"
	"parley/projections"
	"parley/projections/views/viewstest"
)

func (w *world) forward(conversation, user, writer uuid.UUID, text string, after time.Duration) events.Event {
	w.t.Helper()
	return w.append(events.MessagesStream(conversation), by(user, after), &events.MessagePosted{
		Conversation: conversation, Author: user, Text: events.Private(text), Forwarded: &events.Forwarded{Author: writer},
	})
}

func (w *world) rename(conversation, user uuid.UUID, title string) {
	w.t.Helper()
	w.append(events.ConversationStream(conversation), by(user, 0), &events.ConversationRenamed{
		Conversation: conversation, Title: events.Private(title), By: user,
	})
}

func TestNothingIsShownOfWhoIsErased(t *testing.T) {
	for _, batch := range []int{1, 1000} {
		everywhere(t, func(t *testing.T, w *world) {
			w.opts.BatchEvents = batch
			testErased(t, w)
		})
	}
}

func testErased(t *testing.T, w *world) {
	w.register(ann, "ann", "messenger", 0)
	w.register(bob, "bob", "messenger", 0)
	w.append(events.UserStream(bob), by(bob, 0), &events.UserBlocked{User: bob, Blocked: ann})
	left, apart, theirs := w.start(0, bob, ann), w.start(0, bob, cyd), w.start(0, ann, bob)
	w.post(left, ann, "secret", 1)
	w.edit(left, ann, 0, "top secret", 2)
	w.post(left, bob, "kept", 3)
	w.leave(left, ann, ann, 4)
	w.forward(apart, cyd, ann, "secret", 5)
	w.forward(theirs, ann, bob, "kept", 6)
	w.rename(left, bob, "kept")
	w.rename(theirs, ann, "secret")
	set, _ := w.run()
	w.catchUp(set)
	tag := func(room uuid.UUID) string {
		body, err := set.Conversations.PageJSON(t.Context(), room, bob, projections.Range{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		return body.ETag
	}
	before := []string{tag(left), tag(apart), tag(theirs)}
	w.erase(ann, time.Hour)
	w.post(theirs, ann, "secret, by a request that was under way", 2*time.Hour)
	w.rename(theirs, ann, "secret")
	w.catchUp(set)

	if after := []string{tag(left), tag(apart), tag(theirs)}; before[0] == after[0] || before[1] == after[1] || before[2] == after[2] {
		t.Errorf("the pages' tags were %v and are %v", before, after)
	}
	var shown strings.Builder
	for _, room := range []uuid.UUID{left, apart, theirs} {
		body, err := set.Conversations.PageJSON(t.Context(), room, bob, projections.Range{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(body.Body)
	}
	inbox, err := set.Conversations.Inbox(t.Context(), bob, false, "", 10)
	if err != nil || len(inbox.Conversations) != 3 {
		t.Fatalf("bob's inbox: %+v, %v", inbox, err)
	}
	for _, c := range inbox.Conversations {
		shown.WriteString(c.Title + c.LastMessage.Text)
	}
	if text := shown.String(); strings.Contains(text, "secret") || strings.Count(text, "kept") != 4 {
		t.Errorf("shown is %s", text)
	}
	wantTexts(t, "a search for her words", searched(t, set, bob, "secret"))
	wantTexts(t, "a search for others'", searched(t, set, bob, "kept"), "kept", "kept")
	erasedAt := morning.Add(time.Hour)
	want := projections.User{ID: ann, Product: "messenger", RegisteredAt: morning, ErasedAt: &erasedAt}
	user, err := set.Users.Get(t.Context(), ann)
	if diff := cmp.Diff(want, user); diff != "" || err != nil {
		t.Errorf("the user: %v (-want +got):\n%s", err, diff)
	}
	if blocks, err := set.Users.Blocks(t.Context(), bob, 0, 1); err != nil || len(blocks.Blocks) != 0 {
		t.Errorf("bob blocks %v, %v", blocks, err)
	}
	view := set.Erasures()
	if erased, err := view.Erased(t.Context(), uuid.Nil, 10); err != nil || !cmp.Equal(erased, []uuid.UUID{ann}) {
		t.Errorf("erased are %v, %v", erased, err)
	}
	if erased, err := view.Erased(t.Context(), ann, 10); err != nil || len(erased) != 0 {
		t.Errorf("erased after ann are %v, %v", erased, err)
	}
	if groups, err := view.GroupsOf(t.Context(), ann); err != nil || !cmp.Equal(groups, []uuid.UUID{theirs}) {
		t.Errorf("ann is in %v, %v", groups, err)
	}
}

// TestErasedViewsAreThoseOfARebuild: views that showed what people said, before
// they were erased, have the rows of views that never could.
func TestErasedViewsAreThoseOfARebuild(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, viewstest.SQLite)
		people := []uuid.UUID{ann, bob, cyd}
		for _, user := range people {
			w.register(user, user.String(), "messenger", 0)
		}
		rooms := []uuid.UUID{w.start(0, people...), w.start(0, people...)}
		w.opts.BatchEvents = rapid.SampledFrom([]int{1, 7, 1000}).Draw(rt, "batch")
		set, stop := w.run()
		w.talkIn(rt, people, rooms)
		if rapid.Bool().Draw(rt, "shown before") {
			w.catchUp(set)
		}
		gone := rapid.SampledFrom(people).Draw(rt, "gone")
		w.erase(gone, time.Hour)
		w.talkIn(rt, people, rooms)
		w.catchUp(set)
		w.forget(gone)
		lived := digests(t, set)
		stop()
		w.elsewhere()
		set, stop = w.settled()
		defer stop()
		if diff := cmp.Diff(digests(t, set), lived); diff != "" {
			rt.Fatalf("(-rebuilt +lived):\n%s", diff)
		}
	})
}

// finishing runs FinishErasures until stop.
func (w *world) finishing(write *commands.Commands, set *projections.Set, logger *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		write.FinishErasures(ctx, set.Erasures(), logger)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// removed waits until somebody has left a group.
func (w *world) removed(group, user uuid.UUID) {
	w.t.Helper()
	only := events.Filter{StreamPrefixes: []string{events.ConversationStream(group)}}
	for recorded, err := range w.journal.Log.Follow(w.t.Context(), events.Beginning, only) {
		if err != nil {
			w.t.Fatal(err)
		}
		if recorded.IsMark() {
			continue
		}
		event, err := events.Decode(recorded)
		if err != nil {
			w.t.Fatal(err)
		}
		if gone, ok := event.Fact.(*events.ParticipantRemoved); ok && gone.User == user {
			return
		}
	}
}

func (w *world) revocations() int {
	w.t.Helper()
	count := 0
	for event, err := range w.journal.History(w.t.Context(), events.RevocationsStream, 0) {
		if err != nil {
			w.t.Fatal(err)
		}
		if fact, ok := event.Fact.(*events.SubjectRevoked); ok && fact.ForGood {
			count++
		}
	}
	return count
}

func (w *world) forgotten(user uuid.UUID) bool {
	w.t.Helper()
	is, err := w.vault.Forgotten(w.t.Context(), user)
	if err != nil {
		w.t.Fatal(err)
	}
	return is
}

func TestErasuresAreFinished(t *testing.T) {
	w := newWorld(t, viewstest.SQLite)
	for _, user := range []uuid.UUID{ann, bob, cyd} {
		w.register(user, user.String(), "messenger", 0)
	}
	group, other := w.start(0, ann, bob), w.start(0, cyd, bob)
	// A server died after the fact was written.
	w.erase(ann, time.Hour)
	set, _ := w.run()
	write := commands.New(w.journal)
	stop := w.finishing(write, set, slog.New(slog.DiscardHandler))
	w.removed(group, ann)
	if !w.forgotten(ann) || w.revocations() != 1 {
		t.Errorf("ann is forgotten: %t, revocations: %d", w.forgotten(ann), w.revocations())
	}
	// Another server writes the fact while this one runs.
	w.erase(cyd, 2*time.Hour)
	w.removed(other, cyd)
	stop()
	if !w.forgotten(cyd) || w.revocations() != 2 {
		t.Errorf("cyd is forgotten: %t, revocations: %d", w.forgotten(cyd), w.revocations())
	}
	w.catchUp(set)
	want := map[uuid.UUID]events.Role{bob: events.Owner}
	if diff := cmp.Diff(want, roles(t, set, group, bob)); diff != "" {
		t.Errorf("who is left (-want +got):\n%s", diff)
	}
	tip, err := events.Tip(t.Context(), w.journal.Log)
	if err != nil {
		t.Fatal(err)
	}
	// What is finished is not done again.
	w.erase(bob, 3*time.Hour)
	stop = w.finishing(write, set, slog.New(slog.DiscardHandler))
	w.removed(group, bob)
	stop()
	count := 0
	for recorded, err := range w.journal.Log.ReadAll(t.Context(), tip, events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if recorded.Position > tip {
			count++
		}
	}
	if count > 4 || w.revocations() != 3 {
		t.Errorf("%d events were written after the first two erasures, of which %d revocations", count, w.revocations())
	}
}

// failingKeys cannot forget anybody.
type failingKeys struct{ events.Keys }

func (failingKeys) Forget(context.Context, uuid.UUID) error { return errors.New("the disk is full") }

// warned is closed by the first warning.
type warned struct {
	slog.Handler
	once sync.Once
	seen chan struct{}
}

func (h *warned) Handle(context.Context, slog.Record) error {
	h.once.Do(func() { close(h.seen) })
	return nil
}

func TestAnErasureThatFailsIsFinishedLater(t *testing.T) {
	w := newWorld(t, viewstest.SQLite)
	w.register(ann, "ann", "messenger", 0)
	w.register(bob, "bob", "messenger", 0)
	group, other := w.start(0, ann), w.start(0, bob)
	set, _ := w.run()

	broken := *w.journal
	broken.Keys = failingKeys{w.vault}
	if _, err := commands.New(&broken).Erase(t.Context(), by(ann, 0), ann); err == nil {
		t.Error("the erasure did not fail")
	}
	logger := &warned{Handler: slog.DiscardHandler, seen: make(chan struct{})}
	stop := w.finishing(commands.New(&broken), set, slog.New(enabled{logger}))
	<-logger.seen
	stop()
	if w.forgotten(ann) {
		t.Fatal("ann is forgotten by keys that forget nobody")
	}
	write := commands.New(w.journal)
	stop = w.finishing(write, set, slog.New(slog.DiscardHandler))
	w.removed(group, ann)
	stop()
	if !w.forgotten(ann) || w.revocations() != 1 {
		t.Errorf("ann is forgotten: %t, revocations: %d", w.forgotten(ann), w.revocations())
	}
	// The vault is put back as it was before: its key is alive again.
	w.erase(bob, time.Hour)
	if _, err := write.RemoveParticipant(t.Context(), by(bob, time.Hour), other, bob, bob); err != nil {
		t.Fatal(err)
	}
	w.register(cyd, "cyd", "messenger", 0)
	last := w.start(0, cyd)
	stop = w.finishing(write, set, slog.New(slog.DiscardHandler))
	w.erase(cyd, time.Hour)
	w.removed(last, cyd)
	stop()
	if !w.forgotten(bob) {
		t.Error("bob's key is alive")
	}
}

// enabled lets a handler see every record.
type enabled struct{ slog.Handler }

func (enabled) Enabled(context.Context, slog.Level) bool { return true }
