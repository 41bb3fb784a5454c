package commands

import (
	"context"
	"slices"

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

// DirectThread gives a merchant's thread to an app or to the agents, on behalf
// of an agent. It returns what was written, which is nothing if it is there
// already.
func (c *Commands) DirectThread(ctx context.Context, cause events.Cause, conversation uuid.UUID, d decide.Directing) ([]events.Event, error) {
	return c.transactConversation(ctx, conversation, cause,
		func(room *decide.Conversation) ([]events.Fact, error) { return decide.DirectThread(room, d) })
}

// Control is who answers a merchant's customer.
type Control struct {
	// Owner is an app, or zero for the merchant's agents.
	Owner uuid.UUID
	// Requests are the apps that ask for the thread.
	Requests []uuid.UUID
	// Connected are the apps that speak for the merchant.
	Connected []decide.Connection
}

// ThreadControl tells an agent who answers a merchant's customer now.
func (c *Commands) ThreadControl(ctx context.Context, conversation, agent uuid.UUID) (control Control, err error) {
	err = c.withConversation(ctx, conversation, func(room *decide.Conversation) error {
		if err := room.AdmitAgent(agent); err != nil {
			return err
		}
		control = Control{room.ThreadOwner(), room.ThreadRequests(), slices.Clone(room.Business.Connected)}
		return nil
	})
	return control, err
}
