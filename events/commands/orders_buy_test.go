package commands_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// offer lets the shop offer something, and returns the order and the number of
// the message that tells of it.
func (s shop) offer() (order uuid.UUID, message uint64) {
	s.t.Helper()
	told, err := s.OfferOrder(s.t.Context(), as(s.owner), s.placement(""))
	if err != nil {
		s.t.Fatal(err)
	}
	return told.Events[0].Fact.(*events.OrderOffered).Order, told.Messages[0].Revision
}

func (s shop) bought(order uuid.UUID) int {
	s.t.Helper()
	count := 0
	for event, err := range s.journal.History(s.t.Context(), events.OrderStream(order), 0) {
		if err != nil {
			s.t.Fatal(err)
		}
		if _, ok := event.Fact.(*events.OfferAccepted); ok {
			count++
		}
	}
	return count
}

func TestAThumbsUpBuysWhatIsOffered(t *testing.T) {
	s := newShop(t)
	says := func(text string, replyTo *uint64) error {
		_, err := s.Post(t.Context(), as(s.customer), decide.Message{Conversation: s.conversation, Author: s.customer, Text: text, ReplyTo: replyTo})
		return err
	}
	for name, buy := range map[string]func(message uint64) error{
		"as a reaction": func(message uint64) error {
			_, err := s.React(t.Context(), as(s.customer), s.conversation, message, s.customer, "👍🏽")
			return err
		},
		"as an answer": func(message uint64) error {
			if err := says("hm", nil); err != nil {
				return err
			}
			return says("👍", &message)
		},
		"as the next word": func(message uint64) error {
			if _, err := s.React(t.Context(), as(s.owner), s.conversation, message, s.owner, "🎁"); err != nil {
				return err
			}
			return says(" 👍\ufe0f ", nil)
		},
	} {
		order, message := s.offer()
		for range 2 {
			if err := buy(message); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if got := s.bought(order); got != 1 {
			t.Errorf("%s it was bought %d times", name, got)
		}
	}
}

func TestNothingElseBuys(t *testing.T) {
	s := newShop(t)
	order, message := s.offer()
	react := func(user uuid.UUID, number uint64, emoji string) error {
		_, err := s.React(t.Context(), as(user), s.conversation, number, user, emoji)
		return err
	}
	says := func(author uuid.UUID, text string) error {
		_, err := s.Post(t.Context(), as(author), decide.Message{Conversation: s.conversation, Author: author, Text: text})
		return err
	}
	for name, try := range map[string]func() error{
		"another emoji":           func() error { return react(s.customer, message, "❤️") },
		"the agent's thumbs-up":   func() error { return react(s.owner, message, "👍") },
		"the agent's word":        func() error { return says(s.owner, "👍") },
		"a word after some other": func() error { return errors.Join(says(s.owner, "well?"), says(s.customer, "👍")) },
		"a sentence":              func() error { return says(s.customer, "👍👍") },
	} {
		if err := try(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s.bought(order) > 0 {
			t.Fatalf("%s buys", name)
		}
	}
	if _, err := s.UpdateOrder(t.Context(), as(s.owner), order, decide.Update{Type: decide.UpdateCancelled, By: s.owner}); err != nil {
		t.Fatal(err)
	}
	if err := react(s.customer, message, "👍"); !refusedAs(err, decide.Taken) {
		t.Errorf("a thumbs-up to a withdrawn offer: %v", err)
	}
}

func TestWhatTellsOfOrdersStaysAsItIs(t *testing.T) {
	s := newShop(t)
	order := s.place("7")
	if _, err := s.RequestOfOrder(t.Context(), as(s.customer), order, decide.Wish{Kind: decide.WantsCancel, By: s.customer}); err != nil {
		t.Fatal(err)
	}
	_, err := s.EditMessage(t.Context(), as(s.customer), s.conversation, decide.Edit{Number: 1, By: s.customer, Text: "Order 7 is free."})
	if !refusedAs(err, decide.Taken) {
		t.Errorf("the customer edits their request: %v", err)
	}
	if _, err := s.RetractMessage(t.Context(), as(s.customer), s.conversation, 1, s.customer); !refusedAs(err, decide.Taken) {
		t.Errorf("the customer retracts their request: %v", err)
	}
	if _, err := s.RetractMessage(t.Context(), as(s.owner), s.conversation, 0, s.owner); !refusedAs(err, decide.Forbidden) {
		t.Errorf("the agent retracts the receipt: %v", err)
	}
	if _, err := s.Pin(t.Context(), as(s.owner), s.conversation, 0, s.owner); err != nil {
		t.Errorf("the agent pins the receipt: %v", err)
	}
	if _, err := s.RemoveParticipant(t.Context(), as(s.owner), s.conversation, s.owner, s.customer); !refusedAs(err, decide.Taken) {
		t.Errorf("the agent removes the customer: %v", err)
	}
	left, err := s.RemoveParticipant(t.Context(), as(s.customer), s.conversation, s.customer, s.customer)
	if err != nil || len(left) != 1 || events.TypeOf(left[0].Fact) != "CustomerUnlinked" {
		t.Errorf("the customer leaves: %+v, %v", left, err)
	}
}
