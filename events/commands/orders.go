package commands

import (
	"context"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// PlaceOrder gives an order in the name of a merchant, to a customer who has
// opted in. If p.Number is empty, it is given one; p.Order follows from it.
// Returned is the OrderPlaced event.
func (c *Commands) PlaceOrder(ctx context.Context, cause events.Cause, p decide.Placement) (Told, error) {
	return c.place(ctx, cause, p, decide.Place)
}

// OfferOrder is PlaceOrder for what the customer has yet to accept. Returned
// is the OrderOffered event.
func (c *Commands) OfferOrder(ctx context.Context, cause events.Cause, p decide.Placement) (Told, error) {
	return c.place(ctx, cause, p, decide.Offer)
}

type placing func(*decide.Order, decide.Placement) ([]events.Fact, error)

func (c *Commands) place(ctx context.Context, cause events.Cause, p decide.Placement, rule placing) (Told, error) {
	_, err := c.merchants.With(ctx, events.MerchantStream(p.Merchant), func(m *decide.Merchant) error {
		return m.Serve(p.By, p.Customer, "customerId")
	})
	if err != nil {
		return Told{}, err
	}
	if p.Number == "" {
		p.Number = orderNumber(c.newID(cause))
	}
	p.Order = events.OrderID(p.Merchant, p.Number)
	p.Now = c.journal.Now()
	if p.At.IsZero() {
		p.At = p.Now
	}
	cause.OccurredAt = p.At
	return c.transactOrder(ctx, cause, p.Order, func(o *decide.Order) ([]events.Fact, error) { return rule(o, p) })
}

// orderNumber makes a number that people can read to each other, of a random
// id.
func orderNumber(id uuid.UUID) string {
	id = uuid.NewSHA1(id, nil) // ids of one moment begin alike
	return strings.ToUpper(base32.StdEncoding.EncodeToString(id[:5]))
}

// UpdateOrder tells what happened to an order on behalf of an agent of its
// merchant, or of the merchant itself if u.By is zero. If u.At is zero, it
// happened now. Returned are the events, or none if it was told before.
func (c *Commands) UpdateOrder(ctx context.Context, cause events.Cause, order uuid.UUID, u decide.Update) (Told, error) {
	side, err := c.sideOf(ctx, order, u.By)
	if err != nil {
		return Told{}, err
	}
	if !side.merchant {
		return Told{}, decide.CustomersDoNotUpdate()
	}
	u.Untold = side.untold
	u.Now = c.journal.Now()
	if u.At.IsZero() {
		u.At = u.Now
	}
	cause.OccurredAt = u.At
	return c.transactOrder(ctx, cause, order, func(o *decide.Order) ([]events.Fact, error) { return decide.UpdateOrder(o, u) })
}

// RequestOfOrder lets a customer have a wish about an order; to buy, it accepts
// an offer. Returned are the events, or none if the offer was accepted before.
func (c *Commands) RequestOfOrder(ctx context.Context, cause events.Cause, order uuid.UUID, w decide.Wish) (Told, error) {
	side, err := c.sideOf(ctx, order, w.By)
	if err != nil {
		return Told{}, err
	}
	w.Untold = side.untold
	return c.transactOrder(ctx, cause, order, func(o *decide.Order) ([]events.Fact, error) { return decide.RequestOfOrder(o, w) })
}

// side is where somebody stands to an order.
type side struct {
	customer bool
	merchant bool
	// untold: the customer has left the merchant.
	untold bool
}

// sideOf refuses who has no part in an order. Zero is the merchant itself.
func (c *Commands) sideOf(ctx context.Context, order, user uuid.UUID) (side, error) {
	var s side
	var merchant, customer uuid.UUID
	_, err := c.orders.With(ctx, events.OrderStream(order), func(o *decide.Order) error {
		merchant, customer = o.Merchant, o.Customer
		return nil
	})
	if err != nil {
		return s, err
	}
	if merchant == uuid.Nil {
		return s, decide.NoSuchOrder()
	}
	_, err = c.merchants.With(ctx, events.MerchantStream(merchant), func(m *decide.Merchant) error {
		s = side{user == customer, user == uuid.Nil || m.Agents[user] != "", !m.Customers[customer]}
		return nil
	})
	if err == nil && !s.customer && !s.merchant {
		err = decide.NoSuchOrder()
	}
	return s, err
}

// AdmitToOrder refuses who has no part in an order at this moment of the log,
// ahead of any view.
func (c *Commands) AdmitToOrder(ctx context.Context, order, user uuid.UUID) error {
	_, err := c.sideOf(ctx, order, user)
	return err
}

// History is an order with what followed, as it is imported.
type History struct {
	Placement decide.Placement
	Updates   []decide.Update
	// Cause is of every fact but for its time, which the placement and the
	// updates have themselves.
	Cause events.Cause
}

// RecordOrder writes an order and what followed in one step, unless the log has
// the order: then nothing is written but what its conversation was not told.
// What the rules refuse is left out and returned; with a placement that is
// refused nothing is written. A customer who has not opted in is not told.
func (c *Commands) RecordOrder(ctx context.Context, h History) (told Told, refused []error, err error) {
	p := h.Placement
	p.Order, p.Now = events.OrderID(p.Merchant, p.Number), c.journal.Now()
	_, err = c.merchants.With(ctx, events.MerchantStream(p.Merchant), func(m *decide.Merchant) error {
		p.Untold = !m.Customers[p.Customer]
		return nil
	})
	if err != nil {
		return Told{}, nil, err
	}
	stream := events.OrderStream(p.Order)
	known := false
	_, err = c.orders.With(ctx, stream, func(o *decide.Order) error { known = o.Exists(); return nil })
	if err != nil {
		return Told{}, nil, err
	}
	if known {
		return Told{}, nil, c.tellAll(ctx, p.Order)
	}
	entries, refused := h.entries(p)
	if len(entries) == 0 {
		return Told{}, refused, nil
	}
	told.Events, told.Messages, err = c.journal.AppendEachThen(ctx, stream, events.NoStream, telling{p.Number, p.Currency}.messages, entries...)
	return told, refused, err
}

// entries decides step by step, each on the state that those before have made.
func (h History) entries(p decide.Placement) (entries []events.Entry, refused []error) {
	order := decide.NewOrder()
	take := func(at time.Time, facts []events.Fact, err error) {
		if err != nil {
			refused = append(refused, err)
		}
		for _, fact := range facts {
			entry := events.Entry{Cause: h.Cause, Fact: fact}
			entry.OccurredAt = at
			event := events.Event{Fact: fact, Meta: events.Metadata{OccurredAt: at}}
			event.Revision = uint64(len(entries))
			order = decide.EvolveOrder(order, event)
			entries = append(entries, entry)
		}
	}
	facts, err := decide.Place(order, p)
	take(p.At, facts, err)
	if err != nil {
		return nil, refused
	}
	for _, u := range h.Updates {
		u.Now, u.Untold = p.Now, p.Untold
		facts, err := decide.UpdateOrder(order, u)
		if err != nil {
			err = fmt.Errorf("%s: %w", u.Type, err)
		}
		take(u.At, facts, err)
	}
	return entries, refused
}
