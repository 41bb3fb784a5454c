package main

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
)

// openHouse opens a house in a directory of the test's own.
func openHouse(t *testing.T) *house {
	t.Helper()
	c := &config{data: filepath.Join(t.TempDir(), "data"), eventstore: embedded, views: sqlite}
	h, err := open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// TestJourney is the journey of one message that the README tells; the README's
// snippets stand here word for word (see TestREADMESnippetsAreTheTests).
func TestJourney(t *testing.T) {
	ctx := t.Context()
	h := openHouse(t)
	journal, views := h.journal, h.views
	register := func(handle string) uuid.UUID {
		registered, err := h.commands.Register(ctx, events.Cause{}, decide.Registration{Handle: handle, DisplayName: handle})
		if err != nil {
			t.Fatal(err)
		}
		return registered.Fact.(*events.UserRegistered).User
	}
	ada, bob := register("ada"), register("bob")
	started, _, err := h.commands.Start(ctx, events.Cause{Actor: ada.String()},
		decide.Beginning{Kind: events.Direct, Starter: ada, Others: []uuid.UUID{bob}})
	if err != nil {
		t.Fatal(err)
	}
	room, before := started.Fact.(*events.ConversationStarted).Conversation, started.Position
	conversation := decide.EvolveConversation(decide.NewConversation(), started.Fact)

	facts, err := decide.Post(conversation, decide.Message{
		Conversation: room, Author: ada, Text: "Dinner at eight?",
	})
	if err != nil {
		t.Fatal(err)
	}

	cause := events.Cause{Actor: ada.String(), IdempotencyKey: "dinner"}
	written, err := journal.Append(ctx, events.MessagesStream(room), events.Any, cause, facts...)
	if err != nil {
		t.Fatal(err)
	}

	for recorded, err := range journal.Log.Follow(ctx, before, events.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if recorded.IsMark() {
			break // all that is known was yielded; what comes next is live
		}
		event, err := events.Decode(recorded)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d %s %d %T", event.Position, event.Stream, event.Revision, event.Fact)
	}

	if err := views.Wait(ctx, projections.ConversationsName, written[0].Position); err != nil {
		t.Fatal(err)
	}
	page, err := views.Conversations.Page(ctx, room, projections.Range{Limit: 50})
	if err != nil {
		t.Fatal(err)
	}

	if len(page.Messages) != 1 || page.Messages[0].Text != "Dinner at eight?" || page.Messages[0].Number != written[0].Revision {
		t.Errorf("bob reads %+v", page.Messages)
	}
}
