package events

import (
	"bytes"

	"github.com/google/uuid"
)

// ConversationStream is where a conversation's lifecycle is kept.
func ConversationStream(conversation uuid.UUID) string {
	return "conversation-" + conversation.String()
}

// Kind is what a conversation is.
type Kind string

const (
	// Direct is between two people, and the only one between them; or one
	// person's own.
	Direct Kind = "direct"
	// Group is between any number of people and may have a title.
	Group Kind = "group"
	// Business is between a merchant, whose agents speak for it, and one
	// customer, and the only one between them.
	Business Kind = "business"
)

// businessSpace is the UUIDv5 namespace of business conversations.
var businessSpace = uuid.MustParse("58e2a1f4-7a0c-5b8d-b6a5-3c9d0e7f1b62")

// BusinessID is the id of the one conversation between a merchant and a
// customer.
func BusinessID(merchant, customer uuid.UUID) uuid.UUID {
	return uuid.NewSHA1(businessSpace, append(merchant[:], customer[:]...))
}

// directSpace is the UUIDv5 namespace of direct conversations.
var directSpace = uuid.MustParse("6f0f4c58-1f3c-5c0e-9a56-0d0a3f5e7b11")

// DirectID is the id of the one direct conversation between two people,
// whichever of them is named first. Of one person twice, it is the id of their
// conversation with themselves.
func DirectID(a, b uuid.UUID) uuid.UUID {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return uuid.NewSHA1(directSpace, append(a[:], b[:]...))
}

// ConversationStarted begins a conversation's stream. Starter is among
// Participants, and the title is the starter's.
type ConversationStarted struct {
	Conversation uuid.UUID   `json:"conversation"`
	Kind         Kind        `json:"kind"`
	Starter      uuid.UUID   `json:"starter"`
	Title        Secret      `json:"title"`
	Participants []uuid.UUID `json:"participants"`
	// Merchant is whose agents take part as well, in a business conversation.
	Merchant uuid.UUID `json:"merchant,omitzero"`
}

// ConversationRenamed gives a group another title, which is whoever gave it's.
type ConversationRenamed struct {
	Conversation uuid.UUID `json:"conversation"`
	Title        Secret    `json:"title"`
	By           uuid.UUID `json:"by"`
}

// MessagePinned keeps a message in its conversation's sight.
type MessagePinned struct {
	Conversation uuid.UUID `json:"conversation"`
	Number       uint64    `json:"number"`
	By           uuid.UUID `json:"by"`
}

// MessageUnpinned lets it go again.
type MessageUnpinned struct {
	Conversation uuid.UUID `json:"conversation"`
	Number       uint64    `json:"number"`
	By           uuid.UUID `json:"by"`
}

func (f *ConversationStarted) secrets() []ownedSecret {
	return []ownedSecret{{f.Starter, &f.Title}}
}

func (f *ConversationRenamed) secrets() []ownedSecret {
	return []ownedSecret{{f.By, &f.Title}}
}

func (*MessagePinned) secrets() []ownedSecret   { return nil }
func (*MessageUnpinned) secrets() []ownedSecret { return nil }
