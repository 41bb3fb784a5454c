package commands_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
)

// talk is a group of ada's and bob's.
type talk struct {
	world
	ada, bob, room uuid.UUID
}

func newTalk(t *testing.T) *talk {
	w := newWorld(t)
	k := &talk{world: w, ada: w.register("ada"), bob: w.register("bob")}
	k.room = w.group(k.ada, k.bob)
	return k
}

func by(user uuid.UUID) events.Cause { return events.Cause{Actor: user.String()} }

func (k *talk) say(author uuid.UUID, text string) uint64 {
	k.t.Helper()
	event, err := k.Post(k.t.Context(), by(author), decide.Message{Conversation: k.room, Author: author, Text: text})
	if err != nil {
		k.t.Fatal(err)
	}
	return event.Revision
}

func (k *talk) edit(number uint64, author uuid.UUID, text string) ([]events.Event, error) {
	return k.EditMessage(k.t.Context(), by(author), k.room, decide.Edit{Number: number, By: author, Text: text})
}

// wrote fails the test unless a command wrote as many events.
func (k *talk) wrote(what string, events []events.Event, err error, want int) {
	k.t.Helper()
	if err != nil || len(events) != want {
		k.t.Errorf("%s wrote %d events, %v; want %d", what, len(events), err, want)
	}
}

func TestWhatIsFulfilledWritesNothing(t *testing.T) {
	k := newTalk(t)
	number := k.say(k.ada, "helo")
	for _, want := range []int{1, 0} {
		written, err := k.edit(number, k.ada, "hello")
		k.wrote("an edit", written, err, want)
		written, err = k.React(t.Context(), by(k.bob), k.room, number, k.bob, "👍")
		k.wrote("a reaction", written, err, want)
		written, err = k.Pin(t.Context(), by(k.bob), k.room, number, k.bob)
		k.wrote("a pin", written, err, want)
	}
	k.say(k.bob, "hello, ada")
	for _, want := range []int{1, 0} {
		written, err := k.Unreact(t.Context(), by(k.bob), k.room, number, k.bob, "👍")
		k.wrote("taking a reaction back", written, err, want)
		written, err = k.RetractMessage(t.Context(), by(k.ada), k.room, number, k.ada)
		k.wrote("a retraction, which unpins", written, err, 2*want)
	}
	if _, err := k.edit(number, k.ada, "again"); !refusedAs(err, decide.Taken) {
		t.Errorf("an edit after the retraction: %v", err)
	}
}

func TestNumbersOfOtherFactsAreNoMessages(t *testing.T) {
	k := newTalk(t)
	number := k.say(k.ada, "helo")
	edited, err := k.edit(number, k.ada, "hello")
	k.wrote("an edit", edited, err, 1)
	noMessage := edited[0].Revision
	if _, err := k.edit(noMessage, k.ada, "hello"); !refusedAs(err, decide.Unknown) {
		t.Errorf("editing an edit: %v", err)
	}
	if _, err := k.Post(t.Context(), by(k.ada), decide.Message{Conversation: k.room, Author: k.ada, Text: "yes", ReplyTo: &noMessage}); !refusedAs(err, decide.Invalid) {
		t.Errorf("answering an edit: %v", err)
	}
	if _, err := k.MarkRead(t.Context(), by(k.ada), k.room, k.ada, noMessage); !refusedAs(err, decide.Invalid) {
		t.Errorf("reading up to an edit: %v", err)
	}
}

func TestForwardedTextIsItsWritersSecret(t *testing.T) {
	k := newTalk(t)
	number := k.say(k.ada, "hello")
	event, err := k.Forward(t.Context(), by(k.bob), commands.Forwarding{From: k.room, Number: number, By: k.bob, To: k.group(k.bob)})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.vault.Forget(t.Context(), k.ada); err != nil {
		t.Fatal(err)
	}
	read, _, err := k.journal.Fact(t.Context(), event.Stream, event.Revision)
	if posted := read.Fact.(*events.MessagePosted); err != nil || posted.Text.Plain != "" || !posted.Text.Forgotten {
		t.Errorf("after its writer is forgotten, bob's copy reads %q, %v", posted.Text.Plain, err)
	}
	if _, err := k.Forward(t.Context(), by(k.bob), commands.Forwarding{From: k.room, Number: number, By: k.bob, To: k.group(k.bob)}); !refusedAs(err, decide.Taken) {
		t.Errorf("forwarding what is forgotten: %v", err)
	}
}

// brokenView fails whenever it is asked.
type brokenView struct{}

var errBroken = errors.New("the disk is full")

func (brokenView) MessageState(context.Context, uuid.UUID, uint64) (decide.MessageState, uint64, bool, error) {
	return decide.MessageState{}, 0, false, errBroken
}

func (brokenView) ForwardedAs(context.Context, uuid.UUID, uuid.UUID) (uint64, uint64, bool, error) {
	return 0, 0, false, errBroken
}

func TestForwardIsRepeatedWithoutAView(t *testing.T) {
	k := newTalk(t)
	number, other := k.say(k.ada, "hello"), k.say(k.ada, "hello")
	to := k.group(k.bob)
	cause := by(k.bob)
	cause.IdempotencyKey = "k"
	forward := func(number uint64) (events.Event, error) {
		return k.Forward(t.Context(), cause, commands.Forwarding{From: k.room, Number: number, By: k.bob, To: to})
	}
	first, err := forward(number)
	if err != nil {
		t.Fatal(err)
	}
	written, err := k.RetractMessage(t.Context(), by(k.ada), k.room, number, k.ada)
	k.wrote("a retraction", written, err, 1)
	for name, view := range map[string]commands.MessageView{"none": nil, "one that fails": brokenView{}} {
		k.Messages = view
		if again, err := forward(number); err != nil || again.ID != first.ID || again.Position != first.Position {
			t.Errorf("with %s: the repeat is %s, %v; the first was %s", name, again.ID, err, first.ID)
		}
		if _, err := forward(other); !errors.Is(err, events.ErrKeyReused) {
			t.Errorf("with %s: the same text of another message: %v", name, err)
		}
	}
}
