package main

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
)

// TestWhatADeadServerLeftIsTold writes to an order as a server does that dies
// before it tells of it.
func TestWhatADeadServerLeftIsTold(t *testing.T) {
	h := openHouse(t)
	ctx := t.Context()
	registered, err := h.commands.Register(ctx, events.Cause{}, decide.Registration{Handle: "customer", DisplayName: "C"})
	if err != nil {
		t.Fatal(err)
	}
	customer := registered.Fact.(*events.UserRegistered).User
	opened, err := h.commands.RegisterMerchant(ctx, events.Cause{Actor: "operator"}, decide.MerchantRegistration{Name: "Tea"})
	if err != nil {
		t.Fatal(err)
	}
	merchant := opened[0].Fact.(*events.MerchantRegistered).Merchant
	consent := decide.Consent{Customer: customer, Text: "yes", Source: decide.FromCheckout}
	if _, err := h.commands.LinkCustomer(ctx, events.Cause{Actor: customer.String()}, merchant, consent); err != nil {
		t.Fatal(err)
	}
	order := events.OrderID(merchant, "7")
	_, err = h.journal.Append(ctx, events.OrderStream(order), events.NoStream, events.Cause{Actor: "import"}, &events.OrderPlaced{
		OrderStep: events.OrderStep{Order: order, Merchant: merchant, Customer: customer},
		Basket:    events.Basket{Number: "7", Currency: "EUR", Subtotal: 100, Total: 100},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.views.CatchUp(ctx); err != nil {
			t.Fatal(err)
		}
		if err := tellOlder(ctx, h.views.Orders, h.commands, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.views.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	page, err := h.views.Conversations.Page(ctx, events.BusinessID(merchant, customer), projections.Range{Limit: 10})
	if err != nil || len(page.Messages) != 1 || *page.Messages[0].Order != order || page.Messages[0].Text != "Order 7: 1.00 EUR." {
		t.Errorf("the thread has %+v, %v", page.Messages, err)
	}
	if left, err := h.views.Orders.Untold(ctx, time.Now().Add(time.Hour), projections.Untold{Order: uuid.Nil}, 10); err != nil || len(left) > 0 {
		t.Errorf("still untold: %v, %v", left, err)
	}
}
