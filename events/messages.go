package events

import "github.com/google/uuid"

// MessagesStream is where a conversation's messages are kept. A message's
// number is its revision there.
func MessagesStream(conversation uuid.UUID) string {
	return "messages-" + conversation.String()
}

// MessagePosted is a text that a participant wrote.
type MessagePosted struct {
	Conversation uuid.UUID `json:"conversation"`
	Author       uuid.UUID `json:"author"`
	Text         Secret    `json:"text"`
	// ReplyTo is the number of the message that is answered, if any.
	ReplyTo *uint64 `json:"replyTo,omitempty"`
}

func (f *MessagePosted) secrets() []ownedSecret {
	return []ownedSecret{{f.Author, &f.Text}}
}
