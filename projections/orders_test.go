package projections_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections"
)

var teaShop, coffeeShop = uuid.UUID{15: 0x51}, uuid.UUID{15: 0x52}

// step is of bob's order with a number at the tea shop.
func step(number string, who uuid.UUID) events.OrderStep {
	return events.OrderStep{Order: events.OrderID(teaShop, number), Merchant: teaShop, Customer: bob, By: who}
}

func basket(number string, total events.Money) events.Basket {
	return events.Basket{
		Number: number, Currency: "EUR", Lines: []events.OrderLine{{Title: "Green tea", Quantity: 3, Amount: total}},
		Subtotal: total, Total: total, Paid: total, PaymentMethod: events.Private("Visa 1234"),
		Address: events.Private(`{"name":"Bob","city":"Lisboa","country":"PT"}`),
	}
}

// ordered writes a fact of an order so long after morning.
func (w *world) ordered(after time.Duration, fact events.OrderFact) events.Event {
	w.t.Helper()
	return w.append(events.OrderStream(fact.Step().Order), by(fact.Step().By, after), fact)
}

func (w *world) buy(number string, total events.Money, after time.Duration) uuid.UUID {
	w.t.Helper()
	w.ordered(after, &events.OrderPlaced{OrderStep: step(number, ann), Basket: basket(number, total)})
	return events.OrderID(teaShop, number)
}

func TestOrderIsShownInTheOrderOfWhatHappened(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		id := w.buy("7", 1000, 0)
		w.ordered(1*time.Hour, &events.OrderConfirmed{OrderStep: step("7", ann)})
		w.ordered(2*time.Hour, &events.OrderShipped{OrderStep: step("7", ann), Carrier: "CTT", TrackingNumber: events.Private("T1")})
		w.ordered(9*time.Hour, &events.OrderDelivered{OrderStep: step("7", uuid.Nil)})
		w.ordered(5*time.Hour, &events.ParcelLocated{OrderStep: step("7", uuid.Nil), Place: events.Private("Coimbra"), Point: events.Private("40.203300,-8.410300")})
		w.ordered(4*time.Hour, &events.ParcelLocated{OrderStep: step("7", uuid.Nil), Place: events.Private("Porto")})
		w.ordered(3*time.Hour, &events.OrderDelayed{OrderStep: step("7", ann), Estimate: morning.Add(48 * time.Hour), Reason: events.Private("rain")})
		set, _ := w.settled()

		got, err := set.Orders.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // read, then kept
			var fresh projections.OrderView
			body, err := set.Orders.FoldJSON(t.Context(), id)
			if err := errors.Join(err, json.Unmarshal(body, &fresh)); err != nil || !cmp.Equal(fresh, got) {
				t.Errorf("folded from the log, the order is %+v, %v", fresh, err)
			}
		}
		var told []string
		for _, entry := range got.Timeline {
			told = append(told, fmt.Sprintf("%d %s at %v by %s", entry.Number, entry.Type, entry.At.Sub(morning), entry.Role))
		}
		want := []string{
			"0 placed at 0s by merchant", "1 confirmed at 1h0m0s by merchant", "2 shipped at 2h0m0s by merchant", "6 delayed at 3h0m0s by merchant",
			"5 located at 4h0m0s by merchant", "4 located at 5h0m0s by merchant", "3 delivered at 9h0m0s by merchant",
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("the timeline (-want +got):\n%s", diff)
		}
		if got.Status != "delivered" || got.Location.Place != "Coimbra" || *got.Location.Latitude != 40.2033 || !got.UpdatedAt.Equal(morning.Add(9*time.Hour)) {
			t.Errorf("status %s, last at %+v, updated %v", got.Status, got.Location, got.UpdatedAt)
		}
		if got.Carrier != "CTT" || got.TrackingNumber != "T1" || got.Address.City != "Lisboa" || got.PaymentMethod != "Visa 1234" || got.Exponent != 2 {
			t.Errorf("the order is %+v", got.Order)
		}
		if got.Lines[0].UnitPrice != nil || got.Lines[0].Amount != 1000 || *got.Timeline[2].UserID != ann || got.Timeline[5].UserID != nil {
			t.Errorf("a third of 10.00 EUR is %v; shipped by %v", got.Lines[0].UnitPrice, got.Timeline[2].UserID)
		}
		if _, err := set.Orders.Get(t.Context(), events.OrderID(coffeeShop, "7")); !errors.Is(err, projections.ErrNotFound) {
			t.Errorf("an order that is not there: %v", err)
		}
	})
}

