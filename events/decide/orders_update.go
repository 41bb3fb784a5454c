package decide

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// UpdateType is what a merchant, or a carrier through it, tells of an order.
type UpdateType string

// The types of updates.
const (
	UpdatePaid            UpdateType = "paid"
	UpdateConfirmed       UpdateType = "confirmed"
	UpdateInvoiced        UpdateType = "invoiced"
	UpdatePacked          UpdateType = "packed"
	UpdateShipped         UpdateType = "shipped"
	UpdateLocated         UpdateType = "located"
	UpdateOutForDelivery  UpdateType = "outForDelivery"
	UpdateDelivered       UpdateType = "delivered"
	UpdateDelayed         UpdateType = "delayed"
	UpdateCancelled       UpdateType = "cancelled"
	UpdateRequestAccepted UpdateType = "requestAccepted"
	UpdateRequestDeclined UpdateType = "requestDeclined"
	UpdateReturnReceived  UpdateType = "returnReceived"
	UpdateRefunded        UpdateType = "refunded"
)

const (
	maxCarrier = 100
	maxPlace   = 200
	maxNote    = 2_000
	// maxHistory bounds how many facts one order has, and maxRequests how many
	// of them are a customer's requests.
	maxHistory  = 10_000
	maxRequests = 100
	// clockSkew is how far a carrier's clock may be ahead of ours.
	clockSkew = 5 * time.Minute
)

// Update is the intent to tell what happened to an order.
type Update struct {
	Type UpdateType
	// By is the agent, or zero for the merchant itself.
	By uuid.UUID
	// At is when it happened and Now when it is told.
	At, Now time.Time
	Untold  bool

	// What follows is for some types only; the others refuse it.

	Carrier, TrackingNumber string
	Place                   string
	Latitude, Longitude     *float64
	Estimate                time.Time
	// Reason is a sentence for the customer.
	Reason string
	Cause  events.CancelCause
	Amount *events.Money
	Method string
	// Request is the number of the customer's request that is answered. It may
	// be nil if only one is open.
	Request *uint64
}

// details are the parts of an update that a type takes.
var details = map[UpdateType][]string{
	UpdatePaid:            {"amount", "method"},
	UpdateConfirmed:       nil,
	UpdateInvoiced:        nil,
	UpdatePacked:          nil,
	UpdateShipped:         {"carrier", "trackingNumber"},
	UpdateLocated:         {"place", "latitude", "longitude"},
	UpdateOutForDelivery:  nil,
	UpdateDelivered:       nil,
	UpdateDelayed:         {"estimatedDelivery", "reason"},
	UpdateCancelled:       {"reason", "cause"},
	UpdateRequestAccepted: {"request", "reason"},
	UpdateRequestDeclined: {"request", "reason"},
	UpdateReturnReceived:  nil,
	UpdateRefunded:        {"amount", "reason"},
}

// given are the details that an update has.
func (u Update) given() []string {
	var names []string
	for _, detail := range []struct {
		name  string
		given bool
	}{
		{"amount", u.Amount != nil}, {"method", u.Method != ""}, {"carrier", u.Carrier != ""},
		{"trackingNumber", u.TrackingNumber != ""}, {"place", u.Place != ""}, {"latitude", u.Latitude != nil},
		{"longitude", u.Longitude != nil}, {"estimatedDelivery", !u.Estimate.IsZero()}, {"reason", u.Reason != ""},
		{"cause", u.Cause != ""}, {"request", u.Request != nil},
	} {
		if detail.given {
			names = append(names, detail.name)
		}
	}
	return names
}

// check refuses what could never be told of any order.
func (u Update) check() error {
	takes, known := details[u.Type]
	if !known {
		return refuse(Invalid, "type", "%q is no update of an order: it must be one of %v", u.Type, slices.Sorted(maps.Keys(details)))
	}
	for _, name := range u.given() {
		if !slices.Contains(takes, name) {
			return refuse(Invalid, name, "is no part of an update of type %q", u.Type)
		}
	}
	for _, line := range []struct {
		name, text string
		most       int
	}{
		{"carrier", u.Carrier, maxCarrier}, {"trackingNumber", u.TrackingNumber, maxCarrier},
		{"place", u.Place, maxPlace}, {"method", u.Method, maxMethod},
	} {
		if err := checkLine(line.name, line.text, 0, line.most); err != nil {
			return err
		}
	}
	return checkText("reason", u.Reason, 0, maxNote)
}

