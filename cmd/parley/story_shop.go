package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
)

// The people of the shop, and the number of the one order that is told of.
const (
	seller      = "noor"
	buyer       = "mara"
	shopName    = "Harbour Lamps"
	orderNumber = "HL-1042"
)

// counter is where an order is told of, step by step. What was done to it
// meanwhile by whoever plays with the demo is no reason to fail.
type counter struct {
	commands         *commands.Commands
	agent, customer  uuid.UUID
	merchant, thread uuid.UUID
	order            uuid.UUID
	step             int
}

// cause is that of the next step, so long before the opening.
func (s *counter) cause(who uuid.UUID, before time.Duration) events.Cause {
	s.step++
	return events.Cause{
		Actor: who.String(), OccurredAt: opening.Add(-before), IdempotencyKey: fmt.Sprintf("story shop.%d", s.step),
	}
}

// allowed passes over refusals.
func allowed(err error) error {
	if refusal := (*decide.Refusal)(nil); errors.As(err, &refusal) {
		return nil
	}
	return err
}

// trade tells of an order from its placing to a partial refund.
func trade(ctx context.Context, c *commands.Commands, people map[string]uuid.UUID) error {
	s := &counter{commands: c, agent: people[seller], customer: people[buyer]}
	opened, err := c.RegisterMerchant(ctx, s.cause(s.agent, 29*day), decide.MerchantRegistration{Name: shopName, Owners: []uuid.UUID{s.agent}})
	if err != nil {
		return err
	}
	s.merchant = opened[0].Fact.(*events.MerchantRegistered).Merchant
	s.thread = events.BusinessID(s.merchant, s.customer)
	s.order = events.OrderID(s.merchant, orderNumber)
	for _, act := range []func(context.Context) error{s.sell, s.deliver, s.makeGood, s.help} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *counter) says(ctx context.Context, who uuid.UUID, before time.Duration, text string) error {
	_, err := s.commands.Post(ctx, s.cause(who, before), decide.Message{Conversation: s.thread, Author: who, Text: text})
	return allowed(err)
}

func (s *counter) update(ctx context.Context, before time.Duration, u decide.Update) error {
	u.By, u.At = s.agent, opening.Add(-before)
	_, err := s.commands.UpdateOrder(ctx, s.cause(s.agent, before), s.order, u)
	return allowed(err)
}

// sell has the customer opt in, the order placed, and a lampshade changed.
func (s *counter) sell(ctx context.Context) error {
	_, err := s.commands.LinkCustomer(ctx, s.cause(s.customer, 12*day), s.merchant, decide.Consent{
		Customer: s.customer, Text: "Send the receipt and news of my order to Messenger.", Source: decide.FromCheckout,
	})
	if allowed(err) != nil {
		return err
	}
	lamp, cable := events.Money(8900), events.Money(1250)
	_, err = s.commands.PlaceOrder(ctx, s.cause(s.agent, 12*day-time.Minute), decide.Placement{
		Merchant: s.merchant, Customer: s.customer, By: s.agent, Number: orderNumber, Currency: "EUR",
		Lines: []decide.Line{
			{Title: "Desk lamp, brass", Subtitle: "green shade", SKU: "LAMP-07", Quantity: 1, UnitPrice: &lamp},
			{Title: "Linen cable, 2 m", SKU: "CABLE-2", Quantity: 2, UnitPrice: &cable},
		},
		Shipping: 690, Tax: 2280, Adjustments: []events.Adjustment{{Name: "Welcome to the harbour", Amount: 1000}}, Total: 13370,
		PaymentMethod: "Visa ending in 4242",
		Address:       &events.Address{Name: "Mara Lindqvist", Street1: "Östra Promenaden 9", City: "Malmö", PostalCode: "211 28", Country: "SE"},
		Estimate:      opening.Add(-6 * day), At: opening.Add(-12*day + time.Minute),
	})
	if allowed(err) != nil {
		return err
	}
	line := uint64(0)
	_, err = s.commands.RequestOfOrder(ctx, s.cause(s.customer, 12*day-20*time.Minute), s.order, decide.Wish{
		Kind: decide.WantsChange, By: s.customer, Line: &line, Variant: "blue shade", Note: "Could the shade be blue instead? The curtains are green already.",
	})
	if allowed(err) != nil {
		return err
	}
	return errors.Join(
		s.update(ctx, 12*day-45*time.Minute, decide.Update{Type: decide.UpdateRequestAccepted, Reason: "Of course. Blue it is."}),
		s.update(ctx, 12*day-46*time.Minute, decide.Update{Type: decide.UpdateConfirmed}),
	)
}