func TestRequestsAreShownWithTheirAnswers(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		id := w.buy("7", 1000, 0)
		line := uint64(0)
		w.ordered(1*time.Hour, &events.ChangeRequested{OrderStep: step("7", bob), Note: events.Private("blue?"), Line: &line, Variant: events.Private("blue"), Address: events.Private(`{"city":"Porto"}`)})
		w.ordered(2*time.Hour, &events.ChangeAccepted{OrderStep: step("7", ann), Request: 1, Note: events.Private("sure")})
		w.ordered(3*time.Hour, &events.OrderDelivered{OrderStep: step("7", ann)})
		w.ordered(4*time.Hour, &events.ReturnRequested{OrderStep: step("7", bob), Note: events.Private("too blue")})
		set, _ := w.settled()
		got, err := set.Orders.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got.Lines[0].Subtitle != "blue" || got.Address.City != "Porto" || got.Return != decide.ReturnAsked {
			t.Errorf("the changed order is %+v", got.Order)
		}
		if len(got.Requests) != 2 || got.Requests[0].State != "accepted" || got.Requests[0].Answer != "sure" || got.Requests[1].State != "open" || got.Requests[1].Number != 4 {
			t.Errorf("the requests are %+v", got.Requests)
		}
		if got.Timeline[1].Role != "customer" || got.Timeline[1].Note != "blue?" || *got.Timeline[2].Request != 1 {
			t.Errorf("the timeline is %+v", got.Timeline)
		}
	})
}

func TestSpendingIsCountedAsOrdersChange(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.buy("1", 1000, 0)
		w.buy("2", 2000, time.Hour)
		w.buy("3", 4000, 2*time.Hour)
		w.ordered(3*time.Hour, &events.OrderDelivered{OrderStep: step("1", ann)})
		w.ordered(3*time.Hour, &events.OrderRefunded{OrderStep: step("1", ann), Amount: 300})
		w.ordered(3*time.Hour, &events.OrderCancelled{OrderStep: step("2", ann), Cause: events.CancelledForCustomer})
		w.ordered(4*time.Hour, &events.OrderRefunded{OrderStep: step("2", ann), Amount: 2000})
		yen := basket("4", 900)
		yen.Currency = "JPY"
		w.ordered(5*time.Hour, &events.OrderOffered{OrderStep: step("4", ann), Basket: yen})
		set, stop := w.settled()

		spending := func(want ...projections.Spending) {
			t.Helper()
			got, err := set.Orders.Spending(t.Context(), teaShop, bob)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("spending: %v\n%s", err, diff)
			}
		}
		euros := projections.Spending{Currency: "EUR", Exponent: 2, Spent: 4700, Paid: 7000, Refunded: 2300, Orders: 3, Open: 1, Cancelled: 1}
		spending(euros)
		w.ordered(6*time.Hour, &events.OfferAccepted{OrderStep: step("4", bob)})
		w.ordered(7*time.Hour, &events.ReturnRequested{OrderStep: step("1", bob)})
		w.catchUp(set)
		euros.Open = 2
		spending(euros, projections.Spending{Currency: "JPY", Spent: 900, Paid: 900, Orders: 1, Open: 1})

		before := digests(t, set)
		stop()
		w.elsewhere()
		w.opts.BatchEvents = 1
		set, _ = w.settled()
		if diff := cmp.Diff(before, digests(t, set)); diff != "" {
			t.Errorf("rebuilt one by one: %s", diff)
		}
	})
}

