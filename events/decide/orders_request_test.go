package decide_test

import (
	"testing"

	"parley/events"
	"parley/events/decide"
)

func wants(kind decide.RequestKind) decide.Wish {
	return decide.Wish{Kind: kind, By: cleo, Now: after(10)}
}

// asked is a request of cleo's an hour after noon.
func asked(fact events.Fact) happened { return happened{1, fact} }

var (
	toCancel = &events.CancellationRequested{OrderStep: step(cleo)}
	toReturn = &events.ReturnRequested{OrderStep: step(cleo)}
	toChange = &events.ChangeRequested{OrderStep: step(cleo), Note: events.Private("in blue, please")}
)

func TestWishes(t *testing.T) {
	blue := wants(decide.WantsChange)
	blue.Note = "in blue, please"
	t.Run("to cancel", func(t *testing.T) {
		got, err := decide.RequestOfOrder(ordered(confirmed(1)), wants(decide.WantsCancel))
		when(t, got, err).then(toCancel)
	})
	t.Run("to have another colour", func(t *testing.T) {
		got, err := decide.RequestOfOrder(ordered(), blue)
		when(t, got, err).then(toChange)
	})
	t.Run("of one line", func(t *testing.T) {
		w, line := wants(decide.WantsChange), uint64(1)
		w.Line, w.Variant = &line, "blue"
		got, err := decide.RequestOfOrder(ordered(), w)
		when(t, got, err).then(&events.ChangeRequested{OrderStep: step(cleo), Line: &line, Variant: events.Private("blue")})
	})
	t.Run("to have it elsewhere", func(t *testing.T) {
		w := wants(decide.WantsChange)
		w.Address = &events.Address{City: "Lisboa", Country: "PT"}
		got, err := decide.RequestOfOrder(ordered(), w)
		when(t, got, err).then(&events.ChangeRequested{OrderStep: step(cleo), Address: events.Private(`{"city":"Lisboa","country":"PT"}`)})
	})
	t.Run("to give it back", func(t *testing.T) {
		got, err := decide.RequestOfOrder(ordered(confirmed(1), delivered(2)), wants(decide.WantsReturn))
		when(t, got, err).then(toReturn)
	})

	second := uint64(2)
	for _, c := range []struct {
		name  string
		past  *decide.Order
		w     decide.Wish
		kind  decide.Kind
		field string
	}{
		{"of nothing", decide.NewOrder(), wants(decide.WantsCancel), decide.Unknown, ""},
		{"of another customer", ordered(), decide.Wish{Kind: decide.WantsCancel, By: bob}, decide.Forbidden, ""},
		{"of the merchant", ordered(), decide.Wish{Kind: decide.WantsCancel, By: ada}, decide.Forbidden, ""},
		{"of an unknown kind", ordered(), wants("juggle"), decide.Invalid, "type"},
		{"to change nothing", ordered(), wants(decide.WantsChange), decide.Invalid, "note"},
		{"to change a line that is not there", ordered(), decide.Wish{Kind: decide.WantsChange, By: cleo, Line: &second, Variant: "blue"}, decide.Invalid, "line"},
		{"to change a line into nothing", ordered(), decide.Wish{Kind: decide.WantsChange, By: cleo, Line: new(uint64)}, decide.Invalid, "note"},
		{"to cancel to another address", ordered(), decide.Wish{Kind: decide.WantsCancel, By: cleo, Address: &events.Address{City: "Lisboa"}}, decide.Invalid, "address"},
		{"to cancel twice", ordered(asked(toCancel)), wants(decide.WantsCancel), decide.Taken, "type"},
		{"to cancel what is delivered", ordered(confirmed(1), delivered(2)), wants(decide.WantsCancel), decide.Taken, "type"},
		{"to cancel what is cancelled", ordered(cancelled(1)), wants(decide.WantsCancel), decide.Taken, "type"},
		{"to change what is shipped", ordered(confirmed(1), shipped(2)), blue, decide.Taken, "type"},
		{"to return what has not come", ordered(confirmed(1), shipped(2)), wants(decide.WantsReturn), decide.Taken, "type"},
		{"to return twice", ordered(confirmed(1), delivered(2), asked(toReturn), happened{4, &events.ReturnAccepted{OrderStep: step(ada), Request: 3}}), wants(decide.WantsReturn), decide.Taken, "type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decide.RequestOfOrder(c.past, c.w)
			when(t, got, err).thenRefused(c.kind, c.field)
		})
	}
}

func answers(kind decide.UpdateType, number uint64) decide.Update {
	u := tells(kind, 5)
	if number > 0 {
		u.Request = &number
	}
	return u
}

