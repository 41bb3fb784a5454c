package commands

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// Post posts a message and returns the MessagePosted event, or the
// AttachmentShared event if an app shares files, whose revision is the
// message's number. Messages are appended at any revision: their only rule
// is membership, and a busy room must not make its writers wait for each
// other. A thumbs-up to a merchant's offer accepts it.
func (c *Commands) Post(ctx context.Context, cause events.Cause, m decide.Message) (events.Event, error) {
	if err := c.buyByWord(ctx, cause, m); err != nil {
		return events.Event{}, err
	}
	facts, err := c.decidePost(ctx, m.Conversation, m)
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
	messages := make([]decide.Message, len(postings))
	for i, posting := range postings {
		messages[i] = posting.Message
		messages[i].Conversation = conversation
	}
	facts, err := c.decidePost(ctx, conversation, messages...)
	if err != nil {
		return nil, err
	}
	entries := make([]events.Entry, len(postings))
	for i, posting := range postings {
		entries[i] = events.Entry{Cause: posting.Cause, Fact: facts[i]}
	}
	return c.journal.AppendEach(ctx, events.MessagesStream(conversation), events.Any, entries...)
}

// decidePost decides on messages of one conversation, as it stands at one
// moment; each gives one fact.
func (c *Commands) decidePost(ctx context.Context, conversation uuid.UUID, messages ...decide.Message) ([]events.Fact, error) {
	for i := range messages {
		if err := c.complete(ctx, conversation, &messages[i]); err != nil {
			return nil, err
		}
	}
	facts := make([]events.Fact, 0, len(messages))
	var author, other uuid.UUID // what keeps one of two from writing keeps the other from it too
	err := c.withConversation(ctx, conversation,
		func(state *decide.Conversation) error {
			for _, m := range messages {
				author = m.Author
				other, _ = state.Other(author)
				posted, err := decide.Post(state, m)
				if err != nil {
					return err
				}
				facts = append(facts, posted...)
			}
			return nil
		})
	if err == nil {
		err = c.reach(ctx, author, other)
	}
	if err != nil {
		return nil, err
	}
	return facts, nil
}

// complete finds out what a decision must know of a message's surroundings.
func (c *Commands) complete(ctx context.Context, conversation uuid.UUID, m *decide.Message) (err error) {
	if m.ReplyTo != nil {
		if m.Answered, err = c.isMessage(ctx, conversation, *m.ReplyTo); err != nil {
			return err
		}
	}
	if m.QuickReply != nil {
		if err := c.choose(ctx, conversation, m); err != nil {
			return err
		}
	}
	if m.Forwarded != nil {
		return nil // its files are those of the message that is passed on
	}
	for i := range m.Attachments {
		if c.Library == nil {
			return decide.NoFiles("attachments")
		}
		a := &m.Attachments[i]
		if a.Info, err = c.Library.sendable(ctx, a.Media, m.Author); err != nil {
			return err
		}
	}
	return nil
}

// isMessage tells whether a conversation has a message of that number.
func (c *Commands) isMessage(ctx context.Context, conversation uuid.UUID, number uint64) (bool, error) {
	recorded, found, err := c.journal.Recorded(ctx, events.MessagesStream(conversation), number)
	return found && posts[recorded.Type], err
}

// posts are the names of the facts that post a message.
var posts = map[string]bool{
	events.TypeOf(new(events.MessagePosted)):    true,
	events.TypeOf(new(events.AttachmentShared)): true,
}