// UpdateOrder tells what happened to an order. What was told before gives no
// facts. That it is an agent of the merchant who tells is for the caller to
// see to.
func UpdateOrder(o *Order, u Update) ([]events.Fact, error) {
	if !o.Exists() {
		return nil, NoSuchOrder()
	}
	if err := u.check(); err != nil {
		return nil, err
	}
	if err := o.checkTime(u.At, u.Now); err != nil {
		return nil, err
	}
	if o.Facts >= maxHistory {
		return nil, refuse(Taken, "", "the order's history is full: it has %d entries", maxHistory)
	}
	if !o.Bought() && u.Type != UpdateCancelled {
		return nil, refuse(Taken, "type", "the offer has not been accepted yet")
	}
	switch u.Type {
	case UpdatePaid:
		return o.pay(u)
	case UpdateRefunded:
		return o.refund(u)
	case UpdateCancelled:
		return o.cancelled(u)
	case UpdateRequestAccepted, UpdateRequestDeclined, UpdateReturnReceived:
		return o.answer(u)
	}
	return o.fulfil(u)
}

// checkTime refuses times at which nothing can have happened to the order.
func (o *Order) checkTime(at, now time.Time) error {
	_, began := o.since(Offered)
	switch {
	case at.After(now.Add(clockSkew)):
		return refuse(Invalid, "occurredAt", "lies in the future")
	case at.Before(began):
		return refuse(Invalid, "occurredAt", "lies before the order was placed, at %s", began.Format(time.RFC3339))
	}
	return nil
}

// A step of fulfilment needs a stage that was reached before, and cannot happen
// after another. It happens once, or any number of times.
type fulfilment struct {
	needs, before Stage
	reaches       Stage
	once          bool
}

// fulfilments: a delivery needs no parcel, for goods are handed over at
// counters too. Invoices are written at any time.
var fulfilments = map[UpdateType]fulfilment{
	UpdateConfirmed:      {needs: Placed, reaches: Confirmed, once: true},
	UpdateInvoiced:       {needs: Confirmed, reaches: Invoiced, once: true},
	UpdatePacked:         {needs: Confirmed, before: Shipped, reaches: Packed, once: true},
	UpdateShipped:        {needs: Confirmed, before: Delivered, reaches: Shipped},
	UpdateLocated:        {needs: Shipped, before: Delivered},
	UpdateOutForDelivery: {needs: Shipped, before: Delivered, reaches: OutForDelivery},
	UpdateDelivered:      {needs: Confirmed, reaches: Delivered, once: true},
	UpdateDelayed:        {needs: Placed, before: Delivered},
}

// fulfil tells what became of the goods.
func (o *Order) fulfil(u Update) ([]events.Fact, error) {
	rule := fulfilments[u.Type]
	if o.Cancelled && !(u.Type == UpdateLocated && o.has(Shipped)) {
		return nil, refuse(Taken, "type", "a cancelled order is not %s", past[u.Type])
	}
	if rule.once && o.has(rule.reaches) {
		return nil, nil
	}
	if !o.has(rule.needs) {
		return nil, refuse(Taken, "type", "an order is %s after it was %s, and this one was not", past[u.Type], past[UpdateType(rule.needs.String())])
	}
	if rule.before > 0 {
		if later, at := o.since(rule.before); later > 0 && u.At.After(at) {
			return nil, refuse(Taken, "occurredAt", "the order was %s at %s; what is told of the time before must say when it was",
				past[UpdateType(later.String())], at.Format(time.RFC3339))
		}
	}
	fact, err := o.fulfilled(u)
	if err != nil {
		return nil, err
	}
	return []events.Fact{fact}, nil
}

// past is how an update is spoken of afterwards.
var past = map[UpdateType]string{
	"placed": "placed", UpdateConfirmed: "confirmed", UpdateInvoiced: "invoiced", UpdatePacked: "packed",
	UpdateShipped: "shipped", UpdateLocated: "located", UpdateOutForDelivery: "out for delivery",
	UpdateDelivered: "delivered", UpdateDelayed: "delayed",
}

func (o *Order) fulfilled(u Update) (events.Fact, error) {
	step := o.step(u.By, u.Untold)
	switch u.Type {
	case UpdateConfirmed:
		return &events.OrderConfirmed{OrderStep: step}, nil
	case UpdateInvoiced:
		return &events.OrderInvoiced{OrderStep: step}, nil
	case UpdatePacked:
		return &events.OrderPacked{OrderStep: step}, nil
	case UpdateShipped:
		return &events.OrderShipped{OrderStep: step, Carrier: u.Carrier, TrackingNumber: events.Private(u.TrackingNumber)}, nil
	case UpdateOutForDelivery:
		return &events.OrderOutForDelivery{OrderStep: step}, nil
	case UpdateDelivered:
		return &events.OrderDelivered{OrderStep: step}, nil
	case UpdateDelayed:
		if u.Estimate.IsZero() {
			return nil, refuse(Invalid, "estimatedDelivery", "is required: when the parcel is expected now")
		}
		if u.Estimate.Before(u.At) {
			return nil, refuse(Invalid, "estimatedDelivery", "must not lie before the time of the update, %s", u.At.UTC().Format(time.RFC3339))
		}
		return &events.OrderDelayed{OrderStep: step, Estimate: u.Estimate.UTC(), Reason: events.Private(u.Reason)}, nil
	}
	point, err := u.point()
	return &events.ParcelLocated{OrderStep: step, Place: events.Private(u.Place), Point: events.Private(point)}, err
}