func TestAnswers(t *testing.T) {
	one, three := uint64(1), uint64(3)
	returning := func(later ...happened) *decide.Order {
		return ordered(append([]happened{confirmed(1), delivered(2), asked(toReturn)}, later...)...)
	}
	granted := happened{4, &events.ReturnAccepted{OrderStep: step(ada), Request: 3}}
	for _, c := range []struct {
		name  string
		past  *decide.Order
		do    decide.Update
		want  events.Fact
		field string // of the refusal, where nothing is wanted
	}{
		{"a wish to cancel is granted", ordered(asked(toCancel)), answers(decide.UpdateRequestAccepted, 1),
			&events.OrderCancelled{OrderStep: step(ada), Cause: events.CancelledForCustomer, Request: &one}, ""},
		{"the only open one need not be named", ordered(asked(toCancel)), answers(decide.UpdateRequestAccepted, 0),
			&events.OrderCancelled{OrderStep: step(ada), Cause: events.CancelledForCustomer, Request: &one}, ""},
		{"a change is granted", ordered(asked(toChange)), answers(decide.UpdateRequestAccepted, 1), &events.ChangeAccepted{OrderStep: step(ada), Request: 1}, ""},
		{"a change is declined", ordered(asked(toChange)), answers(decide.UpdateRequestDeclined, 1), &events.RequestDeclined{OrderStep: step(ada), Request: 1}, ""},
		{"a return is granted", returning(), answers(decide.UpdateRequestAccepted, three), granted.fact, ""},
		{"and received", returning(granted), tells(decide.UpdateReturnReceived, 6), &events.ReturnReceived{OrderStep: step(ada)}, ""},
		{"once", returning(granted, happened{5, &events.ReturnReceived{OrderStep: step(ada)}}), tells(decide.UpdateReturnReceived, 6), nothing, ""},
		{"not before it was granted", returning(), tells(decide.UpdateReturnReceived, 6), nil, "type"},
		{"an answer is given once", ordered(asked(toChange), happened{2, &events.RequestDeclined{OrderStep: step(ada), Request: 1}}), answers(decide.UpdateRequestAccepted, 1), nil, "request"},
		{"what is cancelled leaves no wish open", ordered(asked(toChange), cancelled(2)), answers(decide.UpdateRequestAccepted, 0), nil, "request"},
		{"what is shipped is not changed any more", ordered(asked(toChange), confirmed(2), shipped(3)), answers(decide.UpdateRequestAccepted, 1), nil, "type"},
		{"what is delivered is not cancelled any more", ordered(asked(toCancel), confirmed(2), delivered(3)), answers(decide.UpdateRequestAccepted, 1), nil, "type"},
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
	t.Run("of two open wishes one must be named", func(t *testing.T) {
		got, err := decide.UpdateOrder(ordered(asked(toCancel), asked(toChange)), answers(decide.UpdateRequestDeclined, 0))
		when(t, got, err).thenRefused(decide.Invalid, "request")
	})
	t.Run("a declined return may be asked for again", func(t *testing.T) {
		o := returning(happened{4, &events.RequestDeclined{OrderStep: step(ada), Request: 3}})
		got, err := decide.RequestOfOrder(o, wants(decide.WantsReturn))
		when(t, got, err).then(toReturn)
	})
}

func TestTellHasASentenceForEveryFact(t *testing.T) {
	o := ordered()
	seen := map[string]bool{}
	for _, fact := range []events.OrderFact{
		placed(), &events.OrderOffered{OrderStep: step(ada), Basket: placed().Basket}, &events.OfferAccepted{}, &events.OrderPaid{Amount: 5},
		&events.OrderConfirmed{}, &events.OrderInvoiced{}, &events.OrderPacked{}, &events.OrderShipped{Carrier: "Correios"}, &events.ParcelLocated{},
		&events.OrderOutForDelivery{}, &events.OrderDelivered{}, &events.OrderDelayed{Estimate: noon}, &events.OrderCancelled{}, &events.OrderRefunded{Amount: 5},
		toCancel, toChange, toReturn, &events.ChangeAccepted{}, &events.ReturnAccepted{}, &events.RequestDeclined{}, &events.ReturnReceived{},
	} {
		text := decide.Tell(o, fact)
		if seen[text] || text == "Order 4711 has news." {
			t.Errorf("%T is told as %q", fact, text)
		}
		seen[text] = true
	}
	for fact, want := range map[events.OrderFact]string{
		placed():                                 "Order 4711: 2 × Green tea and 1 more, 56.14 EUR.",
		&events.OrderShipped{Carrier: "DHL"}:     "Order 4711 was shipped with DHL.",
		&events.OrderRefunded{Amount: 614}:       "Order 4711 was refunded: 6.14 EUR.",
		&events.OrderDelayed{Estimate: after(0)}: "Order 4711 is delayed until 25 March 2015.",
	} {
		if got := decide.Tell(o, fact); got != want {
			t.Errorf("%T is told as %q, want %q", fact, got, want)
		}
	}
}
