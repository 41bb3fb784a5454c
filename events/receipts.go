package events

import "github.com/google/uuid"

// ReceiptsStream is where it is kept how far a conversation's participants
// have read.
func ReceiptsStream(conversation uuid.UUID) string {
	return "receipts-" + conversation.String()
}

// ReadUpTo moves a participant's read marker to a message's number.
type ReadUpTo struct {
	Conversation uuid.UUID `json:"conversation"`
	User         uuid.UUID `json:"user"`
	Number       uint64    `json:"number"`
}

func (*ReadUpTo) secrets() []ownedSecret { return nil }
