package events

import (
	"time"

	"github.com/google/uuid"
)

// OrderStream is where an order's facts are kept. A fact's revision there is
// the number that the order's timeline and requests know it by.
func OrderStream(order uuid.UUID) string { return "order-" + order.String() }

// orderSpace is the UUIDv5 namespace of orders.
var orderSpace = uuid.MustParse("b1d5b6de-0f3e-5a55-9a3e-2f1c8e0d6a41")

// OrderID is the id of a merchant's order: there is one for each number.
func OrderID(merchant uuid.UUID, number string) uuid.UUID {
	return uuid.NewSHA1(orderSpace, append(merchant[:], number...))
}

// OrderStep is what all facts of an order have in common.
type OrderStep struct {
	Order    uuid.UUID `json:"order"`
	Merchant uuid.UUID `json:"merchant"`
	Customer uuid.UUID `json:"customer"`
	// By is the agent or the customer who did it; it is absent if the merchant
	// did without an agent of theirs, as by an app or in imported history.
	By uuid.UUID `json:"by,omitzero"`
	// Untold: the conversation does not tell of it, since the customer had
	// left the merchant by then.
	Untold bool `json:"untold,omitempty"`
}

// Step is what the fact has in common with the others of its order.
func (s *OrderStep) Step() *OrderStep { return s }

func (*OrderStep) secrets() []ownedSecret { return nil }

// OrderFact is a fact of an order's stream.
type OrderFact interface {
	Fact
	Step() *OrderStep
}

// Basket is what is bought, and for how much. All amounts are in minor units
// of the currency, and
// Subtotal + Shipping + Tax - all Adjustments = Total.
type Basket struct {
	// Number is the merchant's own name for the order.
	Number   string      `json:"number"`
	Currency string      `json:"currency"`
	Lines    []OrderLine `json:"lines,omitempty"`
	// Subtotal is the sum of the lines, where there are any.
	Subtotal    Money        `json:"subtotal"`
	Shipping    Money        `json:"shipping,omitempty"`
	Tax         Money        `json:"tax,omitempty"`
	Adjustments []Adjustment `json:"adjustments,omitempty"`
	Total       Money        `json:"total"`
	// Paid is what of the total was paid along with the order.
	Paid          Money  `json:"paid,omitempty"`
	PaymentMethod Secret `json:"paymentMethod,omitzero"`
	// Address is an Address as JSON.
	Address Secret `json:"address,omitzero"`
	// Estimate is when the parcel is expected.
	Estimate time.Time `json:"estimate,omitzero"`
}

// OrderLine is some of one product.
type OrderLine struct {
	Title    string `json:"title"`
	Subtitle string `json:"subtitle,omitempty"`
	SKU      string `json:"sku,omitempty"`
	ImageURL string `json:"imageUrl,omitempty"`
	Quantity int64  `json:"quantity"`
	// Amount is the price of the whole line.
	Amount Money `json:"amount"`
}

// Adjustment takes an amount off the total.
type Adjustment struct {
	Name   string `json:"name"`
	Amount Money  `json:"amount"`
}

// Address is where a parcel goes. Whatever is not known is empty.
type Address struct {
	Name       string `json:"name,omitempty"`
	Street1    string `json:"street1,omitempty"`
	Street2    string `json:"street2,omitempty"`
	City       string `json:"city,omitempty"`
	PostalCode string `json:"postalCode,omitempty"`
	State      string `json:"state,omitempty"`
	// Country is a code of ISO 3166-1, of two letters.
	Country string `json:"country,omitempty"`
}

// OrderOffered begins an order's stream with what a merchant would sell.
type OrderOffered struct {
	OrderStep
	Basket
}

// OfferAccepted is the customer's yes to an offer, which makes it an order.
type OfferAccepted struct{ OrderStep }

// OrderPlaced begins the stream of an order that a customer has given.
type OrderPlaced struct {
	OrderStep
	Basket
}

