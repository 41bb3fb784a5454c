package decide

import (
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// RequestKind is what a customer wants of an order.
type RequestKind string

// The kinds of requests. WantsToBuy accepts an offer, and needs no answer.
const (
	WantsToBuy  RequestKind = "buy"
	WantsCancel RequestKind = "cancel"
	WantsChange RequestKind = "change"
	WantsReturn RequestKind = "return"
)

// Wish is the intent of a customer to have something done about an order.
type Wish struct {
	Kind RequestKind
	By   uuid.UUID
	// Now is when it is said.
	Now    time.Time
	Untold bool
	Note   string

	// A change is of the address, or of one line into a variant, as another
	// colour, or of what the note says.

	Address *events.Address
	Line    *uint64
	Variant string
}

// RequestOfOrder lets a customer have a wish. That others learn nothing of the
// order is for the caller to see to.
func RequestOfOrder(o *Order, w Wish) ([]events.Fact, error) {
	if !o.Exists() {
		return nil, NoSuchOrder()
	}
	if w.By != o.Customer {
		return nil, refuse(Forbidden, "", "only the customer has requests to an order; the merchant updates it")
	}
	if err := w.check(o.Lines); err != nil {
		return nil, err
	}
	if w.Kind == WantsToBuy {
		return AcceptOffer(o, w.By)
	}
	if err := o.checkWish(w.Kind); err != nil {
		return nil, err
	}
	step, note := o.step(w.By, w.Untold), events.Private(w.Note)
	switch w.Kind {
	case WantsCancel:
		return []events.Fact{&events.CancellationRequested{OrderStep: step, Note: note}}, nil
	case WantsReturn:
		return []events.Fact{&events.ReturnRequested{OrderStep: step, Note: note}}, nil
	}
	address, err := sealedAddress(w.Address)
	if err != nil {
		return nil, err
	}
	return []events.Fact{&events.ChangeRequested{OrderStep: step, Note: note, Address: address, Variant: events.Private(w.Variant), Line: w.Line}}, nil
}

func (w Wish) check(lines int) error {
	if err := checkText("note", w.Note, 0, maxNote); err != nil {
		return err
	}
	if w.Kind != WantsChange {
		switch {
		case w.Kind != WantsToBuy && w.Kind != WantsCancel && w.Kind != WantsReturn:
			return refuse(Invalid, "type", "must be \"buy\", \"cancel\", \"change\" or \"return\"")
		case w.Address != nil:
			return refuse(Invalid, "address", "is a part of changes only")
		case w.Line != nil:
			return refuse(Invalid, "line", "is a part of changes only")
		case w.Variant != "":
			return refuse(Invalid, "variant", "is a part of changes only")
		}
		return nil
	}
	switch {
	case w.Address == nil && w.Variant == "" && w.Note == "":
		return refuse(Invalid, "note", "is required, or an address, or a line and its variant: what is to be changed")
	case w.Variant != "" && w.Line == nil:
		return refuse(Invalid, "line", "is required along with variant")
	case w.Line != nil && w.Variant == "":
		return refuse(Invalid, "variant", "is required along with line")
	case w.Line != nil && *w.Line >= uint64(lines):
		return refuse(Invalid, "line", "the order has %d lines, counted from 0", lines)
	}
	return checkLine("variant", w.Variant, 0, maxProduct)
}

// checkWish refuses wishes that come too early or too late.
func (o *Order) checkWish(kind RequestKind) error {
	if o.Facts >= maxHistory || len(o.Requests) >= maxRequests {
		return refuse(Taken, "", "the order's history is full")
	}
	if number, asked := o.open(kind); asked {
		return refuse(Taken, "type", "this was asked already, as request %d, and waits for an answer", number)
	}
	switch {
	case !o.Bought():
		return refuse(Taken, "type", "the offer has not been accepted yet")
	case o.Cancelled:
		return refuse(Taken, "type", "the order is cancelled")
	case kind == WantsReturn && !o.has(Delivered):
		return refuse(Taken, "type", "only what was delivered can be returned")
	case kind == WantsReturn && o.Return == ReturnGranted:
		return refuse(Taken, "type", "the return was accepted already")
	case kind == WantsCancel && o.has(Delivered):
		return refuse(Taken, "type", "a delivered order is returned, not cancelled")
	case kind == WantsChange && o.Stage >= Shipped:
		return refuse(Taken, "type", "what was shipped cannot be changed")
	}
	return nil
}

// CustomersDoNotUpdate is the refusal of an update by the customer.
func CustomersDoNotUpdate() error {
	return refuse(Forbidden, "", "only the merchant updates an order; its customer has requests")
}

// AcceptOffer buys what was offered. Who has bought it already buys nothing
// more.
func AcceptOffer(o *Order, by uuid.UUID) ([]events.Fact, error) {
	switch {
	case !o.Exists() || by != o.Customer:
		return nil, NoSuchOrder()
	case o.Bought():
		return nil, nil
	case o.Cancelled:
		return nil, refuse(Taken, "", "the offer was withdrawn")
	}
	return []events.Fact{&events.OfferAccepted{OrderStep: o.step(by, false)}}, nil
}

// answer is the merchant's to a request.
func (o *Order) answer(u Update) ([]events.Fact, error) {
	step := o.step(u.By, u.Untold)
	if u.Type == UpdateReturnReceived {
		switch o.Return {
		case ReturnArrived:
			return nil, nil
		case ReturnGranted:
			return []events.Fact{&events.ReturnReceived{OrderStep: step}}, nil
		}
		return nil, refuse(Taken, "type", "a return is received after it was accepted, and this one was not")
	}
	number, request, err := o.answered(u.Request)
	if err != nil {
		return nil, err
	}
	reason := events.Private(u.Reason)
	if u.Type == UpdateRequestDeclined {
		return []events.Fact{&events.RequestDeclined{OrderStep: step, Request: number, Note: reason}}, nil
	}
	switch request.Kind {
	case WantsChange:
		if o.Stage >= Shipped {
			return nil, refuse(Taken, "type", "what was shipped cannot be changed")
		}
		return []events.Fact{&events.ChangeAccepted{OrderStep: step, Request: number, Note: reason}}, nil
	case WantsReturn:
		return []events.Fact{&events.ReturnAccepted{OrderStep: step, Request: number, Note: reason}}, nil
	}
	if o.has(Delivered) {
		return nil, refuse(Taken, "type", "a delivered order is returned, not cancelled")
	}
	return []events.Fact{&events.OrderCancelled{OrderStep: step, Cause: events.CancelledForCustomer, Reason: reason, Request: &number}}, nil
}

// answered finds the request that an answer is to.
func (o *Order) answered(number *uint64) (uint64, *Request, error) {
	if number != nil {
		request := o.Requests[*number]
		switch {
		case request == nil:
			return 0, nil, refuse(Invalid, "request", "there is no request %d to this order", *number)
		case !request.Open:
			return 0, nil, refuse(Taken, "request", "request %d has been answered", *number)
		}
		return *number, request, nil
	}
	var found *Request
	var which uint64
	for candidate, request := range o.Requests {
		if request.Open && found != nil {
			return 0, nil, refuse(Invalid, "request", "is required: more than one request is open")
		}
		if request.Open {
			which, found = candidate, request
		}
	}
	if found == nil {
		return 0, nil, refuse(Taken, "request", "no request to this order is open")
	}
	return which, found, nil
}