// point is the place on the map, as facts keep it.
func (u Update) point() (string, error) {
	switch {
	case u.Latitude == nil && u.Longitude == nil && u.Place == "":
		return "", refuse(Invalid, "place", "is required, or latitude and longitude")
	case u.Latitude == nil && u.Longitude == nil:
		return "", nil
	case u.Latitude == nil:
		return "", refuse(Invalid, "latitude", "is required along with longitude")
	case u.Longitude == nil:
		return "", refuse(Invalid, "longitude", "is required along with latitude")
	case !(*u.Latitude >= -90 && *u.Latitude <= 90):
		return "", refuse(Invalid, "latitude", "must be between -90 and 90 degrees")
	case !(*u.Longitude >= -180 && *u.Longitude <= 180):
		return "", refuse(Invalid, "longitude", "must be between -180 and 180 degrees")
	}
	return FormatPoint(*u.Latitude, *u.Longitude), nil
}

// FormatPoint writes a place on the map as facts keep it, to a tenth of a
// metre.
func FormatPoint(latitude, longitude float64) string {
	return strconv.FormatFloat(latitude, 'f', 6, 64) + "," + strconv.FormatFloat(longitude, 'f', 6, 64)
}

// ParsePoint reads what FormatPoint wrote.
func ParsePoint(point string) (latitude, longitude float64, err error) {
	first, second, _ := strings.Cut(point, ",")
	if latitude, err = strconv.ParseFloat(first, 64); err != nil {
		return 0, 0, fmt.Errorf("a place on the map: %w", err)
	}
	if longitude, err = strconv.ParseFloat(second, 64); err != nil {
		return 0, 0, fmt.Errorf("a place on the map: %w", err)
	}
	return latitude, longitude, nil
}

func (o *Order) pay(u Update) ([]events.Fact, error) {
	open := o.Total - o.Paid
	switch {
	case o.Cancelled:
		return nil, refuse(Taken, "type", "a cancelled order is not paid")
	case u.Amount == nil || *u.Amount < 1:
		return nil, refuse(Invalid, "amount", "must be 1 minor unit or more")
	case *u.Amount > open:
		return nil, refuse(Taken, "amount", "is %s, but only %s is still to be paid", events.FormatMoney(*u.Amount, o.Currency), events.FormatMoney(open, o.Currency))
	}
	return []events.Fact{&events.OrderPaid{OrderStep: o.step(u.By, u.Untold), Amount: *u.Amount, Method: events.Private(u.Method)}}, nil
}

func (o *Order) refund(u Update) ([]events.Fact, error) {
	left := o.Paid - o.Refunded
	switch {
	case u.Amount == nil || *u.Amount < 1:
		return nil, refuse(Invalid, "amount", "must be 1 minor unit or more")
	case *u.Amount > left:
		return nil, refuse(Taken, "amount", "is %s, but of the %s that was paid only %s is left to be refunded",
			events.FormatMoney(*u.Amount, o.Currency), events.FormatMoney(o.Paid, o.Currency), events.FormatMoney(left, o.Currency))
	}
	return []events.Fact{&events.OrderRefunded{OrderStep: o.step(u.By, u.Untold), Amount: *u.Amount, Reason: events.Private(u.Reason)}}, nil
}

func (o *Order) cancelled(u Update) ([]events.Fact, error) {
	switch u.Cause {
	case "":
		u.Cause = events.CancelledByMerchant
	case events.CancelledByMerchant, events.CancelledForCustomer, events.CancelledUnavailable:
	default:
		return nil, refuse(Invalid, "cause", "must be \"merchant\", \"customer\" or \"unavailable\"")
	}
	if o.Cancelled {
		return nil, nil
	}
	if !o.Bought() {
		u.Cause = events.OfferWithdrawn
	}
	if o.has(Delivered) {
		return nil, refuse(Taken, "type", "a delivered order is returned, not cancelled")
	}
	fact := &events.OrderCancelled{OrderStep: o.step(u.By, u.Untold), Cause: u.Cause, Reason: events.Private(u.Reason)}
	return []events.Fact{fact}, nil
}
