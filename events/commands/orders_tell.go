package commands

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// Told is what was written to an order, and to its conversation.
//
// A log that takes both in one commit has both or none. With another one the
// order comes first, and the conversation may not have heard of it when a server
// dies between the two: then what the orders' view finds untold is told by
// TellOrder. A message that tells of a fact has an id that is made of the
// fact's, so it is there once, however often it is told.
type Told struct {
	Events []events.Event
	// Messages are the MessagePosted events that tell of them, or none if the
	// conversation is not told of them, or could not be told yet.
	Messages []events.Event
}

// Position is the log's, of the last event written.
func (t Told) Position() events.Position {
	var last events.Position
	for _, event := range slices.Concat(t.Events, t.Messages) {
		last = max(last, event.Position)
	}
	return last
}

// transactOrder decides on an order and tells its conversation.
func (c *Commands) transactOrder(ctx context.Context, cause events.Cause, order uuid.UUID, rule func(*decide.Order) ([]events.Fact, error)) (told Told, err error) {
	var about telling
	told.Events, told.Messages, err = events.TransactThen(ctx, c.orders, events.OrderStream(order), cause, func(o *decide.Order) ([]events.Fact, error) {
		about = telling{o.Number, o.Currency}
		return rule(o)
	}, func(written []events.Event) (string, []events.Entry) { return about.messages(written) })
	if len(told.Events) > 0 {
		err = nil // at most the telling has failed, which is made good
	}
	return told, err
}

// telling is what sentences about an order need to know of it.
type telling struct{ number, currency string }

// messages are a message for each fact that its conversation is to hear of.
func (t telling) messages(written []events.Event) (stream string, entries []events.Entry) {
	for _, event := range written {
		fact := event.Fact.(events.OrderFact)
		step := fact.Step()
		if step.Untold {
			continue
		}
		conversation := events.BusinessID(step.Merchant, step.Customer)
		stream = events.MessagesStream(conversation)
		posted := &events.MessagePosted{
			Conversation: conversation, Author: step.Customer,
			Text:  events.Private(decide.Tell(&decide.Order{Number: t.number, Currency: t.currency}, fact)),
			Order: &events.OrderNews{Order: step.Order, Entry: event.Revision},
		}
		if step.By != step.Customer {
			posted.Author, posted.Merchant = step.Merchant, step.Merchant
		}
		entries = append(entries, events.Entry{Cause: causedBy(event), Fact: posted})
	}
	return stream, entries
}

// causedBy is the cause of the one consequence of an event.
func causedBy(event events.Event) events.Cause {
	return events.Cause{
		Actor:          event.Meta.Actor,
		OccurredAt:     event.Meta.OccurredAt,
		Correlation:    event.Meta.Correlation,
		Causation:      event.ID.String(),
		IdempotencyKey: "tell " + event.ID.String(),
	}
}

// TellOrder tells an order's conversation of one of its facts, if it has not
// been told.
func (c *Commands) TellOrder(ctx context.Context, order uuid.UUID, entry uint64) error {
	return c.tellAgain(ctx, order, func(revision uint64) bool { return revision == entry })
}

func (c *Commands) tellAll(ctx context.Context, order uuid.UUID) error {
	return c.tellAgain(ctx, order, func(uint64) bool { return true })
}

func (c *Commands) tellAgain(ctx context.Context, order uuid.UUID, which func(revision uint64) bool) error {
	state := decide.NewOrder()
	for event, err := range c.journal.History(ctx, events.OrderStream(order), 0) {
		if err != nil {
			return err
		}
		state = decide.EvolveOrder(state, event)
		if !which(event.Revision) {
			continue
		}
		stream, entries := telling{state.Number, state.Currency}.messages([]events.Event{event})
		if len(entries) == 0 {
			continue
		}
		_, err := c.journal.AppendEach(ctx, stream, events.Any, entries...)
		// It was told in other words, or there is nobody left to tell.
		if err != nil && !errors.Is(err, events.ErrKeyReused) && !errors.Is(err, events.ErrForgotten) {
			return err
		}
	}
	return nil
}
