package events

import "github.com/google/uuid"

// ReceiptsStream is where it is kept how far a conversation's messages have
// reached its participants.
func ReceiptsStream(conversation uuid.UUID) string {
	return "receipts-" + conversation.String()
}

// ReadUpTo moves a participant's read marker to a message's number.
type ReadUpTo struct {
	Conversation uuid.UUID `json:"conversation"`
	User         uuid.UUID `json:"user"`
	Number       uint64    `json:"number"`
}

// DeliveredUpTo moves the marker of what has reached a participant's devices
// to a message's number. What was read was delivered.
type DeliveredUpTo struct {
	Conversation uuid.UUID `json:"conversation"`
	User         uuid.UUID `json:"user"`
	Number       uint64    `json:"number"`
}

func (*DeliveredUpTo) secrets() []ownedSecret { return nil }

func (*ReadUpTo) secrets() []ownedSecret { return nil }
