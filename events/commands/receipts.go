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
	exists, err := c.isMessage(ctx, conversation, number)
	if err != nil {
		return events.Event{}, err
	}
	var facts []events.Fact
	_, err = c.conversations.With(ctx, events.ConversationStream(conversation),
		func(state *decide.Conversation) error {
			facts, err = decide.MarkRead(state, user, number, exists)
			return err
		})
	if err != nil {
		return events.Event{}, err
	}
	cause.IdempotencyKey = fmt.Sprintf("read %s %d", conversation, number)
	written, err := c.journal.Append(ctx, events.ReceiptsStream(conversation), events.Any, cause, facts...)
	if err != nil {
		return events.Event{}, err
	}
	return written[0], nil
}
