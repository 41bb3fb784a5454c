package commands

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// Pin keeps a message in its conversation's sight. It returns the
// MessagePinned event, or none if it is pinned already.
func (c *Commands) Pin(ctx context.Context, cause events.Cause, conversation uuid.UUID, number uint64, by uuid.UUID) ([]events.Event, error) {
	if err := c.MayWrite(ctx, conversation, by); err != nil {
		return nil, err
	}
	message, err := c.messageState(ctx, conversation, number)
	if err != nil {
		return nil, err
	}
	return c.transactConversation(ctx, conversation, cause,
		func(state *decide.Conversation) ([]events.Fact, error) {
			return decide.Pin(state, &message, number, by)
		})
}

// Unpin lets a message go. It returns the MessageUnpinned event, or none if it
// is not pinned.
func (c *Commands) Unpin(ctx context.Context, cause events.Cause, conversation uuid.UUID, number uint64, by uuid.UUID) ([]events.Event, error) {
	return c.transactConversation(ctx, conversation, cause,
		func(state *decide.Conversation) ([]events.Fact, error) {
			return decide.Unpin(state, number, by)
		})
}
