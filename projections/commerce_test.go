package projections_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"parley/events"
	"parley/projections"
	"parley/projections/views/viewstest"
)

// trade writes a random history of what some people buy at the tea shop, and of
// how they are served. It calls nothing by a name twice, whatever round it is.
func (w *world) trade(rt *rapid.T, people []uuid.UUID, round string) {
	var orders []*events.OrderPlaced
	for i := range rapid.IntRange(1, 3).Draw(rt, "orders") {
		customer := rapid.SampledFrom(people).Draw(rt, "customer")
		number := fmt.Sprint(round, i)
		placed := &events.OrderPlaced{
			OrderStep: events.OrderStep{Order: events.OrderID(teaShop, number), Merchant: teaShop, Customer: customer},
			Basket:    basket(number, 1000),
		}
		placed.Lines[0].Subtitle = "green"
		orders = append(orders, placed)
		w.ordered(time.Duration(i)*time.Hour, placed)
	}
	for i := range rapid.IntRange(0, 25).Draw(rt, "deals") {
		after := time.Duration(rapid.IntRange(0, 100).Draw(rt, "hours")) * time.Hour
		text := events.Private(fmt.Sprint("text ", i))
		if what := rapid.IntRange(0, 15).Draw(rt, "what"); what < 12 {
			step := rapid.SampledFrom(orders).Draw(rt, "order").OrderStep
			request := uint64(rapid.IntRange(1, 6).Draw(rt, "request"))
			w.ordered(after, deal(what, step, request, text))
			continue
		}
		customer := rapid.SampledFrom(people).Draw(rt, "customer")
		w.serve(rt, customer, fmt.Sprint(round, i), text, after)
	}
}

// deal is a fact of an order, with all that can be personal in it.
func deal(what int, step events.OrderStep, request uint64, text events.Secret) events.OrderFact {
	line := request % 2
	switch what {
	case 0:
		return &events.OrderPaid{OrderStep: step, Amount: 1, Method: text}
	case 1:
		return &events.OrderShipped{OrderStep: step, Carrier: "CTT", TrackingNumber: text}
	case 2:
		return &events.ParcelLocated{OrderStep: step, Place: text, Point: events.Private("40.203300,-8.410300")}
	case 3:
		return &events.OrderDelayed{OrderStep: step, Estimate: morning, Reason: text}
	case 4:
		return &events.OrderCancelled{OrderStep: step, Cause: events.CancelledForCustomer, Reason: text, Request: &request}
	case 5:
		return &events.OrderRefunded{OrderStep: step, Amount: 1, Reason: text}
	case 6:
		return &events.CancellationRequested{OrderStep: step, Note: text}
	case 7, 8:
		return &events.ChangeRequested{OrderStep: step, Note: text, Line: &line, Variant: text, Address: events.Private(`{"city":"Porto"}`)}
	case 9:
		return &events.ChangeAccepted{OrderStep: step, Request: request, Note: text}
	case 10:
		return &events.RequestDeclined{OrderStep: step, Request: request, Note: text}
	}
	return &events.ReturnRequested{OrderStep: step, Note: text}
}

// serve lets a customer opt in and out, or have a case from its opening to its
// end.
func (w *world) serve(rt *rapid.T, customer uuid.UUID, name string, text events.Secret, after time.Duration) {
	switch rapid.IntRange(0, 2).Draw(rt, "service") {
	case 0:
		w.append(events.MerchantStream(teaShop), by(customer, after), &events.CustomerLinked{Merchant: teaShop, Customer: customer, Source: "checkout", Consent: text})
	case 1:
		w.append(events.MerchantStream(teaShop), by(customer, after), &events.CustomerUnlinked{Merchant: teaShop, Customer: customer})
	default:
		step := events.CaseStep{Case: uuid.NewSHA1(teaShop, []byte(name)), Merchant: teaShop, Customer: customer, By: customer}
		w.append(events.CaseStream(step.Case), by(customer, after),
			&events.CaseOpened{CaseStep: step, Subject: text}, &events.CaseResolved{CaseStep: step, Note: text}, &events.CaseReopened{CaseStep: step, Note: text})
	}
}

