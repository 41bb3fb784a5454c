package commands

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// MessageView is what a read model knows of messages, and up to where: next is
// the first revision of the conversation's messages' stream that it does not
// cover yet. What follows is read from the log, so a view that is behind makes
// a decision slower and never wrong.
type MessageView interface {
	// MessageState returns a message as the facts before next have made it.
	// found is false if there is none among them.
	MessageState(ctx context.Context, conversation uuid.UUID, number uint64) (m decide.MessageState, next uint64, found bool, err error)
	// ForwardedAs finds a message that was forwarded with an idempotency key,
	// by its event's id.
	ForwardedAs(ctx context.Context, conversation, id uuid.UUID) (number, next uint64, found bool, err error)
}

// messageState tells what became of a message. If there is no such message the
// state is the zero one. Strangers must have been refused before, since it may
// have much to read.
func (c *Commands) messageState(ctx context.Context, conversation uuid.UUID, number uint64) (state decide.MessageState, err error) {
	posted, found, err := c.posted(ctx, conversation, number)
	if !found || err != nil {
		return state, err
	}
	if c.Messages != nil {
		// A view that fails is no reason to refuse: the log has it all.
		if seen, next, found, err := c.Messages.MessageState(ctx, conversation, number); found && err == nil {
			err = c.foldMessage(ctx, &seen, conversation, number, next)
			return seen, err
		}
	}
	if err := c.journal.Open(ctx, posted); err != nil {
		return state, err
	}
	decide.EvolveMessage(&state, posted.Fact)
	err = c.foldMessage(ctx, &state, conversation, number, number+1)
	return state, err
}

// posted reads the event that posted a message, with its text sealed.
func (c *Commands) posted(ctx context.Context, conversation uuid.UUID, number uint64) (events.Event, bool, error) {
	recorded, found, err := c.journal.Recorded(ctx, events.MessagesStream(conversation), number)
	if !found || !posts[recorded.Type] || err != nil {
		return events.Event{}, false, err
	}
	event, err := events.Decode(recorded)
	return event, err == nil, err
}

// foldMessage applies a message's facts from a revision on.
func (c *Commands) foldMessage(ctx context.Context, state *decide.MessageState, conversation uuid.UUID, number, from uint64) error {
	for recorded, err := range c.journal.Log.Read(ctx, events.MessagesStream(conversation), from, events.Forwards, 0) {
		if err != nil {
			return err
		}
		if !changesMessages[recorded.Type] {
			continue
		}
		event, err := events.Decode(recorded)
		if err != nil {
			return err
		}
		if about, _ := events.MessageNumber(event); about != number {
			continue
		}
		if err := c.journal.Open(ctx, event); err != nil {
			return err
		}
		decide.EvolveMessage(state, event.Fact)
	}
	return nil
}

// changesMessages are the names of the facts that change a message.
var changesMessages = map[string]bool{
	events.TypeOf(new(events.MessageEdited)):    true,
	events.TypeOf(new(events.MessageRetracted)): true,
	events.TypeOf(new(events.ReactionAdded)):    true,
	events.TypeOf(new(events.ReactionRemoved)):  true,
}

// changeMessage decides on a message, and appends what comes of it, for
// somebody who was admitted. It returns no events if there is nothing to do.
func (c *Commands) changeMessage(ctx context.Context, cause events.Cause, conversation uuid.UUID, number uint64,
	change func(*decide.Conversation, *decide.MessageState) ([]events.Fact, error),
) ([]events.Event, error) {
	message, err := c.messageState(ctx, conversation, number)
	if err != nil {
		return nil, err
	}
	var facts []events.Fact
	err = c.withConversation(ctx, conversation,
		func(state *decide.Conversation) error {
			facts, err = change(state, &message)
			return err
		})
	if err != nil || len(facts) == 0 {
		return nil, err
	}
	return c.journal.Append(ctx, events.MessagesStream(conversation), events.Any, cause, facts...)
}

// Retracted tells whether a message was taken back.
func (c *Commands) Retracted(ctx context.Context, conversation uuid.UUID, number uint64) (bool, error) {
	state, err := c.messageState(ctx, conversation, number)
	return state.Retracted, err
}
