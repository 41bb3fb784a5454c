package decide

import (
	"github.com/google/uuid"

	"parley/events"
)

// MaxText bounds a message, in characters (code points).
const MaxText = 20_000

// Message is the intent to post a message.
type Message struct {
	Conversation uuid.UUID
	Author       uuid.UUID
	Text         string
	// ReplyTo is the number of the message that is answered, if any.
	ReplyTo *uint64
	// Answered tells that ReplyTo is a message of this conversation.
	Answered bool
}

// Post lets a participant say something.
func Post(c *Conversation, m Message) ([]events.Fact, error) {
	if err := c.Admit(m.Author); err != nil {
		return nil, err
	}
	if err := checkText("text", m.Text, 1, MaxText); err != nil {
		return nil, err
	}
	if m.ReplyTo != nil && !m.Answered {
		return nil, refuse(Invalid, "replyTo", "there is no message %d in this conversation", *m.ReplyTo)
	}
	return []events.Fact{&events.MessagePosted{
		Conversation: m.Conversation,
		Author:       m.Author,
		Text:         events.Private(m.Text),
		ReplyTo:      m.ReplyTo,
	}}, nil
}