// deliver brings the parcel to its buyer, later than was hoped.
func (s *counter) deliver(ctx context.Context) error {
	at := func(before time.Duration, place string, latitude, longitude float64) error {
		return s.update(ctx, before, decide.Update{Type: decide.UpdateLocated, Place: place, Latitude: &latitude, Longitude: &longitude})
	}
	return errors.Join(
		s.update(ctx, 11*day, decide.Update{Type: decide.UpdatePacked}),
		s.update(ctx, 10*day-2*time.Hour, decide.Update{Type: decide.UpdateShipped, Carrier: "Nordpost", TrackingNumber: "NP 7740 1182 SE"}),
		at(9*day, "Hamburg", 53.5511, 9.9937),
		at(8*day-3*time.Hour, "Copenhagen", 55.6761, 12.5683),
		s.update(ctx, 7*day, decide.Update{
			Type: decide.UpdateDelayed, Estimate: opening.Add(-4 * day), Reason: "The bridge is closed: a storm. Your parcel waits in Copenhagen.",
		}),
		s.says(ctx, s.customer, 7*day-time.Hour, "No hurry. The candles are charming."),
		at(5*day, "Malmö", 55.605, 13.0038),
		s.update(ctx, 4*day+2*time.Hour, decide.Update{Type: decide.UpdateOutForDelivery}),
		s.update(ctx, 4*day-time.Hour, decide.Update{Type: decide.UpdateDelivered}),
	)
}

// makeGood has a case opened, answered and resolved, with a part of the price
// given back.
func (s *counter) makeGood(ctx context.Context) error {
	if err := s.says(ctx, s.customer, 4*day-3*time.Hour, "It is here, and it is lovely. But the shade has a chip at the rim."); err != nil {
		return err
	}
	opened, err := s.commands.OpenCase(ctx, s.cause(s.customer, 4*day-3*time.Hour-2*time.Minute), s.thread, decide.Complaint{
		By: s.customer, Subject: "The shade has a chip", Order: s.order,
	})
	if err != nil {
		return allowed(err)
	}
	kase := opened.Fact.(*events.CaseOpened).Case
	handle := func(before time.Duration, answer string, h decide.Handling) error {
		h.By = s.agent
		_, err := s.commands.HandleCase(ctx, s.cause(s.agent, before), kase, h, answer)
		return allowed(err)
	}
	return errors.Join(
		handle(4*day-4*time.Hour, "I am sorry! Keep the lamp. Would 25 euros back be fair?", decide.Handling{Assignee: &s.agent}),
		s.says(ctx, s.customer, 3*day, "More than fair. The chip faces the wall now."),
		s.update(ctx, 3*day-10*time.Minute, decide.Update{Type: decide.UpdateRefunded, Amount: new(events.Money(2500)), Reason: "for the chip in the shade"}),
		handle(3*day-12*time.Minute, "", decide.Handling{Status: decide.CaseResolved, Note: "25.00 EUR given back"}),
	)
}

// firstHelping is the first step of help, which is told whatever became of what
// was before.
const firstHelping = 100

// help has an app answer for the shop at night, give the thread to the agents
// in the morning, and ask for it again.
func (s *counter) help(ctx context.Context) error {
	s.step = firstHelping
	registered, _, err := s.commands.RegisterApp(ctx, s.cause(s.agent, 3*day), s.agent, events.AppListing{
		Name: "Night Watch", Description: "Answers for a shop while its people sleep.",
		Grants: []events.Grant{events.ReadMessages, events.WriteMessages},
	})
	if err != nil {
		return err
	}
	app := registered[0].Fact.(*events.AppRegistered).App
	page := commands.Page{App: app, Merchant: s.merchant}
	if _, _, _, err := s.commands.ConnectApp(ctx, s.cause(s.agent, 3*day-time.Minute), page, s.agent, nil); err != nil {
		return allowed(err)
	}
	card := &events.AppCard{ID: app, Name: "Night Watch"}
	says := func(before time.Duration, text string) error {
		_, err := s.commands.Post(ctx, s.cause(app, before), decide.Message{Conversation: s.thread, Author: app, App: card, Text: text})
		return allowed(err)
	}
	hand := func(before time.Duration, hand func(context.Context, events.Cause, uuid.UUID, decide.Handing) ([]events.Event, error)) error {
		_, err := hand(ctx, s.cause(app, before), s.thread, decide.Handing{App: app})
		return allowed(err)
	}
	return errors.Join(
		s.says(ctx, s.customer, 36*time.Hour, "Is there a lamp like mine for the wall?"),
		says(36*time.Hour-time.Minute, "The lamps are out until nine, and so are the people. They will see your question in the morning."),
		hand(day, s.commands.PassThread),
		s.says(ctx, s.agent, day-time.Minute, "There is! It comes back into the window next week."),
		hand(11*time.Hour, s.commands.RequestThread),
	)
}
