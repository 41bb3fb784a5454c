package decide

import (
	"maps"
	"slices"

	"github.com/google/uuid"

	"parley/events"
)

// Customer is the one participant of a business conversation; the merchant's
// agents come and go with the merchant.
func (c *Conversation) Customer() uuid.UUID {
	for user := range c.Participants {
		return user
	}
	return uuid.Nil
}

// employs tells whether a user acts for the merchant of a business
// conversation.
func (c *Conversation) employs(user uuid.UUID) bool {
	return c.Business != nil && c.Business.Agents[user] != ""
}

// For returns a copy of a business conversation that knows its merchant. The
// copy is changed by no later fact.
func (c *Conversation) For(m *Merchant) *Conversation {
	view := *c
	view.Participants = maps.Clone(c.Participants)
	view.Apps = maps.Clone(c.Apps)
	view.Pinned = slices.Clone(c.Pinned)
	view.requests = slices.Clone(c.requests)
	view.Business = m
	return &view
}

// StartBusiness begins the conversation of a merchant and a customer. It is
// started once.
func StartBusiness(c *Conversation, merchant, customer uuid.UUID) ([]events.Fact, error) {
	if c.Started() {
		return nil, nil
	}
	return []events.Fact{&events.ConversationStarted{
		Conversation: events.BusinessID(merchant, customer),
		Kind:         events.Business,
		Starter:      customer,
		Participants: []uuid.UUID{customer},
		Merchant:     merchant,
	}}, nil
}

// MayWrite refuses who is not in the conversation and, in a business
// conversation, everybody while the customer has not opted in.
func (c *Conversation) MayWrite(user uuid.UUID) error {
	if err := c.AdmitSpeaker(user); err != nil {
		return err
	}
	_, err := c.speaker(user)
	return err
}

// AdmitSpeaker is Admit, but lets in an app that may write, too.
func (c *Conversation) AdmitSpeaker(who uuid.UUID) error {
	if _, app := c.Installed(who); !app {
		return c.Admit(who)
	}
	if err := c.May(who, events.WriteMessages); err != nil {
		return err
	}
	return c.Speaks(who)
}

// speaker is the merchant for whom an author speaks, or zero for customers and
// in all other conversations. In a business conversation nothing is said
// without the customer's opt-in.
func (c *Conversation) speaker(author uuid.UUID) (uuid.UUID, error) {
	if c.Kind != events.Business {
		return uuid.Nil, nil
	}
	if c.Business == nil {
		return uuid.Nil, NoSuchConversation()
	}
	_, customer := c.Participants[author]
	_, guest := c.Apps[author] // an app that was installed here speaks for nobody
	switch linked := c.Business.Customers[c.Customer()]; {
	case linked && (customer || guest):
		return uuid.Nil, nil
	case linked:
		return c.Merchant, nil
	case customer:
		return uuid.Nil, refuse(Taken, "", "you have left this merchant; opt in again to write to it")
	}
	return uuid.Nil, because(ErrNotLinked, Taken, "the customer has not opted in to this merchant, or has left it")
}
