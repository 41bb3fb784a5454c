package decide

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// Stage is how far an order has come. An order never goes back: what is told
// of late only fills a gap.
type Stage int

// The stages, in their order.
const (
	Offered Stage = iota + 1
	Placed
	Confirmed
	Invoiced
	Packed
	Shipped
	OutForDelivery
	Delivered

	stages = int(Delivered) + 1
)

var stageNames = [stages]string{"", "offered", "placed", "confirmed", "invoiced", "packed", "shipped", "outForDelivery", "delivered"}

// String is the stage as clients read it.
func (s Stage) String() string { return stageNames[s] }

// ParseStage is the stage of a name; the boolean is false if there is none.
func ParseStage(name string) (Stage, bool) {
	i := slices.Index(stageNames[1:], name)
	return Stage(i + 1), i >= 0
}

// StageOf is the stage that an order has reached with a fact, or 0 if the fact
// is about something else.
func StageOf(fact events.Fact) Stage {
	switch fact.(type) {
	case *events.OrderOffered:
		return Offered
	case *events.OrderPlaced, *events.OfferAccepted:
		return Placed
	case *events.OrderConfirmed:
		return Confirmed
	case *events.OrderInvoiced:
		return Invoiced
	case *events.OrderPacked:
		return Packed
	case *events.OrderShipped:
		return Shipped
	case *events.OrderOutForDelivery:
		return OutForDelivery
	case *events.OrderDelivered:
		return Delivered
	}
	return 0
}

// ReturnState is how far the return of a delivered order has come.
type ReturnState string

// The states of a return; "" is none.
const (
	ReturnAsked   ReturnState = "requested"
	ReturnGranted ReturnState = "accepted"
	ReturnRefused ReturnState = "declined"
	ReturnArrived ReturnState = "received"
)

// Order is what decisions need to know of an order. The zero value is one that
// was neither offered nor placed.
type Order struct {
	ID, Merchant, Customer uuid.UUID
	Number                 string
	Currency               string
	Lines                  int
	Total, Paid, Refunded  events.Money
	// Stage is the last one reached, and reached[s] when stage s was first.
	Stage     Stage
	reached   [stages]time.Time
	Cancelled bool
	Return    ReturnState
	// Requests are the customer's, by number; those that were answered are
	// closed.
	Requests map[uint64]*Request
	// Facts counts the order's history.
	Facts int
}

// Request is a customer's wish as decisions know it.
type Request struct {
	Kind RequestKind
	Open bool
}

// NewOrder is an order before its first fact.
func NewOrder() *Order { return new(Order) }

// Exists tells whether the order was offered or placed.
func (o *Order) Exists() bool { return o.Stage > 0 }

// Bought tells whether the customer has given the order.
func (o *Order) Bought() bool { return o.Stage >= Placed }

// EvolveOrder applies an event of an order's stream; it changes and returns the
// order given.
func EvolveOrder(o *Order, event events.Event) *Order {
	o.Facts++
	if stage := StageOf(event.Fact); stage > 0 {
		o.reach(stage, event.Meta.OccurredAt)
	}
	switch f := event.Fact.(type) {
	case *events.OrderOffered:
		o.begin(&f.OrderStep, &f.Basket)
	case *events.OrderPlaced:
		o.begin(&f.OrderStep, &f.Basket)
	case *events.OrderPaid:
		o.Paid += f.Amount
	case *events.OrderRefunded:
		o.Refunded += f.Amount
	case *events.OrderCancelled:
		o.cancel()
	default:
		o.evolveRequests(event)
	}
	return o
}

func (o *Order) begin(step *events.OrderStep, basket *events.Basket) {
	o.ID, o.Merchant, o.Customer = step.Order, step.Merchant, step.Customer
	o.Number, o.Currency, o.Lines = basket.Number, basket.Currency, len(basket.Lines)
	o.Total, o.Paid = basket.Total, basket.Paid
	o.Requests = make(map[uint64]*Request)
}

func (o *Order) reach(stage Stage, at time.Time) {
	o.Stage = max(o.Stage, stage)
	if first := o.reached[stage]; first.IsZero() || at.Before(first) {
		o.reached[stage] = at
	}
}

// since is the stage from one on that was reached first, and when; 0 if none
// was.
func (o *Order) since(stage Stage) (first Stage, earliest time.Time) {
	for s := stage; int(s) < stages; s++ {
		if at := o.reached[s]; !at.IsZero() && (first == 0 || at.Before(earliest)) {
			first, earliest = s, at
		}
	}
	return first, earliest
}

func (o *Order) has(stage Stage) bool { return !o.reached[stage].IsZero() }

// cancel also ends the wishes that are pointless now.
func (o *Order) cancel() {
	o.Cancelled = true
	for _, request := range o.Requests {
		request.Open = false
	}
}

func (o *Order) evolveRequests(event events.Event) {
	switch f := event.Fact.(type) {
	case *events.CancellationRequested:
		o.Requests[event.Revision] = &Request{WantsCancel, true}
	case *events.ChangeRequested:
		o.Requests[event.Revision] = &Request{WantsChange, true}
	case *events.ReturnRequested:
		o.Requests[event.Revision] = &Request{WantsReturn, true}
		o.Return = ReturnAsked
	case *events.ChangeAccepted:
		o.close(f.Request)
	case *events.ReturnAccepted:
		o.close(f.Request)
		o.Return = ReturnGranted
	case *events.RequestDeclined:
		if request := o.close(f.Request); request.Kind == WantsReturn {
			o.Return = ReturnRefused
		}
	case *events.ReturnReceived:
		o.Return = ReturnArrived
	}
}

func (o *Order) close(number uint64) Request {
	request := o.Requests[number]
	if request == nil {
		return Request{}
	}
	request.Open = false
	return *request
}

// open is the number of a request of a kind that waits for an answer.
func (o *Order) open(kind RequestKind) (uint64, bool) {
	for number, request := range o.Requests {
		if request.Open && request.Kind == kind {
			return number, true
		}
	}
	return 0, false
}

// step is what the next fact has in common with those before.
func (o *Order) step(by uuid.UUID, untold bool) events.OrderStep {
	return events.OrderStep{Order: o.ID, Merchant: o.Merchant, Customer: o.Customer, By: by, Untold: untold}
}

// NoSuchOrder is what everybody is told who has no part in an order, and who
// names one that does not exist.
func NoSuchOrder() error {
	return refuse(Unknown, "", "there is no such order among yours")
}
