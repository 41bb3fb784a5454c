package events

import (
	"time"

	"github.com/google/uuid"
)

// What a participant keeps of a conversation for themselves is told in its
// receipts' stream: it changes nothing for anybody else.

// ConversationMuted asks for no notifications of a conversation's messages.
type ConversationMuted struct {
	Conversation uuid.UUID `json:"conversation"`
	User         uuid.UUID `json:"user"`
	// Until is when notifications begin again; nil for not before they are
	// asked for.
	Until *time.Time `json:"until,omitempty"`
}

// ConversationUnmuted takes a ConversationMuted back.
type ConversationUnmuted struct {
	Conversation uuid.UUID `json:"conversation"`
	User         uuid.UUID `json:"user"`
}

// ConversationArchived puts a conversation away, until it is taken out again or
// somebody else posts in it.
type ConversationArchived struct {
	Conversation uuid.UUID `json:"conversation"`
	User         uuid.UUID `json:"user"`
}

// ConversationUnarchived takes a ConversationArchived back.
type ConversationUnarchived struct {
	Conversation uuid.UUID `json:"conversation"`
	User         uuid.UUID `json:"user"`
}

func (*ConversationMuted) secrets() []ownedSecret      { return nil }
func (*ConversationUnmuted) secrets() []ownedSecret    { return nil }
func (*ConversationArchived) secrets() []ownedSecret   { return nil }
func (*ConversationUnarchived) secrets() []ownedSecret { return nil }
