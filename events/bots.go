package events

import (
	"encoding/json"

	"github.com/google/uuid"
)

// BotPart is what a message of an app has beyond text and files. Template and
// QuickReplies hold JSON in the Messenger Platform's own form, checked.
type BotPart struct {
	Template     Secret `json:"template,omitzero"`
	QuickReplies Secret `json:"quickReplies,omitzero"`
	// Metadata is the app's own, to recognise the message by when it is told
	// of it. People do not see it.
	Metadata Secret   `json:"metadata,omitzero"`
	Persona  *Persona `json:"persona,omitempty"`
	// Notification is SILENT_PUSH or NO_PUSH where people are not to be
	// disturbed.
	Notification string `json:"notification,omitempty"`
}

func (b *BotPart) secretsOf(app uuid.UUID) []ownedSecret {
	if b == nil {
		return nil
	}
	return ownedBy(app, &b.Template, &b.QuickReplies, &b.Metadata)
}

// Persona is a name and a face that a page puts on for single messages.
type Persona struct {
	ID         uuid.UUID `json:"id"`
	Name       string    `json:"name"`
	PictureURL string    `json:"pictureUrl"`
}

// QuickReply is the answer that a person chose of those a message offered.
type QuickReply struct {
	// Number is the offering message's.
	Number uint64 `json:"number"`
	// Payload is what the app knows the answer by.
	Payload Secret `json:"payload"`
}

// ButtonPressed is a person's press of a button that tells the app so: in a
// message's template, or else in what its page offers always.
type ButtonPressed struct {
	Conversation uuid.UUID `json:"conversation"`
	// Number is the message's that has the button, or absent.
	Number *uint64 `json:"number,omitempty"`
	// App sent the message, or offers the button on a page of its own; it is
	// zero if a merchant's page offers it.
	App  uuid.UUID `json:"app,omitzero"`
	User uuid.UUID `json:"user"`
	// Title is what the button says, and Payload what the app knows it by.
	Title   Secret `json:"title"`
	Payload Secret `json:"payload"`
}

func (f *ButtonPressed) secrets() []ownedSecret {
	return []ownedSecret{{f.User, &f.Title}, {f.User, &f.Payload}}
}

// PageProfileChanged changes what a page always shows, such as its greeting and
// its menu. The page is a merchant or an app, in whose stream this is.
type PageProfileChanged struct {
	Page uuid.UUID `json:"page"`
	App  uuid.UUID `json:"app"`
	// Fields are the Messenger Platform's, with null for what is taken away.
	Fields map[string]json.RawMessage `json:"fields"`
}

// PageSubscribed says which kinds of deliveries an app wants of a page.
type PageSubscribed struct {
	Page   uuid.UUID `json:"page"`
	App    uuid.UUID `json:"app"`
	Fields []string  `json:"fields"`
}

// PageUnsubscribed ends all deliveries of a page to an app.
type PageUnsubscribed struct {
	Page uuid.UUID `json:"page"`
	App  uuid.UUID `json:"app"`
}

// PersonaCreated gives a page a persona.
type PersonaCreated struct {
	Page uuid.UUID `json:"page"`
	App  uuid.UUID `json:"app"`
	Persona
}

// PersonaDeleted takes one away. Messages keep theirs.
type PersonaDeleted struct {
	Page    uuid.UUID `json:"page"`
	App     uuid.UUID `json:"app"`
	Persona uuid.UUID `json:"persona"`
}

func (*PageProfileChanged) secrets() []ownedSecret { return nil }
func (*PageSubscribed) secrets() []ownedSecret     { return nil }
func (*PageUnsubscribed) secrets() []ownedSecret   { return nil }
func (*PersonaCreated) secrets() []ownedSecret     { return nil }
func (*PersonaDeleted) secrets() []ownedSecret     { return nil }
