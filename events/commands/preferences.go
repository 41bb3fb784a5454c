package commands

import (
	"context"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// Mute keeps a user from being notified of a conversation's messages, until a
// time to come, or for good if there is none. It returns the ConversationMuted
// event.
func (c *Commands) Mute(ctx context.Context, cause events.Cause, conversation, user uuid.UUID, until *time.Time) (events.Event, error) {
	return c.receipt(ctx, cause, conversation, func(state *decide.Conversation) ([]events.Fact, error) {
		return decide.Mute(state, user, until, c.journal.Now())
	})
}

// Unmute takes a Mute back and returns the ConversationUnmuted event.
func (c *Commands) Unmute(ctx context.Context, cause events.Cause, conversation, user uuid.UUID) (events.Event, error) {
	return c.receipt(ctx, cause, conversation, func(state *decide.Conversation) ([]events.Fact, error) {
		return decide.Unmute(state, user)
	})
}

// Archive puts a conversation away for a user until somebody else posts in it.
// It returns the ConversationArchived event.
func (c *Commands) Archive(ctx context.Context, cause events.Cause, conversation, user uuid.UUID) (events.Event, error) {
	return c.receipt(ctx, cause, conversation, func(state *decide.Conversation) ([]events.Fact, error) {
		return decide.Archive(state, user)
	})
}

// Unarchive takes an Archive back and returns the ConversationUnarchived event.
func (c *Commands) Unarchive(ctx context.Context, cause events.Cause, conversation, user uuid.UUID) (events.Event, error) {
	return c.receipt(ctx, cause, conversation, func(state *decide.Conversation) ([]events.Fact, error) {
		return decide.Unarchive(state, user)
	})
}
