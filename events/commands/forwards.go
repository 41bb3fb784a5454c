package commands

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// Forwarding is the intent to pass a message of one conversation on into
// another.
type Forwarding struct {
	From   uuid.UUID
	Number uint64
	By     uuid.UUID
	To     uuid.UUID
}

// Forward posts a message's present text into another conversation, attributed
// to whoever wrote it, and returns the MessagePosted event. Its cause is the
// event that posted the original.
//
// A repeat with the same idempotency key is answered with what the first
// forwarded, even if the original was edited or retracted since.
func (c *Commands) Forward(ctx context.Context, cause events.Cause, f Forwarding) (events.Event, error) {
	posted, found, err := c.posted(ctx, f.From, f.Number)
	if err != nil {
		return events.Event{}, err
	}
	if found {
		cause.Causation = posted.ID.String()
	}
	if cause.IdempotencyKey != "" {
		if first, found, err := c.forwarded(ctx, cause, f.To); found || err != nil {
			return first, err
		}
	}
	message, err := c.decideForward(ctx, f)
	if err != nil {
		return events.Event{}, err
	}
	return c.Post(ctx, cause, message)
}

func (c *Commands) decideForward(ctx context.Context, f Forwarding) (message decide.Message, err error) {
	if err := c.Admit(ctx, f.From, f.By); err != nil {
		return message, err
	}
	original, err := c.messageState(ctx, f.From, f.Number)
	if err != nil {
		return message, err
	}
	err = c.withConversation(ctx, f.From,
		func(state *decide.Conversation) error {
			message, err = decide.Forward(state, &original, f.Number, f.By, f.To)
			return err
		})
	if err != nil {
		return message, err
	}
	return message, c.admitTo(ctx, f.To, f.By)
}

// admitTo is Admit for a conversation that the intent names as "to".
func (c *Commands) admitTo(ctx context.Context, conversation, user uuid.UUID) error {
	err := c.Admit(ctx, conversation, user)
	if refusal := (*decide.Refusal)(nil); errors.As(err, &refusal) {
		return &decide.Refusal{Kind: refusal.Kind, Field: "to", Reason: refusal.Reason}
	}
	return err
}

// forwarded finds what an earlier request with the same key has forwarded.
func (c *Commands) forwarded(ctx context.Context, cause events.Cause, to uuid.UUID) (events.Event, bool, error) {
	id := events.KeyedID(cause.Actor, cause.IdempotencyKey)
	number, found, err := c.forwardedAs(ctx, to, id)
	if !found || err != nil {
		return events.Event{}, false, err
	}
	first, found, err := c.journal.Fact(ctx, events.MessagesStream(to), number)
	if err == nil && (!found || first.Meta.Causation != cause.Causation) {
		err = events.ErrKeyReused
	}
	return first, true, err
}

func (c *Commands) forwardedAs(ctx context.Context, conversation, id uuid.UUID) (uint64, bool, error) {
	next := uint64(0)
	if c.Messages != nil {
		number, upTo, found, err := c.Messages.ForwardedAs(ctx, conversation, id)
		if err == nil && found {
			return number, true, nil
		}
		if err == nil {
			next = upTo
		}
	}
	for recorded, err := range c.journal.Log.Read(ctx, events.MessagesStream(conversation), next, events.Forwards, 0) {
		if err != nil {
			return 0, false, err
		}
		if recorded.ID == id {
			return recorded.Revision, true, nil
		}
	}
	return 0, false, nil
}
