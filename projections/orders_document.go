package projections

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// Order is an order as it stands. All amounts are in minor units of its
// currency.
type Order struct {
	ID             uuid.UUID `json:"id"`
	Number         string    `json:"number"`
	MerchantID     uuid.UUID `json:"merchantId"`
	CustomerID     uuid.UUID `json:"customerId"`
	ConversationID uuid.UUID `json:"conversationId"`
	// Status is the last stage reached: offered, placed, confirmed, invoiced,
	// packed, shipped, outForDelivery or delivered; or cancelled.
	Status string `json:"status"`
	// CancelCause is why the order is cancelled, and empty if it is not.
	CancelCause events.CancelCause `json:"cancelCause"`
	// Return is how far a return has come, and empty if there is none.
	Return   decide.ReturnState `json:"return"`
	Currency string             `json:"currency"`
	// Exponent is how many decimals the currency's minor units are.
	Exponent      int                 `json:"exponent"`
	Lines         []OrderLine         `json:"lines"`
	Subtotal      events.Money        `json:"subtotal"`
	Shipping      events.Money        `json:"shipping"`
	Tax           events.Money        `json:"tax"`
	Adjustments   []events.Adjustment `json:"adjustments"`
	Total         events.Money        `json:"total"`
	Paid          events.Money        `json:"paid"`
	Refunded      events.Money        `json:"refunded"`
	PaymentMethod string              `json:"paymentMethod"`
	Address       *events.Address     `json:"address"`
	// Carrier and TrackingNumber are those of the last parcel.
	Carrier           string     `json:"carrier"`
	TrackingNumber    string     `json:"trackingNumber"`
	ShippedAt         *time.Time `json:"shippedAt"`
	DeliveredAt       *time.Time `json:"deliveredAt"`
	EstimatedDelivery *time.Time `json:"estimatedDelivery"`
	// EstimatedAt is when that estimate was made.
	EstimatedAt *time.Time `json:"estimatedAt"`
	// Location is where the parcel was last.
	Location *OrderLocation `json:"location"`
	Requests []OrderRequest `json:"requests"`
	// PlacedAt is when it was placed, or offered if it is an offer.
	PlacedAt  time.Time `json:"placedAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// OrderLine is some of one product.
type OrderLine struct {
	Title    string `json:"title"`
	Subtitle string `json:"subtitle"`
	SKU      string `json:"sku"`
	ImageURL string `json:"imageUrl"`
	Quantity int64  `json:"quantity"`
	// UnitPrice is nil where the amount cannot be divided by the quantity.
	UnitPrice *events.Money `json:"unitPrice"`
	Amount    events.Money  `json:"amount"`
}

// OrderLocation is where a parcel was, and when.
type OrderLocation struct {
	Place     string    `json:"place"`
	Latitude  *float64  `json:"latitude"`
	Longitude *float64  `json:"longitude"`
	At        time.Time `json:"at"`
}

// OrderRequest is what the customer asked for, and what became of it.
type OrderRequest struct {
	Number uint64             `json:"number"`
	Type   decide.RequestKind `json:"type"`
	// State is open, accepted, declined, or dropped when the order was
	// cancelled before an answer.
	State   string          `json:"state"`
	Note    string          `json:"note"`
	Address *events.Address `json:"address"`
	Line    *uint64         `json:"line"`
	Variant string          `json:"variant"`
	AskedAt time.Time       `json:"askedAt"`
	// Answer is what the merchant said to it.
	Answer     string     `json:"answer"`
	AnsweredAt *time.Time `json:"answeredAt"`
}

// States of a request.
const (
	requestOpen     = "open"
	requestAccepted = "accepted"
	requestDeclined = "declined"
	requestDropped  = "dropped"
)

const orderCancelled = "cancelled"

// isOpen tells whether somebody has yet to do something about the order.
func (o *Order) isOpen() bool {
	for i := range o.Requests {
		if o.Requests[i].State == requestOpen {
			return true
		}
	}
	switch o.Return {
	case decide.ReturnAsked, decide.ReturnGranted:
		return true
	}
	return o.Status != orderCancelled && o.Status != decide.Delivered.String() && o.bought()
}

// bought tells whether it is more than an offer.
func (o *Order) bought() bool {
	return o.Status != decide.Offered.String() && o.CancelCause != events.OfferWithdrawn
}

// evolve applies an event of the order's stream, as decide.EvolveOrder does for
// decisions.
func (o *Order) evolve(event events.Event) error {
	at := event.Meta.OccurredAt.UTC()
	if at.After(o.UpdatedAt) {
		o.UpdatedAt = at
	}
	if stage := decide.StageOf(event.Fact); stage > 0 && o.Status != orderCancelled {
		if known, _ := decide.ParseStage(o.Status); stage > known {
			o.Status = stage.String()
		}
	}
	switch f := event.Fact.(type) {
	case *events.OrderOffered:
		return o.begin(&f.OrderStep, &f.Basket, at)
	case *events.OrderPlaced:
		return o.begin(&f.OrderStep, &f.Basket, at)
	case *events.OfferAccepted:
		o.PlacedAt = at
	case *events.OrderPaid:
		o.Paid += f.Amount
		if f.Method.Plain != "" {
			o.PaymentMethod = f.Method.Plain
		}
	case *events.OrderRefunded:
		o.Refunded += f.Amount
	case *events.OrderShipped:
		if latest(&o.ShippedAt, at) {
			o.Carrier, o.TrackingNumber = f.Carrier, f.TrackingNumber.Plain
		}
	case *events.OrderDelivered:
		o.DeliveredAt = &at
	case *events.ParcelLocated:
		return o.locate(f, at)
	case *events.OrderDelayed:
		if latest(&o.EstimatedAt, at) {
			o.EstimatedDelivery = &f.Estimate
		}
	case *events.OrderCancelled:
		o.cancel(f, at)
	default:
		return o.evolveRequests(event, at)
	}
	return nil
}

// latest moves a time forwards, and tells whether it did: what is told late does
// not undo what is newer.
func latest(known **time.Time, at time.Time) bool {
	if *known != nil && (*known).After(at) {
		return false
	}
	*known = &at
	return true
}

func (o *Order) begin(step *events.OrderStep, basket *events.Basket, at time.Time) error {
	exponent, _ := events.Exponent(basket.Currency)
	address, err := addressOf(basket.Address)
	*o = Order{
		ID: step.Order, Number: basket.Number, MerchantID: step.Merchant, CustomerID: step.Customer,
		ConversationID: events.BusinessID(step.Merchant, step.Customer), Status: o.Status,
		Currency: basket.Currency, Exponent: exponent, Lines: make([]OrderLine, len(basket.Lines)),
		Subtotal: basket.Subtotal, Shipping: basket.Shipping, Tax: basket.Tax,
		Adjustments: append([]events.Adjustment{}, basket.Adjustments...),
		Total:       basket.Total, Paid: basket.Paid, PaymentMethod: basket.PaymentMethod.Plain,
		Address: address, Requests: []OrderRequest{}, PlacedAt: at, UpdatedAt: at,
	}
	for i, line := range basket.Lines {
		o.Lines[i] = OrderLine{
			Title: line.Title, Subtitle: line.Subtitle, SKU: line.SKU, ImageURL: line.ImageURL, Quantity: line.Quantity, Amount: line.Amount,
		}
		if line.Amount%line.Quantity == 0 {
			unit := line.Amount / line.Quantity
			o.Lines[i].UnitPrice = &unit
		}
	}
	if !basket.Estimate.IsZero() {
		o.EstimatedDelivery, o.EstimatedAt = &basket.Estimate, &at
	}
	return err
}

// locate keeps the last place, which need not be the one told last.
func (o *Order) locate(f *events.ParcelLocated, at time.Time) error {
	if o.Location != nil && o.Location.At.After(at) {
		return nil
	}
	o.Location = &OrderLocation{Place: f.Place.Plain, At: at}
	if f.Point.Plain == "" {
		return nil
	}
	latitude, longitude, err := decide.ParsePoint(f.Point.Plain)
	o.Location.Latitude, o.Location.Longitude = &latitude, &longitude
	return err
}

func (o *Order) cancel(f *events.OrderCancelled, at time.Time) {
	o.Status, o.CancelCause = orderCancelled, f.Cause
	if f.Request != nil {
		o.answer(*f.Request, requestAccepted, f.Reason.Plain, at)
	}
	for i := range o.Requests {
		if r := &o.Requests[i]; r.State == requestOpen {
			r.State, r.AnsweredAt = requestDropped, &at
		}
	}
}

func (o *Order) evolveRequests(event events.Event, at time.Time) error {
	ask := func(kind decide.RequestKind, note string) *OrderRequest {
		o.Requests = append(o.Requests, OrderRequest{Number: event.Revision, Type: kind, State: requestOpen, Note: note, AskedAt: at})
		return &o.Requests[len(o.Requests)-1]
	}
	switch f := event.Fact.(type) {
	case *events.CancellationRequested:
		ask(decide.WantsCancel, f.Note.Plain)
	case *events.ReturnRequested:
		ask(decide.WantsReturn, f.Note.Plain)
		o.Return = decide.ReturnAsked
	case *events.ChangeRequested:
		request := ask(decide.WantsChange, f.Note.Plain)
		request.Line, request.Variant = f.Line, f.Variant.Plain
		var err error
		request.Address, err = addressOf(f.Address)
		return err
	case *events.ChangeAccepted:
		o.change(f.Request)
		o.answer(f.Request, requestAccepted, f.Note.Plain, at)
	case *events.ReturnAccepted:
		o.answer(f.Request, requestAccepted, f.Note.Plain, at)
		o.Return = decide.ReturnGranted
	case *events.RequestDeclined:
		if request := o.answer(f.Request, requestDeclined, f.Note.Plain, at); request != nil && request.Type == decide.WantsReturn {
			o.Return = decide.ReturnRefused
		}
	case *events.ReturnReceived:
		o.Return = decide.ReturnArrived
	}
	return nil
}

// change makes of the order what a request asks for.
func (o *Order) change(number uint64) {
	request := o.request(number)
	if request == nil {
		return
	}
	if request.Address != nil {
		o.Address = request.Address
	}
	if request.Line != nil && *request.Line < uint64(len(o.Lines)) {
		o.Lines[*request.Line].Subtitle = request.Variant
	}
}

func (o *Order) request(number uint64) *OrderRequest {
	for i := range o.Requests {
		if o.Requests[i].Number == number {
			return &o.Requests[i]
		}
	}
	return nil
}

func (o *Order) answer(number uint64, state, words string, at time.Time) *OrderRequest {
	request := o.request(number)
	if request != nil {
		request.State, request.Answer, request.AnsweredAt = state, words, &at
	}
	return request
}

// addressOf reads an address; nil if there is none, or its owner is forgotten.
func addressOf(value events.Secret) (*events.Address, error) {
	if value.Plain == "" {
		return nil, nil
	}
	address := new(events.Address)
	if err := json.Unmarshal([]byte(value.Plain), address); err != nil {
		return nil, fmt.Errorf("an order's address: %w", err)
	}
	return address, nil
}
