package commands

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// React gives a message an emoji. It returns the ReactionAdded event, or none
// if the user has given it before. A thumbs-up to a merchant's offer accepts it.
func (c *Commands) React(ctx context.Context, cause events.Cause, conversation uuid.UUID, number uint64, user uuid.UUID, emoji string) ([]events.Event, error) {
	if err := c.MayWrite(ctx, conversation, user); err != nil {
		return nil, err
	}
	if err := c.buyByReaction(ctx, cause, conversation, number, user, emoji); err != nil {
		return nil, err
	}
	return c.changeMessage(ctx, cause, conversation, number,
		func(state *decide.Conversation, m *decide.MessageState) ([]events.Fact, error) {
			return decide.React(state, m, number, user, emoji)
		})
}

// Unreact takes an emoji back. It returns the ReactionRemoved event, or none
// if the user has not given it.
func (c *Commands) Unreact(ctx context.Context, cause events.Cause, conversation uuid.UUID, number uint64, user uuid.UUID, emoji string) ([]events.Event, error) {
	if err := c.admitSpeaker(ctx, conversation, user); err != nil {
		return nil, err
	}
	return c.changeMessage(ctx, cause, conversation, number,
		func(state *decide.Conversation, m *decide.MessageState) ([]events.Fact, error) {
			return decide.Unreact(state, m, number, user, emoji)
		})
}
