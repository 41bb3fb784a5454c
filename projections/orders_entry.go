package projections

import (
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// OrderEntry is one thing that happened to an order. Which of its details are
// there depends on its type.
type OrderEntry struct {
	// Number is the entry's own; a message that tells of it has it as
	// orderEntry.
	Number uint64 `json:"number"`
	Type   string `json:"type"`
	// At is when it happened, and RecordedAt when it was told.
	At         time.Time `json:"at"`
	RecordedAt time.Time `json:"recordedAt"`
	// UserID is the agent or the customer who did it, or nil if the merchant
	// did without an agent; Role is "merchant" or "customer".
	UserID *uuid.UUID `json:"userId"`
	Role   string     `json:"role"`
	// Text says it in a sentence.
	Text string `json:"text"`

	Amount            *events.Money      `json:"amount,omitempty"`
	Carrier           string             `json:"carrier,omitempty"`
	TrackingNumber    string             `json:"trackingNumber,omitempty"`
	Place             string             `json:"place,omitempty"`
	Latitude          *float64           `json:"latitude,omitempty"`
	Longitude         *float64           `json:"longitude,omitempty"`
	EstimatedDelivery *time.Time         `json:"estimatedDelivery,omitempty"`
	Note              string             `json:"note,omitempty"`
	Cause             events.CancelCause `json:"cause,omitempty"`
	// Request is the number of the request that is answered.
	Request *uint64 `json:"request,omitempty"`
}

// entryType is the type that the timeline gives to a fact.
func entryType(fact events.Fact) string {
	if stage := decide.StageOf(fact); stage > 0 {
		return stage.String()
	}
	switch fact.(type) {
	case *events.OrderPaid:
		return "paid"
	case *events.ParcelLocated:
		return "located"
	case *events.OrderDelayed:
		return "delayed"
	case *events.OrderCancelled:
		return orderCancelled
	case *events.OrderRefunded:
		return "refunded"
	case *events.CancellationRequested:
		return "cancellationRequested"
	case *events.ChangeRequested:
		return "changeRequested"
	case *events.ReturnRequested:
		return "returnRequested"
	case *events.ChangeAccepted:
		return "changeAccepted"
	case *events.ReturnAccepted:
		return "returnAccepted"
	case *events.RequestDeclined:
		return "requestDeclined"
	}
	return "returnReceived"
}

// orderEntry makes the entry of an event, for an order with a number and a
// currency.
func orderEntry(event events.Event, fact events.OrderFact, order *Order) OrderEntry {
	step := fact.Step()
	entry := OrderEntry{
		Number: event.Revision, Type: entryType(fact), At: event.Meta.OccurredAt.UTC(), RecordedAt: event.Created.UTC(), Role: "merchant",
		Text: decide.Tell(&decide.Order{Number: order.Number, Currency: order.Currency}, fact),
	}
	if step.By != uuid.Nil {
		entry.UserID = &step.By
	}
	if step.By == step.Customer {
		entry.Role = "customer"
	}
	entry.detail(fact)
	return entry
}

func (e *OrderEntry) detail(fact events.OrderFact) {
	switch f := fact.(type) {
	case *events.OrderOffered:
		e.Amount = &f.Total
	case *events.OrderPlaced:
		e.Amount = &f.Total
	case *events.OrderPaid:
		e.Amount = &f.Amount
	case *events.OrderRefunded:
		e.Amount, e.Note = &f.Amount, f.Reason.Plain
	case *events.OrderShipped:
		e.Carrier, e.TrackingNumber = f.Carrier, f.TrackingNumber.Plain
	case *events.ParcelLocated:
		e.Place = f.Place.Plain
		if latitude, longitude, err := decide.ParsePoint(f.Point.Plain); err == nil {
			e.Latitude, e.Longitude = &latitude, &longitude
		}
	case *events.OrderDelayed:
		e.EstimatedDelivery, e.Note = &f.Estimate, f.Reason.Plain
	case *events.OrderCancelled:
		e.Cause, e.Note, e.Request = f.Cause, f.Reason.Plain, f.Request
	case *events.CancellationRequested:
		e.Note = f.Note.Plain
	case *events.ChangeRequested:
		e.Note = f.Note.Plain
	case *events.ReturnRequested:
		e.Note = f.Note.Plain
	case *events.ChangeAccepted:
		e.Note, e.Request = f.Note.Plain, &f.Request
	case *events.ReturnAccepted:
		e.Note, e.Request = f.Note.Plain, &f.Request
	case *events.RequestDeclined:
		e.Note, e.Request = f.Note.Plain, &f.Request
	}
}
