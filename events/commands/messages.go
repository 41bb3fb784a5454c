package commands

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// Post posts a message and returns the MessagePosted event, whose revision is
// the message's number. Messages are appended at any revision: their only rule
// is membership, and a busy room must not make its writers wait for each
// other.
func (c *Commands) Post(ctx context.Context, cause events.Cause, m decide.Message) (events.Event, error) {
	facts, err := c.decidePost(ctx, m)
	if err != nil {
		return events.Event{}, err
	}
	written, err := c.journal.Append(ctx, events.MessagesStream(m.Conversation), events.Any, cause, facts...)
	if err != nil {
		return events.Event{}, err
	}
	return written[0], nil
}

// Posting is one message of PostAll, with its own cause.
type Posting struct {
	events.Cause
	decide.Message
}

// PostAll posts messages of one conversation, all or none of them.
func (c *Commands) PostAll(ctx context.Context, conversation uuid.UUID, postings []Posting) ([]events.Event, error) {
	entries := make([]events.Entry, len(postings))
	for i, posting := range postings {
		posting.Message.Conversation = conversation
		facts, err := c.decidePost(ctx, posting.Message)
		if err != nil {
			return nil, err
		}
		entries[i] = events.Entry{Cause: posting.Cause, Fact: facts[0]}
	}
	return c.journal.AppendEach(ctx, events.MessagesStream(conversation), events.Any, entries...)
}

func (c *Commands) decidePost(ctx context.Context, m decide.Message) (facts []events.Fact, err error) {
	if m.ReplyTo != nil {
		if m.Answered, err = c.isMessage(ctx, m.Conversation, *m.ReplyTo); err != nil {
			return nil, err
		}
	}
	_, err = c.conversations.With(ctx, events.ConversationStream(m.Conversation),
		func(state *decide.Conversation) error {
			facts, err = decide.Post(state, m)
			return err
		})
	return facts, err
}

// isMessage tells whether a conversation has a message of that number.
func (c *Commands) isMessage(ctx context.Context, conversation uuid.UUID, number uint64) (bool, error) {
	event, found, err := c.journal.Fact(ctx, events.MessagesStream(conversation), number)
	if err != nil || !found {
		return false, err
	}
	_, message := event.Fact.(*events.MessagePosted)
	return message, nil
}
