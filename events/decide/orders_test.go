package decide_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// noon is when the orders of these tests were placed.
var noon = time.Date(2015, time.March, 25, 12, 0, 0, 0, time.UTC)

var purchase = uuid.MustParse("00000000-0000-7000-8000-0000000000cc")

func after(hours int) time.Time { return noon.Add(time.Duration(hours) * time.Hour) }

// happened is a fact and how many hours after noon it happened.
type happened struct {
	hours int
	fact  events.Fact
}

// step is of an order that cleo gave to the shop of ada.
func step(by uuid.UUID) events.OrderStep {
	return events.OrderStep{Order: purchase, Merchant: shop, Customer: cleo, By: by}
}

func placed() *events.OrderPlaced {
	return &events.OrderPlaced{OrderStep: step(ada), Basket: events.Basket{
		Number: "4711", Currency: "EUR",
		Lines:    []events.OrderLine{{Title: "Green tea", Quantity: 2, Amount: 2500}, {Title: "Pot", Quantity: 1, Amount: 5000}},
		Subtotal: 7500, Shipping: 495, Tax: 619,
		Adjustments: []events.Adjustment{{Name: "welcome", Amount: 2000}, {Name: "coupon", Amount: 1000}},
		Total:       5614, Paid: 5614, PaymentMethod: events.Private("Visa 1234"),
	}}
}

// order folds what happened; revisions count from 0.
func order(past ...happened) *decide.Order {
	o := decide.NewOrder()
	for i, h := range past {
		event := events.Event{Fact: h.fact, Meta: events.Metadata{OccurredAt: after(h.hours)}}
		event.Revision = uint64(i)
		o = decide.EvolveOrder(o, event)
	}
	return o
}

// since noon, the order was placed and then what follows.
func ordered(later ...happened) *decide.Order {
	return order(append([]happened{{0, placed()}}, later...)...)
}

func confirmed(hours int) happened {
	return happened{hours, &events.OrderConfirmed{OrderStep: step(ada)}}
}
func shipped(hours int) happened { return happened{hours, &events.OrderShipped{OrderStep: step(ada)}} }
func delivered(hours int) happened {
	return happened{hours, &events.OrderDelivered{OrderStep: step(ada)}}
}
func cancelled(hours int) happened {
	return happened{hours, &events.OrderCancelled{OrderStep: step(ada), Cause: events.CancelledByMerchant}}
}

func money(amount events.Money) *events.Money { return &amount }

func sample() decide.Placement {
	return decide.Placement{
		Order: purchase, Merchant: shop, Customer: cleo, By: ada, Number: "4711", Currency: "EUR",
		Lines: []decide.Line{
			{Title: "Green tea", Quantity: 2, UnitPrice: money(1250)},
			{Title: "Pot", Quantity: 1, Amount: money(5000)},
		},
		Subtotal: money(7500), Shipping: 495, Tax: 619,
		Adjustments: []events.Adjustment{{Name: "welcome", Amount: 2000}, {Name: "coupon", Amount: 1000}},
		Total:       5614, PaymentMethod: "Visa 1234", At: noon, Now: noon,
	}
}

func TestPlace(t *testing.T) {
	t.Run("an order whose sums add up is placed", func(t *testing.T) {
		got, err := decide.Place(decide.NewOrder(), sample())
		when(t, got, err).then(placed())
	})
	t.Run("what lines come to need not be said", func(t *testing.T) {
		p := sample()
		p.Subtotal = nil
		got, err := decide.Place(decide.NewOrder(), p)
		when(t, got, err).then(placed())
	})
	t.Run("an order may have no lines", func(t *testing.T) {
		p := decide.Placement{Order: purchase, Merchant: shop, Customer: cleo, Number: "1", Currency: "JPY", Shipping: 500, Total: 1500, Paid: money(0)}
		got, err := decide.Place(decide.NewOrder(), p)
		when(t, got, err).then(&events.OrderPlaced{OrderStep: step(uuid.Nil), Basket: events.Basket{
			Number: "1", Currency: "JPY", Subtotal: 1000, Shipping: 500, Total: 1500,
		}})
	})
	t.Run("a number is used once", func(t *testing.T) {
		got, err := decide.Place(ordered(), sample())
		when(t, got, err).thenRefused(decide.Taken, "number")
	})
	t.Run("an address is kept whole", func(t *testing.T) {
		p, want := sample(), placed()
		p.Address = &events.Address{Name: "Cleo", City: "São Paulo", Country: "BR"}
		want.Address = events.Private(`{"name":"Cleo","city":"São Paulo","country":"BR"}`)
		got, err := decide.Place(decide.NewOrder(), p)
		when(t, got, err).then(want)
	})
}

