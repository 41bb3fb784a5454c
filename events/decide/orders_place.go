package decide

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// Bounds of what one order holds.
const (
	maxOrderNumber = 64
	maxLines       = 500
	maxQuantity    = 1_000_000
	maxAdjustments = 50
	maxProduct     = 200
	maxURL         = 2_048
	maxMethod      = 100
	maxAddressLine = 200
	// maxAmount bounds one amount, in minor units. The sum of any order is
	// far below what a double holds exactly, as clients may read it.
	maxAmount events.Money = 1_000_000_000_000
)

// Line is some of one product, as somebody wants to sell it.
type Line struct {
	Title, Subtitle, SKU, ImageURL string
	Quantity                       int64
	// UnitPrice is the price of each, and Amount that of them all. One of them
	// is enough.
	UnitPrice, Amount *events.Money
}

// Placement is the intent to give or to offer an order. What it says of its
// sums must add up.
type Placement struct {
	Order, Merchant, Customer uuid.UUID
	// By is the agent, or zero for the merchant itself.
	By          uuid.UUID
	Number      string
	Currency    string
	Lines       []Line
	Subtotal    *events.Money
	Shipping    events.Money
	Tax         events.Money
	Adjustments []events.Adjustment
	Total       events.Money
	// Paid is all of the total if it is nil; an offer is not paid.
	Paid          *events.Money
	PaymentMethod string
	Address       *events.Address
	Estimate      time.Time
	// At is when it is placed and Now when that is told.
	At, Now time.Time
	Untold  bool
}

// Place gives an order. That the customer has opted in is the merchant's
// Serve to say.
func Place(o *Order, p Placement) ([]events.Fact, error) {
	basket, err := p.basket()
	if err != nil {
		return nil, err
	}
	paid := p.Total
	if p.Paid != nil {
		paid = *p.Paid
	}
	if paid < 0 || paid > p.Total {
		return nil, refuse(Invalid, "paid", "must be between 0 and the total of %s", events.FormatMoney(p.Total, p.Currency))
	}
	basket.Paid = paid
	if o.Exists() {
		return nil, numberTaken(p.Number)
	}
	return []events.Fact{&events.OrderPlaced{OrderStep: p.step(), Basket: basket}}, nil
}

// Offer lets a customer have something, who buys it by AcceptOffer.
func Offer(o *Order, p Placement) ([]events.Fact, error) {
	basket, err := p.basket()
	if err != nil {
		return nil, err
	}
	if p.Paid != nil {
		return nil, refuse(Invalid, "paid", "an offer is not paid yet")
	}
	if o.Exists() {
		return nil, numberTaken(p.Number)
	}
	return []events.Fact{&events.OrderOffered{OrderStep: p.step(), Basket: basket}}, nil
}

func numberTaken(number string) error {
	return refuse(Taken, "number", "this merchant has an order %q already", number)
}

func (p Placement) step() events.OrderStep {
	return events.OrderStep{Order: p.Order, Merchant: p.Merchant, Customer: p.Customer, By: p.By, Untold: p.Untold}
}

// basket checks what is bought, and its sums.
func (p Placement) basket() (events.Basket, error) {
	b := events.Basket{
		Number: p.Number, Currency: p.Currency, Shipping: p.Shipping, Tax: p.Tax,
		Adjustments: p.Adjustments, Total: p.Total, PaymentMethod: events.Private(p.PaymentMethod), Estimate: p.Estimate.UTC(),
	}
	if p.Estimate.IsZero() {
		b.Estimate = time.Time{}
	}
	if err := checkLine("number", p.Number, 1, maxOrderNumber); err != nil {
		return b, err
	}
	if p.At.After(p.Now.Add(clockSkew)) {
		return b, refuse(Invalid, "placedAt", "lies in the future")
	}
	if _, known := events.Exponent(p.Currency); !known {
		return b, refuse(Invalid, "currency", "%q is no currency of ISO 4217, such as EUR", p.Currency)
	}
	if err := checkLine("paymentMethod", p.PaymentMethod, 0, maxMethod); err != nil {
		return b, err
	}
	var err error
	if b.Address, err = sealedAddress(p.Address); err != nil {
		return b, err
	}
	if err := p.checkAmounts(); err != nil {
		return b, err
	}
	if b.Lines, err = p.lines(); err != nil {
		return b, err
	}
	b.Subtotal, err = p.sum(b.Lines)
	return b, err
}

func (p Placement) checkAmounts() error {
	if err := checkAmount("shipping", p.Shipping); err != nil {
		return err
	}
	if err := checkAmount("tax", p.Tax); err != nil {
		return err
	}
	if len(p.Adjustments) > maxAdjustments {
		return refuse(Invalid, "adjustments", "must be at most %d", maxAdjustments)
	}
	for i, adjustment := range p.Adjustments {
		if err := checkAmount(fmt.Sprintf("adjustments[%d].amount", i), adjustment.Amount); err != nil {
			return err
		}
		if err := checkLine(fmt.Sprintf("adjustments[%d].name", i), adjustment.Name, 0, maxProduct); err != nil {
			return err
		}
	}
	return checkAmount("total", p.Total)
}

