package commands_test

import (
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

func TestABlockEndsTheTalkOfTwo(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.register("ada"), w.register("bob")
	begin := func(starter, other uuid.UUID) (uuid.UUID, error) {
		event, _, err := w.Start(t.Context(), events.Cause{Actor: starter.String()},
			decide.Beginning{Kind: events.Direct, Starter: starter, Others: []uuid.UUID{other}})
		if err != nil {
			return uuid.Nil, err
		}
		return event.Fact.(*events.ConversationStarted).Conversation, nil
	}
	room, err := begin(ada, bob)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Block(t.Context(), events.Cause{}, ada, bob); err != nil {
		t.Fatal(err)
	}
	for name, user := range map[string]uuid.UUID{"who blocks": ada, "who is blocked": bob} {
		if err := w.MayWrite(t.Context(), room, user); !refusedAs(err, decide.Forbidden) {
			t.Errorf("%s may write: %v", name, err)
		}
		if _, err := w.Post(t.Context(), events.Cause{}, decide.Message{Conversation: room, Author: user, Text: "hello"}); !refusedAs(err, decide.Forbidden) {
			t.Errorf("%s posts: %v", name, err)
		}
		if err := w.Admit(t.Context(), room, user); err != nil {
			t.Errorf("%s may not read: %v", name, err)
		}
	}
	if again, err := begin(bob, ada); err != nil || again != room {
		t.Errorf("their conversation is %s, %v; want %s", again, err, room)
	}
	if err := w.MayWrite(t.Context(), room, w.register("cleo")); !refusedAs(err, decide.Unknown) {
		t.Errorf("a stranger may write: %v", err)
	}
	if _, err := w.Unblock(t.Context(), events.Cause{}, ada, bob); err != nil {
		t.Fatal(err)
	}
	if err := w.MayWrite(t.Context(), room, bob); err != nil {
		t.Errorf("after the block was taken back: %v", err)
	}
	if _, err := w.Block(t.Context(), events.Cause{}, ada, uuid.New()); !refusedAs(err, decide.Unknown) {
		t.Errorf("blocking who is not registered: %v", err)
	}
}
