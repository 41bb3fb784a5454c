package commands

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// EditMessage gives a message another text. It returns the MessageEdited
// event, or none if that would change nothing.
func (c *Commands) EditMessage(ctx context.Context, cause events.Cause, conversation uuid.UUID, e decide.Edit) ([]events.Event, error) {
	if err := c.MayWrite(ctx, conversation, e.By); err != nil {
		return nil, err
	}
	return c.changeMessage(ctx, cause, conversation, e.Number,
		func(state *decide.Conversation, m *decide.MessageState) ([]events.Fact, error) {
			return decide.EditMessage(state, m, e)
		})
}

// RetractMessage takes a message back, and lets it go if it is pinned. It
// returns the MessageRetracted and the MessageUnpinned event, those of them
// that there was a need for.
func (c *Commands) RetractMessage(ctx context.Context, cause events.Cause, conversation uuid.UUID, number uint64, by uuid.UUID) ([]events.Event, error) {
	if err := c.Admit(ctx, conversation, by); err != nil {
		return nil, err
	}
	retracted, err := c.changeMessage(ctx, cause, conversation, number,
		func(state *decide.Conversation, m *decide.MessageState) ([]events.Fact, error) {
			return decide.RetractMessage(state, m, number, by)
		})
	if err != nil {
		return nil, err
	}
	// Should this fail, whoever repeats the retraction comes by here again.
	unpinned, err := c.Unpin(ctx, cause, conversation, number, by)
	return slices.Concat(retracted, unpinned), err
}