// OrderPaid is a payment after the order was placed.
type OrderPaid struct {
	OrderStep
	Amount Money  `json:"amount"`
	Method Secret `json:"method,omitzero"`
}

// OrderConfirmed is the merchant's promise to deliver.
type OrderConfirmed struct{ OrderStep }

// OrderInvoiced is the merchant's invoice.
type OrderInvoiced struct{ OrderStep }

// OrderPacked is the merchant's word that the order is being made ready.
type OrderPacked struct{ OrderStep }

// OrderShipped is a parcel handed over to a carrier.
type OrderShipped struct {
	OrderStep
	Carrier        string `json:"carrier,omitempty"`
	TrackingNumber Secret `json:"trackingNumber,omitzero"`
}

// ParcelLocated is where the parcel was.
type ParcelLocated struct {
	OrderStep
	Place Secret `json:"place,omitzero"`
	// Point is latitude and longitude in degrees, as "52.520008,13.404954".
	Point Secret `json:"point,omitzero"`
}

// OrderOutForDelivery is the parcel on its last way.
type OrderOutForDelivery struct{ OrderStep }

// OrderDelivered is the parcel in the customer's hands.
type OrderDelivered struct{ OrderStep }

// OrderDelayed is a new estimate of when the parcel comes.
type OrderDelayed struct {
	OrderStep
	Estimate time.Time `json:"estimate"`
	Reason   Secret    `json:"reason,omitzero"`
}

// CancelCause is why an order was cancelled.
type CancelCause string

const (
	// CancelledByMerchant is for a reason of the merchant's.
	CancelledByMerchant CancelCause = "merchant"
	// CancelledForCustomer is because the customer asked for it.
	CancelledForCustomer CancelCause = "customer"
	// CancelledUnavailable is because what was ordered is not to be had.
	CancelledUnavailable CancelCause = "unavailable"
	// OfferWithdrawn is that of an offer which was never accepted.
	OfferWithdrawn CancelCause = "withdrawn"
)

// OrderCancelled ends an order before it was delivered.
type OrderCancelled struct {
	OrderStep
	Cause  CancelCause `json:"cause"`
	Reason Secret      `json:"reason,omitzero"`
	// Request is the CancellationRequested that is granted, if any.
	Request *uint64 `json:"request,omitempty"`
}

// OrderRefunded gives money back: a part of what was paid, or the rest of it.
type OrderRefunded struct {
	OrderStep
	Amount Money  `json:"amount"`
	Reason Secret `json:"reason,omitzero"`
}

// ownedBy are those values of a customer's that are there.
func ownedBy(owner uuid.UUID, values ...*Secret) []ownedSecret {
	given := make([]ownedSecret, 0, len(values))
	for _, value := range values {
		if value.Plain != "" || value.sealed != nil {
			given = append(given, ownedSecret{owner, value})
		}
	}
	return given
}

func (f *OrderOffered) secrets() []ownedSecret {
	return ownedBy(f.Customer, &f.PaymentMethod, &f.Address)
}
func (f *OrderPlaced) secrets() []ownedSecret {
	return ownedBy(f.Customer, &f.PaymentMethod, &f.Address)
}
func (f *OrderPaid) secrets() []ownedSecret    { return ownedBy(f.Customer, &f.Method) }
func (f *OrderShipped) secrets() []ownedSecret { return ownedBy(f.Customer, &f.TrackingNumber) }
func (f *ParcelLocated) secrets() []ownedSecret {
	return ownedBy(f.Customer, &f.Place, &f.Point)
}
func (f *OrderDelayed) secrets() []ownedSecret   { return ownedBy(f.Customer, &f.Reason) }
func (f *OrderCancelled) secrets() []ownedSecret { return ownedBy(f.Customer, &f.Reason) }
func (f *OrderRefunded) secrets() []ownedSecret  { return ownedBy(f.Customer, &f.Reason) }
