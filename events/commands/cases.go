package commands

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// OpenCase opens a case in a business conversation, on behalf of its customer
// or of an agent. Of the complaint it needs By, Subject, Order and Message; the
// rest follows from the conversation. Returned is the CaseOpened event.
func (c *Commands) OpenCase(ctx context.Context, cause events.Cause, conversation uuid.UUID, p decide.Complaint) (events.Event, error) {
	err := c.withConversation(ctx, conversation, func(state *decide.Conversation) error {
		p.Merchant, p.Customer = state.Merchant, state.Customer()
		return decide.AdmitComplaint(state, p.By)
	})
	if err != nil {
		return events.Event{}, err
	}
	if p.Order != uuid.Nil {
		_, err := c.orders.With(ctx, events.OrderStream(p.Order), func(o *decide.Order) error {
			p.Known = o.Exists() && o.Merchant == p.Merchant && o.Customer == p.Customer
			return nil
		})
		if err != nil {
			return events.Event{}, err
		}
	}
	if p.Message != nil {
		if p.Found, err = c.isMessage(ctx, conversation, *p.Message); err != nil {
			return events.Event{}, err
		}
	}
	p.Case = c.newID(cause)
	written, err := events.Transact(ctx, c.cases, events.CaseStream(p.Case), cause,
		func(state *decide.Case) ([]events.Fact, error) { return decide.OpenCase(state, p) })
	if err != nil {
		return events.Event{}, err
	}
	return written[0], nil
}

// Handled is what handling a case has written.
type Handled struct {
	Events []events.Event
	// Answer is the MessagePosted event of the answer, if there is one.
	Answer *events.Event
}

// HandleCase assigns, answers, resolves and reopens a case, on behalf of an
// agent or, but for assigning and answering, of its customer. The answer is a
// message in the conversation. Of the handling, Agent and Employed follow from
// the merchant.
func (c *Commands) HandleCase(ctx context.Context, cause events.Cause, kase uuid.UUID, h decide.Handling, answer string) (Handled, error) {
	stream := events.CaseStream(kase)
	state, err := c.caseOf(ctx, kase)
	if err != nil {
		return Handled{}, err
	}
	if err := c.employ(ctx, state, &h); err != nil {
		return Handled{}, err
	}
	if err := decide.AnswerCase(&state, h, answer); err != nil {
		return Handled{}, err
	}
	var handled Handled
	if answer != "" {
		said := cause
		if said.IdempotencyKey != "" {
			said.IdempotencyKey += " answer"
		}
		posted, err := c.Post(ctx, said, decide.Message{
			Conversation: events.BusinessID(state.Merchant, state.Customer), Author: h.By, Text: answer,
		})
		if err != nil {
			return Handled{}, err
		}
		handled.Answer = &posted
	}
	handled.Events, err = events.Transact(ctx, c.cases, stream, cause,
		func(state *decide.Case) ([]events.Fact, error) { return decide.HandleCase(state, h) })
	return handled, err
}

func (c *Commands) caseOf(ctx context.Context, kase uuid.UUID) (state decide.Case, err error) {
	_, err = c.cases.With(ctx, events.CaseStream(kase), func(s *decide.Case) error {
		state = *s
		return nil
	})
	return state, err
}

// employ tells a handling who is an agent of the case's merchant, and refuses
// who has no part in the case.
func (c *Commands) employ(ctx context.Context, state decide.Case, h *decide.Handling) error {
	if !state.Opened() {
		return decide.NoSuchCase()
	}
	_, err := c.merchants.With(ctx, events.MerchantStream(state.Merchant), func(m *decide.Merchant) error {
		h.Agent = m.Agents[h.By] != ""
		h.Employed = h.Assignee != nil && m.Agents[*h.Assignee] != ""
		return nil
	})
	if err == nil && !h.Agent && h.By != state.Customer {
		err = decide.NoSuchCase()
	}
	return err
}

// AdmitToCase refuses who has no part in a case at this moment of the log,
// ahead of any view.
func (c *Commands) AdmitToCase(ctx context.Context, kase, user uuid.UUID) error {
	state, err := c.caseOf(ctx, kase)
	if err != nil {
		return err
	}
	return c.employ(ctx, state, &decide.Handling{By: user})
}