func TestPlaceRefuses(t *testing.T) {
	for _, c := range []struct {
		name, field string
		change      func(*decide.Placement)
	}{
		{"an unknown currency", "currency", func(p *decide.Placement) { p.Currency = "BTC" }},
		{"a currency in small letters", "currency", func(p *decide.Placement) { p.Currency = "eur" }},
		{"no number", "number", func(p *decide.Placement) { p.Number = "" }},
		{"a negative quantity", "lines[0].quantity", func(p *decide.Placement) { p.Lines[0].Quantity = -1 }},
		{"a quantity of none", "lines[1].quantity", func(p *decide.Placement) { p.Lines[1].Quantity = 0 }},
		{"a negative price", "lines[0].unitPrice", func(p *decide.Placement) { p.Lines[0].UnitPrice = money(-1) }},
		{"a negative amount", "lines[1].amount", func(p *decide.Placement) { p.Lines[1].Amount = money(-1) }},
		{"no price", "lines[1].unitPrice", func(p *decide.Placement) { p.Lines[1].Amount = nil }},
		{"a line that does not multiply", "lines[0].amount", func(p *decide.Placement) { p.Lines[0].Amount = money(2499) }},
		{"a line beyond all bounds", "lines[0].unitPrice", func(p *decide.Placement) {
			p.Lines[0].Quantity, p.Lines[0].UnitPrice = 1_000_000, money(1_000_000_000_000)
		}},
		{"an untitled line", "lines[0].title", func(p *decide.Placement) { p.Lines[0].Title = "" }},
		{"an image that is no URL", "lines[0].imageUrl", func(p *decide.Placement) { p.Lines[0].ImageURL = "javascript:alert(1)" }},
		{"too many lines", "lines", func(p *decide.Placement) { p.Lines = make([]decide.Line, 501) }},
		{"a subtotal of something else", "subtotal", func(p *decide.Placement) { p.Subtotal = money(7400) }},
		{"a total of something else", "total", func(p *decide.Placement) { p.Total = 5615 }},
		{"a negative shipping", "shipping", func(p *decide.Placement) { p.Shipping = -495 }},
		{"a negative tax", "tax", func(p *decide.Placement) { p.Tax = -1 }},
		{"a negative adjustment", "adjustments[1].amount", func(p *decide.Placement) { p.Adjustments[1].Amount = -1000 }},
		{"a negative total", "total", func(p *decide.Placement) { p.Total = -1 }},
		{"adjustments beyond the price", "subtotal", func(p *decide.Placement) { p.Lines, p.Subtotal, p.Total, p.Adjustments = nil, nil, 0, nil }},
		{"more paid than there is", "paid", func(p *decide.Placement) { p.Paid = money(5615) }},
		{"less paid than nothing", "paid", func(p *decide.Placement) { p.Paid = money(-1) }},
		{"a country that is no code", "address.country", func(p *decide.Placement) { p.Address = &events.Address{Country: "Brasil"} }},
		{"a time to come", "placedAt", func(p *decide.Placement) { p.At = after(1) }},
		{"an endless street", "address.street1", func(p *decide.Placement) { p.Address = &events.Address{Street1: strings.Repeat("x", 201)} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := sample()
			c.change(&p)
			got, err := decide.Place(decide.NewOrder(), p)
			when(t, got, err).thenRefused(decide.Invalid, c.field)
		})
	}
}