func TestOrdersAreListedToTheirEnd(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		var want []string
		for i := range 7 {
			number := fmt.Sprint(i)
			w.buy(number, 100, time.Duration(i%4)*time.Hour)
			if i%2 == 0 {
				w.ordered(9*time.Hour, &events.OrderDelivered{OrderStep: step(number, ann)})
			}
			want = append(want, number)
		}
		other := events.OrderStep{Order: events.OrderID(coffeeShop, "x"), Merchant: coffeeShop, Customer: bob}
		w.ordered(0, &events.OrderPlaced{OrderStep: other, Basket: basket("x", 100)})
		set, _ := w.settled()

		list := func(l projections.OrderList) (numbers map[string]bool) {
			t.Helper()
			numbers = map[string]bool{}
			last := morning.Add(1000 * time.Hour)
			for l.Limit = 2; ; {
				body, next, err := set.Orders.ListJSON(t.Context(), l)
				var orders []projections.Order
				err = errors.Join(err, json.Unmarshal(body, &orders))
				if err != nil {
					t.Fatal(err)
				}
				for _, order := range orders {
					if order.PlacedAt.After(last) || numbers[order.Number] {
						t.Errorf("%s of %v comes after %v", order.Number, order.PlacedAt, last)
					}
					last, numbers[order.Number] = order.PlacedAt, true
				}
				if next == "" {
					return numbers
				}
				l.Cursor = next
			}
		}
		if got := list(projections.OrderList{Merchant: teaShop}); len(got) != len(want) {
			t.Errorf("the merchant's orders are %v", got)
		}
		if got := list(projections.OrderList{Customer: bob}); len(got) != len(want)+1 {
			t.Errorf("the customer's orders are %v", got)
		}
		if got := list(projections.OrderList{Merchant: coffeeShop, Customer: bob}); len(got) != 1 || !got["x"] {
			t.Errorf("the orders of both are %v", got)
		}
		if got := list(projections.OrderList{Merchant: teaShop, Customer: bob, OnlyOpen: true}); len(got) != 3 || !got["1"] || !got["3"] || !got["5"] {
			t.Errorf("the open orders are %v", got)
		}
		if _, _, err := set.Orders.ListJSON(t.Context(), projections.OrderList{Merchant: teaShop, Cursor: "x", Limit: 1}); !errors.Is(err, projections.ErrCursor) {
			t.Errorf("a cursor of nobody: %v", err)
		}
	})
}

func TestUntoldIsWhatNoMessageTellsOf(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		id := w.buy("7", 1000, 0)
		w.ordered(time.Hour, &events.OrderConfirmed{OrderStep: step("7", ann)})
		silent := step("7", ann)
		silent.Untold = true
		w.ordered(2*time.Hour, &events.OrderPacked{OrderStep: silent})
		conversation := events.BusinessID(teaShop, bob)
		w.append(events.ConversationStream(conversation), by(bob, 0), &events.ConversationStarted{
			Conversation: conversation, Kind: events.Business, Starter: bob, Participants: []uuid.UUID{bob}, Merchant: teaShop,
		})
		tell := func(entry uint64) {
			w.append(events.MessagesStream(conversation), by(ann, 0), &events.MessagePosted{
				Conversation: conversation, Author: teaShop, Merchant: teaShop, Text: events.Private("news"), Order: &events.OrderNews{Order: id, Entry: entry},
			})
		}
		tell(0)
		set, _ := w.settled()
		untold := func(want ...projections.Untold) {
			t.Helper()
			got, err := set.Orders.Untold(t.Context(), time.Now().Add(time.Hour), projections.Untold{}, 10)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("untold: %v\n%s", err, diff)
			}
		}
		untold(projections.Untold{Order: id, Entry: 1})
		if got, err := set.Orders.Untold(t.Context(), time.Now().Add(-time.Hour), projections.Untold{}, 10); len(got) > 0 || err != nil {
			t.Errorf("untold before it was written: %v, %v", got, err)
		}
		tell(1)
		w.catchUp(set)
		untold()
	})
}
