package events

import "github.com/google/uuid"

// WebhookField is a kind of deliveries that an app can ask for, by the
// Messenger Platform's name where it has one.
type WebhookField string

const (
	// MessagesField are what people write, and what became of it.
	MessagesField WebhookField = "messages"
	// EchoesField are what the app, or the page it speaks as, has written.
	EchoesField WebhookField = "message_echoes"
	// EditsField are new texts of people's messages.
	EditsField WebhookField = "message_edits"
	// DeliveriesField and ReadsField are how far messages have reached
	// people.
	DeliveriesField WebhookField = "message_deliveries"
	ReadsField      WebhookField = "message_reads"
	// ReactionsField are emoji that people give messages, or take back.
	ReactionsField WebhookField = "message_reactions"
	// OptinsField are customers' words that a merchant may write to them.
	OptinsField WebhookField = "messaging_optins"
	// PostbacksField are buttons that people press.
	PostbacksField WebhookField = "messaging_postbacks"
	// HandoversField are passings of a thread from one app to another.
	HandoversField WebhookField = "messaging_handovers"
	// StandbyField is all of the above in threads that another app owns.
	StandbyField WebhookField = "standby"
	// OrdersField are steps of a merchant's orders; the field is Parley's own.
	OrdersField WebhookField = "orders"
)

// WebhookConfigured tells where an app wants to be told what happens. Whoever
// answers there has proven to know the app's owner.
type WebhookConfigured struct {
	App uuid.UUID `json:"app"`
	// Configuration tells this one from those before and after it.
	Configuration uuid.UUID      `json:"configuration"`
	URL           string         `json:"url"`
	Fields        []WebhookField `json:"fields"`
}

// WebhookRemoved ends that an app is told anything.
type WebhookRemoved struct {
	App uuid.UUID `json:"app"`
}

// WebhookDisabled switches a configuration off, since nobody has answered there
// for too long.
type WebhookDisabled struct {
	App           uuid.UUID `json:"app"`
	Configuration uuid.UUID `json:"configuration"`
	Reason        string    `json:"reason"`
}

func (*WebhookConfigured) secrets() []ownedSecret { return nil }
func (*WebhookRemoved) secrets() []ownedSecret    { return nil }
func (*WebhookDisabled) secrets() []ownedSecret   { return nil }