func TestWhatDoesNotAddUpIsToldByItsDifference(t *testing.T) {
	p := sample()
	p.Total = 6000
	_, err := decide.Place(decide.NewOrder(), p)
	for _, figure := range []string{"60.00 EUR", "56.14 EUR", "a difference of 3.86 EUR"} {
		if err == nil || !strings.Contains(err.Error(), figure) {
			t.Errorf("the refusal %v does not name %s", err, figure)
		}
	}
}

func TestOffersAreBoughtOnce(t *testing.T) {
	p := sample()
	offer := &events.OrderOffered{OrderStep: step(ada), Basket: placed().Basket}
	offer.Paid = 0
	t.Run("a merchant offers", func(t *testing.T) {
		got, err := decide.Offer(decide.NewOrder(), p)
		when(t, got, err).then(offer)
	})
	t.Run("nothing paid", func(t *testing.T) {
		paid := p
		paid.Paid = money(0)
		got, err := decide.Offer(decide.NewOrder(), paid)
		when(t, got, err).thenRefused(decide.Invalid, "paid")
	})
	t.Run("the customer buys", func(t *testing.T) {
		got, err := decide.AcceptOffer(order(happened{0, offer}), cleo)
		when(t, got, err).then(&events.OfferAccepted{OrderStep: step(cleo)})
	})
	t.Run("once", func(t *testing.T) {
		got, err := decide.AcceptOffer(order(happened{0, offer}, happened{1, &events.OfferAccepted{OrderStep: step(cleo)}}), cleo)
		when(t, got, err).then()
	})
	t.Run("nobody buys for another", func(t *testing.T) {
		got, err := decide.AcceptOffer(order(happened{0, offer}), bob)
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("nor what was withdrawn", func(t *testing.T) {
		got, err := decide.AcceptOffer(order(happened{0, offer}, cancelled(1)), cleo)
		when(t, got, err).thenRefused(decide.Taken, "")
	})
	t.Run("an offer is withdrawn", func(t *testing.T) {
		got, err := decide.UpdateOrder(order(happened{0, offer}), tells(decide.UpdateCancelled, 1))
		when(t, got, err).then(&events.OrderCancelled{OrderStep: step(ada), Cause: events.OfferWithdrawn})
	})
	t.Run("an offer is not shipped", func(t *testing.T) {
		got, err := decide.UpdateOrder(order(happened{0, offer}), tells(decide.UpdateConfirmed, 1))
		when(t, got, err).thenRefused(decide.Taken, "type")
	})
}

// tells is an update by ada of what happened so many hours after noon, told at
// the end of the tenth day.
func tells(kind decide.UpdateType, hours int) decide.Update {
	u := decide.Update{Type: kind, By: ada, At: after(hours), Now: after(240)}
	switch kind {
	case decide.UpdateLocated:
		u.Place = "Kassel"
	case decide.UpdateDelayed:
		u.Estimate = after(99)
	case decide.UpdatePaid, decide.UpdateRefunded:
		u.Amount = money(100)
	}
	return u
}

func TestSteps(t *testing.T) {
	for _, c := range []struct {
		name string
		past *decide.Order
		do   decide.Update
		want events.Fact // nil where it is refused, nothing where it happened before
		// field of the refusal, which is Taken
		field string
	}{
		{"confirmed", ordered(), tells(decide.UpdateConfirmed, 1), &events.OrderConfirmed{OrderStep: step(ada)}, ""},
		{"confirmed once", ordered(confirmed(1)), tells(decide.UpdateConfirmed, 2), nothing, ""},
		{"invoiced", ordered(confirmed(1)), tells(decide.UpdateInvoiced, 2), &events.OrderInvoiced{OrderStep: step(ada)}, ""},
		{"packed", ordered(confirmed(1)), tells(decide.UpdatePacked, 2), &events.OrderPacked{OrderStep: step(ada)}, ""},
		{"shipped", ordered(confirmed(1)), tells(decide.UpdateShipped, 2), &events.OrderShipped{OrderStep: step(ada)}, ""},
		{"a second parcel", ordered(confirmed(1), shipped(2)), tells(decide.UpdateShipped, 3), &events.OrderShipped{OrderStep: step(ada)}, ""},
		{"located", ordered(confirmed(1), shipped(2)), tells(decide.UpdateLocated, 3), &events.ParcelLocated{OrderStep: step(ada), Place: events.Private("Kassel")}, ""},
		{"out for delivery", ordered(confirmed(1), shipped(2)), tells(decide.UpdateOutForDelivery, 3), &events.OrderOutForDelivery{OrderStep: step(ada)}, ""},
		{"delivered", ordered(confirmed(1), shipped(2)), tells(decide.UpdateDelivered, 3), &events.OrderDelivered{OrderStep: step(ada)}, ""},
		{"delivered at the counter", ordered(confirmed(1)), tells(decide.UpdateDelivered, 1), &events.OrderDelivered{OrderStep: step(ada)}, ""},
		{"delivered once", ordered(confirmed(1), delivered(2)), tells(decide.UpdateDelivered, 3), nothing, ""},
		{"delayed", ordered(), tells(decide.UpdateDelayed, 3), &events.OrderDelayed{OrderStep: step(ada), Estimate: after(99)}, ""},
		{"cancelled", ordered(confirmed(1), shipped(2)), tells(decide.UpdateCancelled, 3), cancelled(0).fact, ""},
		{"cancelled once", ordered(cancelled(1)), tells(decide.UpdateCancelled, 3), nothing, ""},
		{"located on its way back", ordered(confirmed(1), shipped(2), cancelled(3)), tells(decide.UpdateLocated, 4), &events.ParcelLocated{OrderStep: step(ada), Place: events.Private("Kassel")}, ""},

		{"a place told late", ordered(confirmed(1), shipped(2), delivered(9)), tells(decide.UpdateLocated, 5), &events.ParcelLocated{OrderStep: step(ada), Place: events.Private("Kassel")}, ""},
		{"a shipping told late", ordered(confirmed(1), delivered(9)), tells(decide.UpdateShipped, 5), &events.OrderShipped{OrderStep: step(ada)}, ""},
		{"a delivery before its shipping", ordered(confirmed(1), shipped(9)), tells(decide.UpdateDelivered, 5), &events.OrderDelivered{OrderStep: step(ada)}, ""},

		{"shipped unconfirmed", ordered(), tells(decide.UpdateShipped, 1), nil, "type"},
		{"delivered unconfirmed", ordered(), tells(decide.UpdateDelivered, 1), nil, "type"},
		{"out for delivery without a parcel", ordered(confirmed(1)), tells(decide.UpdateOutForDelivery, 2), nil, "type"},
		{"located without a parcel", ordered(confirmed(1)), tells(decide.UpdateLocated, 2), nil, "type"},
		{"shipped when it is cancelled", ordered(confirmed(1), cancelled(2)), tells(decide.UpdateShipped, 1), nil, "type"},
		{"delivered when it is cancelled", ordered(confirmed(1), shipped(2), cancelled(3)), tells(decide.UpdateDelivered, 4), nil, "type"},
		{"paid when it is cancelled", ordered(cancelled(2)), tells(decide.UpdatePaid, 3), nil, "type"},
		{"cancelled when it is delivered", ordered(confirmed(1), delivered(2)), tells(decide.UpdateCancelled, 3), nil, "type"},
		{"packed when it is shipped", ordered(confirmed(1), shipped(2)), tells(decide.UpdatePacked, 3), nil, "occurredAt"},
		{"located when it is delivered", ordered(confirmed(1), shipped(2), delivered(3)), tells(decide.UpdateLocated, 4), nil, "occurredAt"},
		{"delayed when it is delivered", ordered(confirmed(1), shipped(2), delivered(3)), tells(decide.UpdateDelayed, 4), nil, "occurredAt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decide.UpdateOrder(c.past, c.do)
			switch c.want {
			case nil:
				when(t, got, err).thenRefused(decide.Taken, c.field)
			case nothing:
				when(t, got, err).then()
			default:
				when(t, got, err).then(c.want)
			}
		})
	}
}

// nothing is what is wanted where there is nothing to do.
var nothing events.Fact = new(events.HandleClaimed)

func TestUpdatesThatNeverAre(t *testing.T) {
	half, beyond := 0.5, 90.5
	for _, c := range []struct {
		name, field string
		u           decide.Update
	}{
		{"an unknown type", "type", decide.Update{Type: "teleported"}},
		{"what has not happened yet", "occurredAt", tells(decide.UpdateConfirmed, 241)},
		{"what happened before the order", "occurredAt", tells(decide.UpdateConfirmed, -1)},
		{"a place nowhere", "place", decide.Update{Type: decide.UpdateLocated}},
		{"half a point", "longitude", decide.Update{Type: decide.UpdateLocated, Latitude: &half}},
		{"a point off the map", "latitude", decide.Update{Type: decide.UpdateLocated, Latitude: &beyond, Longitude: &half}},
		{"a delay until never", "estimatedDelivery", decide.Update{Type: decide.UpdateDelayed}},
		{"a delay until a time that is gone", "estimatedDelivery", decide.Update{Type: decide.UpdateDelayed, Estimate: after(-1)}},
		{"a refund of nothing", "amount", decide.Update{Type: decide.UpdateRefunded}},
		{"a refund of less", "amount", decide.Update{Type: decide.UpdateRefunded, Amount: money(-5)}},
		{"a payment of nothing", "amount", decide.Update{Type: decide.UpdatePaid, Amount: money(0)}},
		{"a detail of another update", "carrier", decide.Update{Type: decide.UpdateDelivered, Carrier: "DHL"}},
		{"a cause that is none", "cause", decide.Update{Type: decide.UpdateCancelled, Cause: "weather"}},
		{"two lines of carrier", "carrier", decide.Update{Type: decide.UpdateShipped, Carrier: "D\nHL"}},
		{"an answer to no request", "request", decide.Update{Type: decide.UpdateRequestAccepted, Request: new(uint64)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.u.At.IsZero() {
				c.u.At, c.u.Now = after(3), after(240)
			}
			got, err := decide.UpdateOrder(ordered(confirmed(1), shipped(2)), c.u)
			when(t, got, err).thenRefused(decide.Invalid, c.field)
		})
	}
	t.Run("of no order", func(t *testing.T) {
		got, err := decide.UpdateOrder(decide.NewOrder(), tells(decide.UpdateConfirmed, 1))
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
}

func TestMoneyGoesBackOnlyAsFarAsItCame(t *testing.T) {
	refunded := func(amount events.Money) happened {
		return happened{5, &events.OrderRefunded{OrderStep: step(ada), Amount: amount}}
	}
	gives := func(amount events.Money) decide.Update {
		u := tells(decide.UpdateRefunded, 6)
		u.Amount = money(amount)
		return u
	}
	t.Run("a part", func(t *testing.T) {
		got, err := decide.UpdateOrder(ordered(), gives(614))
		when(t, got, err).then(refunded(614).fact)
	})
	t.Run("the rest", func(t *testing.T) {
		got, err := decide.UpdateOrder(ordered(refunded(614)), gives(5000))
		when(t, got, err).then(refunded(5000).fact)
	})
	t.Run("not more", func(t *testing.T) {
		got, err := decide.UpdateOrder(ordered(refunded(614)), gives(5001))
		when(t, got, err).thenRefused(decide.Taken, "amount")
	})
	t.Run("nor what was never paid", func(t *testing.T) {
		unpaid := placed()
		unpaid.Paid = 0
		got, err := decide.UpdateOrder(order(happened{0, unpaid}), gives(1))
		when(t, got, err).thenRefused(decide.Taken, "amount")
	})
	t.Run("what is paid later counts", func(t *testing.T) {
		unpaid := placed()
		unpaid.Paid = 0
		o := order(happened{0, unpaid}, happened{1, &events.OrderPaid{OrderStep: step(ada), Amount: 100}})
		got, err := decide.UpdateOrder(o, gives(100))
		when(t, got, err).then(refunded(100).fact)
	})
	t.Run("and is never more than the total", func(t *testing.T) {
		got, err := decide.UpdateOrder(ordered(), tells(decide.UpdatePaid, 1))
		when(t, got, err).thenRefused(decide.Taken, "amount")
	})
}
