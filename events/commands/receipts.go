package commands

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// MarkRead moves a user's read marker up to a message and returns the ReadUpTo
// event. Marking the same message again writes nothing: the marker itself is
// the idempotency key.
func (c *Commands) MarkRead(ctx context.Context, cause events.Cause, conversation, user uuid.UUID, number uint64) (events.Event, error) {
	cause.IdempotencyKey = fmt.Sprintf("read %s %d", conversation, number)
	return c.mark(ctx, cause, conversation, user, number, decide.MarkRead)
}

// MarkDelivered is MarkRead for what has reached the user's devices.
func (c *Commands) MarkDelivered(ctx context.Context, cause events.Cause, conversation, user uuid.UUID, number uint64) (events.Event, error) {
	cause.IdempotencyKey = fmt.Sprintf("delivered %s %d", conversation, number)
	return c.mark(ctx, cause, conversation, user, number, decide.MarkDelivered)
}

type marking func(c *decide.Conversation, user uuid.UUID, number uint64, exists bool) ([]events.Fact, error)

func (c *Commands) mark(ctx context.Context, cause events.Cause, conversation, user uuid.UUID, number uint64, mark marking) (events.Event, error) {
	exists, err := c.isMessage(ctx, conversation, number)
	if err != nil {
		return events.Event{}, err
	}
	return c.receipt(ctx, cause, conversation, func(state *decide.Conversation) ([]events.Fact, error) {
		return mark(state, user, number, exists)
	})
}

// receipt appends the one fact of a decision to the receipts of a conversation,
// at any revision: what a participant tells of themselves conflicts with
// nothing.
func (c *Commands) receipt(ctx context.Context, cause events.Cause, conversation uuid.UUID, decided func(*decide.Conversation) ([]events.Fact, error)) (events.Event, error) {
	var facts []events.Fact
	err := c.withConversation(ctx, conversation, func(state *decide.Conversation) (err error) {
		facts, err = decided(state)
		return err
	})
	if err != nil {
		return events.Event{}, err
	}
	written, err := c.journal.Append(ctx, events.ReceiptsStream(conversation), events.Any, cause, facts...)
	if err != nil {
		return events.Event{}, err
	}
	return written[0], nil
}
