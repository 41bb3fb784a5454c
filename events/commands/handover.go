package commands

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// PassThread gives a merchant's thread from the app that has it to another one
// or to the agents. It returns the ThreadControlPassed event, or none if it is
// there already.
func (c *Commands) PassThread(ctx context.Context, cause events.Cause, conversation uuid.UUID, h decide.Handing) ([]events.Event, error) {
	return c.transactConversation(ctx, conversation, cause,
		func(room *decide.Conversation) ([]events.Fact, error) { return decide.PassThread(room, h) })
}

// TakeThread gives a merchant's thread to its primary app. It returns the
// ThreadControlTaken event, or none if the app has it already.
func (c *Commands) TakeThread(ctx context.Context, cause events.Cause, conversation uuid.UUID, h decide.Handing) ([]events.Event, error) {
	return c.transactConversation(ctx, conversation, cause,
		func(room *decide.Conversation) ([]events.Fact, error) { return decide.TakeThread(room, h) })
}

// RequestThread asks for a merchant's thread. It returns the
// ThreadControlRequested event, or none if the app has it already.
func (c *Commands) RequestThread(ctx context.Context, cause events.Cause, conversation uuid.UUID, h decide.Handing) ([]events.Event, error) {
	return c.transactConversation(ctx, conversation, cause,
		func(room *decide.Conversation) ([]events.Fact, error) { return decide.RequestThread(room, h) })
}

// ThreadOwner is the app that answers a merchant's customer now, and zero if
// it is the merchant's agents.
func (c *Commands) ThreadOwner(ctx context.Context, conversation uuid.UUID) (owner uuid.UUID, err error) {
	err = c.withConversation(ctx, conversation, func(room *decide.Conversation) error {
		owner = room.ThreadOwner()
		return nil
	})
	return owner, err
}

// MaySpeak refuses an app that was not granted something in a conversation, or
// that speaks for a merchant whose thread another one has.
func (c *Commands) MaySpeak(ctx context.Context, conversation, app uuid.UUID, grant events.Grant) error {
	return c.withConversation(ctx, conversation, func(room *decide.Conversation) error {
		if err := room.May(app, grant); err != nil {
			return err
		}
		return room.Speaks(app)
	})
}
