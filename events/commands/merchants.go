package commands

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// RegisterMerchant opens a business. If r.Merchant is zero, it is given an id.
// Returned are the MerchantRegistered event and those of its first agents.
func (c *Commands) RegisterMerchant(ctx context.Context, cause events.Cause, r decide.MerchantRegistration) ([]events.Event, error) {
	if r.Merchant == uuid.Nil {
		r.Merchant = c.newID(cause)
	}
	if _, err := decide.RegisterMerchant(decide.NewMerchant(), r); err != nil {
		return nil, err
	}
	if err := c.mustBeRegistered(ctx, "agents", r.Owners...); err != nil {
		return nil, err
	}
	return events.Transact(ctx, c.merchants, events.MerchantStream(r.Merchant), cause,
		func(m *decide.Merchant) ([]events.Fact, error) { return decide.RegisterMerchant(m, r) })
}

// AddAgent lets a user act for a merchant, on behalf of an owner or, if by is
// zero, an operator. It returns the AgentAdded event, or none if the user is
// that already.
func (c *Commands) AddAgent(ctx context.Context, cause events.Cause, merchant, by, user uuid.UUID, role events.AgentRole) ([]events.Event, error) {
	stream := events.MerchantStream(merchant)
	_, err := c.merchants.With(ctx, stream, func(m *decide.Merchant) error {
		_, err := decide.AddAgent(m, by, user, role)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := c.mustBeRegistered(ctx, "userId", user); err != nil {
		return nil, err
	}
	return events.Transact(ctx, c.merchants, stream, cause,
		func(m *decide.Merchant) ([]events.Fact, error) { return decide.AddAgent(m, by, user, role) })
}

// RemoveAgent ends that a user acts for a merchant. It returns the AgentRemoved
// event, or none if the user did not.
func (c *Commands) RemoveAgent(ctx context.Context, cause events.Cause, merchant, by, user uuid.UUID) ([]events.Event, error) {
	return events.Transact(ctx, c.merchants, events.MerchantStream(merchant), cause,
		func(m *decide.Merchant) ([]events.Fact, error) { return decide.RemoveAgent(m, by, user) })
}

// ActsFor refuses everybody who does not act for a merchant at this moment of
// the log, ahead of any view.
func (c *Commands) ActsFor(ctx context.Context, merchant, user uuid.UUID) error {
	_, err := c.merchants.With(ctx, events.MerchantStream(merchant),
		func(m *decide.Merchant) error { return m.Admit(user) })
	return err
}

// LinkCustomer records a customer's opt-in to a merchant, and begins their
// conversation if it has not begun. It returns the CustomerLinked event, or
// none if the customer had opted in; with an idempotency key consent is
// recorded anew, so that a repeat finds its own.
//
// Links are appended at any revision: customers must not wait for each other,
// and to link one twice is harmless.
func (c *Commands) LinkCustomer(ctx context.Context, cause events.Cause, merchant uuid.UUID, consent decide.Consent) ([]events.Event, error) {
	linked, _, _, err := c.optIn(ctx, cause, merchant, consent)
	return linked, err
}

// optIn begins the conversation before it links the customer, so that none is
// linked without.
func (c *Commands) optIn(ctx context.Context, cause events.Cause, merchant uuid.UUID, consent decide.Consent) (linked []events.Event, started events.Event, existed bool, err error) {
	consent.Again = cause.IdempotencyKey != ""
	facts, err := c.decideOnMerchant(ctx, merchant, func(m *decide.Merchant) ([]events.Fact, error) {
		return decide.LinkCustomer(m, consent)
	})
	if err != nil {
		return nil, started, false, err
	}
	if err := c.mustBeRegistered(ctx, "userId", consent.Customer); err != nil {
		return nil, started, false, err
	}
	started, existed, err = c.startBusiness(ctx, cause, merchant, consent.Customer)
	if err != nil || len(facts) == 0 {
		return nil, started, existed, err
	}
	linked, err = c.journal.Append(ctx, events.MerchantStream(merchant), events.Any, cause, facts...)
	return linked, started, existed, err
}

// UnlinkCustomer ends a customer's opt-in. It returns the CustomerUnlinked
// event, or none if there was nothing to end.
func (c *Commands) UnlinkCustomer(ctx context.Context, cause events.Cause, merchant, customer uuid.UUID) ([]events.Event, error) {
	facts, err := c.decideOnMerchant(ctx, merchant, func(m *decide.Merchant) ([]events.Fact, error) {
		return decide.UnlinkCustomer(m, customer)
	})
	if err != nil || len(facts) == 0 {
		return nil, err
	}
	return c.journal.Append(ctx, events.MerchantStream(merchant), events.Any, cause, facts...)
}

func (c *Commands) decideOnMerchant(ctx context.Context, merchant uuid.UUID, rule func(*decide.Merchant) ([]events.Fact, error)) (facts []events.Fact, err error) {
	_, err = c.merchants.With(ctx, events.MerchantStream(merchant), func(m *decide.Merchant) (err error) {
		facts, err = rule(m)
		return err
	})
	return facts, err
}

// startBusiness begins the conversation of a merchant and a customer, or finds
// it: existed is true then.
func (c *Commands) startBusiness(ctx context.Context, cause events.Cause, merchant, customer uuid.UUID) (started events.Event, existed bool, err error) {
	stream := events.ConversationStream(events.BusinessID(merchant, customer))
	written, err := events.Transact(ctx, c.conversations, stream, cause,
		func(state *decide.Conversation) ([]events.Fact, error) {
			return decide.StartBusiness(state, merchant, customer)
		})
	if err != nil {
		return events.Event{}, false, err
	}
	if len(written) > 0 {
		return written[0], false, nil
	}
	first, _, err := c.journal.Fact(ctx, stream, 0)
	return first, true, err
}

// StartBusiness begins the conversation of a merchant and a customer, or finds
// it: existed is true then. A customer who does opts in by it, if they have not
// yet; an agent needs the customer's opt-in. Returned is the
// ConversationStarted event.
func (c *Commands) StartBusiness(ctx context.Context, cause events.Cause, merchant, customer, by uuid.UUID) (started events.Event, existed bool, err error) {
	if by == customer {
		_, started, existed, err = c.optIn(ctx, cause, merchant, decide.Consent{
			Customer: customer, Text: "began the conversation", Source: decide.FromConversation,
		})
		return started, existed, err
	}
	_, err = c.merchants.With(ctx, events.MerchantStream(merchant), func(m *decide.Merchant) error { return m.Serve(by, customer, "participants") })
	if err != nil {
		return events.Event{}, false, err
	}
	return c.startBusiness(ctx, cause, merchant, customer)
}

// merchantOf is the merchant of a business conversation, if the user is its
// customer, and zero otherwise.
func (c *Commands) merchantOf(ctx context.Context, conversation, user uuid.UUID) (merchant uuid.UUID, err error) {
	_, err = c.conversations.With(ctx, events.ConversationStream(conversation), func(state *decide.Conversation) error {
		if state.Kind == events.Business && state.Customer() == user {
			merchant = state.Merchant
		}
		return nil
	})
	return merchant, err
}
