package webhooks

import (
	"github.com/google/uuid"

	"parley/events"
)

// notice is something that an app is to be told: an event, as a delivery of one
// field.
type notice struct {
	route
	// lane is the conversation, within which deliveries keep their order.
	lane  uuid.UUID
	field events.WebhookField
}

// conversationOf is in which conversation a fact is that apps may be told of.
// The boolean is false for all other facts.
func conversationOf(fact events.Fact) (uuid.UUID, bool) {
	if posted, ok := events.PostOf(fact); ok {
		return posted.Conversation, true
	}
	switch f := fact.(type) {
	case *events.MessageEdited:
		return f.Conversation, true
	case *events.MessageRetracted:
		return f.Conversation, true
	case *events.ReactionAdded:
		return f.Conversation, true
	case *events.ReactionRemoved:
		return f.Conversation, true
	case *events.DeliveredUpTo:
		return f.Conversation, true
	case *events.ReadUpTo:
		return f.Conversation, true
	case *events.ButtonPressed:
		return f.Conversation, true
	case *events.CustomerLinked:
		return events.BusinessID(f.Merchant, f.Customer), true
	case *events.ThreadControlPassed:
		return f.Conversation, true
	case *events.ThreadControlTaken:
		return f.Conversation, true
	case *events.ThreadControlRequested:
		return f.Conversation, true
	case events.OrderFact:
		step := f.Step()
		return events.BusinessID(step.Merchant, step.Customer), true
	}
	return uuid.Nil, false
}

// fieldFor is as what a route is told of an event of its conversation. The
// boolean is false if it is not.
func (r route) fieldFor(event events.Event) (events.WebhookField, bool) {
	if number, ok := events.MessageNumber(event); ok && number < r.since {
		return "", false
	}
	field, grant := r.fieldOf(event.Fact)
	return field, field != "" && (grant == "" || r.may(grant))
}

// fieldOf is the field of a fact, and what must be granted to be told of it.
func (r route) fieldOf(fact events.Fact) (events.WebhookField, events.Grant) {
	if posted, ok := events.PostOf(fact); ok {
		return r.fieldOfPost(posted)
	}
	switch f := fact.(type) {
	case *events.CustomerLinked:
		return merchants(r, events.OptinsField), ""
	case *events.ButtonPressed:
		return r.fieldOfPress(f), ""
	case *events.ThreadControlPassed:
		return addressed(r, f.To), ""
	case *events.ThreadControlTaken:
		return addressed(r, f.From), ""
	case *events.ThreadControlRequested:
		return addressed(r, f.Owner), ""
	case events.OrderFact:
		return merchants(r, events.OrdersField), events.ReadMessages
	}
	by, field := actOf(fact)
	if r.speaks(by) {
		return "", ""
	}
	return field, events.ReadMessages
}

// actOf is who did something to messages, and as what that is told.
func actOf(fact events.Fact) (uuid.UUID, events.WebhookField) {
	switch f := fact.(type) {
	case *events.MessageEdited:
		return f.By, events.EditsField
	case *events.MessageRetracted:
		return f.By, events.MessagesField
	case *events.ReactionAdded:
		return f.User, events.ReactionsField
	case *events.ReactionRemoved:
		return f.User, events.ReactionsField
	case *events.DeliveredUpTo:
		return f.User, events.DeliveriesField
	case *events.ReadUpTo:
		return f.User, events.ReadsField
	}
	return uuid.Nil, ""
}

// fieldOfPost tells messages to the page from those of the page. What other
// apps write is told to none, lest two that answer everything never end. News
// of an order is told as such.
func (r route) fieldOfPost(posted *events.MessagePosted) (events.WebhookField, events.Grant) {
	switch {
	case posted.Order != nil:
		return "", ""
	case posted.Author == r.page.App:
		return events.EchoesField, ""
	case posted.Merchant != uuid.Nil && posted.Merchant == r.page.Merchant:
		return events.EchoesField, events.ReadMessages
	case posted.App != nil:
		return "", ""
	}
	return events.MessagesField, events.ReadMessages
}

// fieldOfPress tells of a button whoever offered it: an app in its own name, or
// a merchant, for whom the app speaks that has the thread.
func (r route) fieldOfPress(pressed *events.ButtonPressed) events.WebhookField {
	if r.page.Merchant == uuid.Nil && pressed.App != r.page.App {
		return ""
	}
	return events.PostbacksField
}

// speaks tells whether somebody does on the page's side what they do.
func (r route) speaks(by uuid.UUID) bool {
	if r.page.Merchant != uuid.Nil {
		return by != r.customer
	}
	return by == r.page.App
}

// merchants is a field of those apps alone that speak for a merchant.
func merchants(r route, field events.WebhookField) events.WebhookField {
	if r.page.Merchant == uuid.Nil {
		return ""
	}
	return field
}

// addressed is the field of a handover, for the one app that is told of it.
func addressed(r route, app uuid.UUID) events.WebhookField {
	if r.page.App != app {
		return ""
	}
	return merchants(r, events.HandoversField)
}

// inStandby tells whether a delivery goes to an app that another one answers in
// place of.
func (n notice) inStandby() bool {
	return n.standby && n.field != events.HandoversField && n.field != events.OptinsField && n.field != events.OrdersField
}

// wants tells whether an endpoint has asked for a notice: for the fields of the
// webhook, and of those for the page's if it has chosen some there.
func (e *endpoint) wants(n notice, chosen choice) bool {
	field := n.field
	if n.inStandby() {
		field = events.StandbyField
	}
	return e.fields[n.field] && e.fields[field] && chosen.takes(field)
}
