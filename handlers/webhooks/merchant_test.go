package webhooks_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"parley/events/decide"
)

func TestAMerchantsAppsAreTold(t *testing.T) {
	h := open(t)
	seller, buyer := h.Person("seller"), h.Person("buyer")
	at, second := receive(t, nil), receive(t, nil)
	app, other := bring(seller, at, decide.AllWebhookFields...), bring(seller, second, decide.AllWebhookFields...)
	var merchant struct{ ID uuid.UUID }
	seller.Post("/v1/merchants", `{"name":"Tents"}`).Want(201).Into(&merchant)
	for i, b := range []bot{app, other} {
		seller.Do("PUT", fmt.Sprintf("/v1/merchants/%s/apps/%s", merchant.ID, b.App.ID), `{}`).Want(200)
		role, want := []*receiver{at, second}[i].next().Roles[b.App.ID.String()], []string{"primary_receiver", "secondary_receiver"}[i]
		if len(role) != 1 || role[0] != want {
			t.Errorf("app %d is told that it is %q", i, role)
		}
	}
	buyer.Post("/v1/merchants/"+merchant.ID.String()+"/customers", `{"consent":"yes"}`).Want(201)
	for _, r := range []*receiver{at, second} {
		if joined := r.next(); joined.Optin == nil || joined.Optin.Ref == "" || joined.Sender.ID != buyer.User.ID.String() || joined.Recipient.ID != merchant.ID.String() {
			t.Fatalf("an opt-in came as %+v", joined)
		}
	}
	var ordered struct{ ID uuid.UUID }
	seller.Post("/v1/merchants/"+merchant.ID.String()+"/orders", map[string]any{"customerId": buyer.User.ID, "currency": "EUR", "total": 100}).Want(201).Into(&ordered)
	for _, r := range []*receiver{at, second} {
		if placed := r.next(); placed.Order == nil || placed.Order.Type != "OrderPlaced" {
			t.Fatalf("an order came as %+v", placed)
		}
	}
	room := conversationOf(h, buyer)
	buyer.Say(room, "does it leak?")
	for i, r := range []*receiver{at, second} {
		if asked := r.next(); asked.Message == nil || asked.Message.IsEcho || asked.Sender.ID != buyer.User.ID.String() || asked.standby != (i == 1) {
			t.Errorf("app %d is told of a customer's message by %+v", i, asked)
		}
	}
	seller.Say(room, "no")
	for i, r := range []*receiver{at, second} {
		if echo := r.next(); echo.Message == nil || !echo.Message.IsEcho || echo.Sender.ID != merchant.ID.String() || echo.Recipient.ID != buyer.User.ID.String() || echo.standby != (i == 1) {
			t.Errorf("app %d is told of the merchant's message by %+v", i, echo)
		}
	}
}