func TestNothingIsShownOfACustomerWhoIsErased(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.append(events.MerchantStream(teaShop), by(bob, 0), &events.CustomerLinked{Merchant: teaShop, Customer: bob, Source: "checkout", Consent: events.Private("yes")})
		id := w.buy("7", 1000, 0)
		line := uint64(0)
		w.ordered(1*time.Hour, &events.ChangeRequested{OrderStep: step("7", bob), Note: events.Private("blue?"), Line: &line, Variant: events.Private("blue")})
		w.ordered(2*time.Hour, &events.ChangeAccepted{OrderStep: step("7", ann), Request: 1, Note: events.Private("sure")})
		w.ordered(3*time.Hour, &events.OrderShipped{OrderStep: step("7", ann), Carrier: "CTT", TrackingNumber: events.Private("T1")})
		service{w}.opened(1, bob, 0)
		set, _ := w.settled()
		w.erase(bob, 4*time.Hour)
		w.ordered(5*time.Hour, &events.ParcelLocated{OrderStep: step("7", ann), Place: events.Private("Porto"), Point: events.Private("40.203300,-8.410300")})
		w.catchUp(set)

		got, err := set.Orders.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got.Address != nil || got.PaymentMethod+got.TrackingNumber+got.Lines[0].Subtitle+got.Location.Place != "" || got.Location.Latitude != nil ||
			got.Requests[0].Note+got.Requests[0].Variant+got.Requests[0].Answer != "" {
			t.Errorf("the order shows %+v, last at %+v, after %+v", got.Order, got.Location, got.Requests)
		}
		for _, entry := range got.Timeline {
			if entry.Note+entry.TrackingNumber+entry.Place != "" || entry.Latitude != nil {
				t.Errorf("the timeline shows %+v", entry)
			}
		}
		if got.Total != 1000 || got.Status != "shipped" || got.Carrier != "CTT" || got.Requests[0].State != "accepted" {
			t.Errorf("what is not personal is %+v", got.Order)
		}
		if link, err := set.Merchants.Customer(t.Context(), teaShop, bob); err != nil || link.Consent != "" || link.Source != "checkout" {
			t.Errorf("the opt-in is %+v, %v", link, err)
		}
		if found, _, err := set.Cases.List(t.Context(), projections.CaseList{Merchant: teaShop, Limit: 10}); err != nil || len(found) != 1 || found[0].Subject != "" {
			t.Errorf("the cases are %+v, %v", found, err)
		}
	})
}

func TestTradeDoesNotDependOnBatches(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, viewstest.SQLite)
		w.opts.Only = []string{projections.MerchantsName, projections.OrdersName, projections.CasesName}
		w.trade(rt, []uuid.UUID{bob, cyd}, "a")
		w.erase(bob, time.Hour)
		w.trade(rt, []uuid.UUID{bob, cyd}, "b")
		w.sameDigests(rt, viewstest.SQLite, viewstest.SQLite, viewstest.SQLite)
	})
}

// TestErasedTradeIsThatOfARebuild is TestErasedViewsAreThoseOfARebuild for
// merchants, orders and cases.
func TestErasedTradeIsThatOfARebuild(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, viewstest.SQLite)
		w.opts.Only = []string{projections.MerchantsName, projections.OrdersName, projections.CasesName}
		w.opts.BatchEvents = rapid.SampledFrom([]int{1, 7, 1000}).Draw(rt, "batch")
		people := []uuid.UUID{bob, cyd}
		set, stop := w.run()
		w.trade(rt, people, "a")
		if rapid.Bool().Draw(rt, "shown before") {
			w.catchUp(set)
		}
		w.erase(bob, time.Hour)
		w.trade(rt, people, "b")
		w.catchUp(set)
		w.forget(bob)
		lived := digests(t, set)
		stop()
		w.elsewhere()
		set, stop = w.settled()
		defer stop()
		if diff := cmp.Diff(digests(t, set), lived); diff != "" {
			rt.Fatalf("(-rebuilt +lived):\n%s", diff)
		}
	})
}