func checkAmount(field string, amount events.Money) error {
	switch {
	case amount < 0:
		return refuse(Invalid, field, "must not be negative")
	case amount > maxAmount:
		return refuse(Invalid, field, "must be at most %d minor units", maxAmount)
	}
	return nil
}

func (p Placement) lines() ([]events.OrderLine, error) {
	if len(p.Lines) > maxLines {
		return nil, refuse(Invalid, "lines", "must be at most %d", maxLines)
	}
	var lines []events.OrderLine
	for i, line := range p.Lines {
		checked, err := line.check(fmt.Sprintf("lines[%d]", i), p.Currency)
		if err != nil {
			return nil, err
		}
		lines = append(lines, checked)
	}
	return lines, nil
}

func (l Line) check(field, currency string) (line events.OrderLine, err error) {
	if err := checkLine(field+".title", l.Title, 1, maxProduct); err != nil {
		return line, err
	}
	if err := checkLine(field+".subtitle", l.Subtitle, 0, maxProduct); err != nil {
		return line, err
	}
	if err := checkLine(field+".sku", l.SKU, 0, maxProduct); err != nil {
		return line, err
	}
	if err := checkURL(field+".imageUrl", l.ImageURL); err != nil {
		return line, err
	}
	if l.Quantity < 1 || l.Quantity > maxQuantity {
		return line, refuse(Invalid, field+".quantity", "must be between 1 and %d", maxQuantity)
	}
	amount, err := l.amount(field, currency)
	return events.OrderLine{
		Title: l.Title, Subtitle: l.Subtitle, SKU: l.SKU, ImageURL: l.ImageURL, Quantity: l.Quantity, Amount: amount,
	}, err
}

// amount is the price of the whole line.
func (l Line) amount(field, currency string) (events.Money, error) {
	if l.UnitPrice == nil && l.Amount == nil {
		return 0, refuse(Invalid, field+".unitPrice", "is required, or the amount of the whole line")
	}
	if l.Amount != nil {
		if err := checkAmount(field+".amount", *l.Amount); err != nil {
			return 0, err
		}
	}
	if l.UnitPrice == nil {
		return *l.Amount, nil
	}
	if err := checkAmount(field+".unitPrice", *l.UnitPrice); err != nil {
		return 0, err
	}
	amount := *l.UnitPrice * l.Quantity // both are bounded so that it fits
	if err := checkAmount(field+".unitPrice", amount); err != nil {
		return 0, refuse(Invalid, field+".unitPrice", "times the quantity must be at most %d minor units", maxAmount)
	}
	if l.Amount != nil && *l.Amount != amount {
		return 0, doesNotAddUp(field+".amount", *l.Amount, amount, currency, "quantity times unit price is")
	}
	return amount, nil
}

// sum is the subtotal, if everything adds up.
func (p Placement) sum(lines []events.OrderLine) (events.Money, error) {
	var adjusted, subtotal events.Money
	for _, adjustment := range p.Adjustments {
		adjusted += adjustment.Amount
	}
	for _, line := range lines {
		subtotal += line.Amount
	}
	switch {
	case len(lines) > 0 && p.Subtotal != nil && *p.Subtotal != subtotal:
		return 0, doesNotAddUp("subtotal", *p.Subtotal, subtotal, p.Currency, "the lines come to")
	case len(lines) == 0 && p.Subtotal != nil:
		subtotal = *p.Subtotal
	case len(lines) == 0:
		subtotal = p.Total - p.Shipping - p.Tax + adjusted
	}
	if err := checkAmount("subtotal", min(subtotal, maxAmount)); err != nil {
		return 0, err
	}
	if sum := subtotal + p.Shipping + p.Tax - adjusted; sum != p.Total {
		return 0, doesNotAddUp("total", p.Total, sum, p.Currency, "subtotal, shipping and tax less the adjustments come to")
	}
	return subtotal, nil
}

func doesNotAddUp(field string, said, sum events.Money, currency, what string) error {
	difference := said - sum
	if difference < 0 {
		difference = -difference
	}
	return refuse(Invalid, field, "is %s, but %s %s: a difference of %s",
		events.FormatMoney(said, currency), what, events.FormatMoney(sum, currency), events.FormatMoney(difference, currency))
}

// sealedAddress checks an address and makes the value that facts keep.
func sealedAddress(a *events.Address) (events.Secret, error) {
	if a == nil || *a == (events.Address{}) {
		return events.Secret{}, nil
	}
	for _, part := range []struct{ name, value string }{
		{"name", a.Name}, {"street1", a.Street1}, {"street2", a.Street2}, {"city", a.City}, {"postalCode", a.PostalCode}, {"state", a.State},
	} {
		if err := checkLine("address."+part.name, part.value, 0, maxAddressLine); err != nil {
			return events.Secret{}, err
		}
	}
	if a.Country != "" && (len(a.Country) != 2 || strings.Trim(a.Country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		return events.Secret{}, refuse(Invalid, "address.country", "must be a code of ISO 3166-1 with two capital letters, such as BR")
	}
	text, err := json.Marshal(a)
	return events.Private(string(text)), err
}

func checkURL(field, text string) error {
	if text == "" {
		return nil
	}
	if err := checkLine(field, text, 0, maxURL); err != nil {
		return err
	}
	if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return refuse(Invalid, field, "must be an http or https URL")
	}
	return nil
}
