package messenger

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// maxReceiptLines bounds how many elements a receipt has.
const maxReceiptLines = 100

// receipt is a receipt template, read. It gives an order.
type receipt struct{ decide.Placement }

// receiptBody is a receipt on the wire. Amounts come as numbers or texts.
type receiptBody struct {
	RecipientName string   `json:"recipient_name"`
	OrderNumber   flexText `json:"order_number"`
	Currency      string   `json:"currency"`
	PaymentMethod string   `json:"payment_method"`
	Timestamp     flexText `json:"timestamp"`
	Elements      []struct {
		Title    flexText `json:"title"`
		Subtitle flexText `json:"subtitle"`
		Quantity flexText `json:"quantity"`
		Price    flexText `json:"price"`
		ImageURL string   `json:"image_url"`
	} `json:"elements"`
	Address *struct {
		Street1    flexText `json:"street_1"`
		Street2    flexText `json:"street_2"`
		City       flexText `json:"city"`
		PostalCode flexText `json:"postal_code"`
		State      flexText `json:"state"`
		Country    flexText `json:"country"`
	} `json:"address"`
	Summary *struct {
		Subtotal *flexText `json:"subtotal"`
		Shipping flexText  `json:"shipping_cost"`
		Tax      flexText  `json:"total_tax"`
		Total    flexText  `json:"total_cost"`
	} `json:"summary"`
	Adjustments []struct {
		Name   flexText `json:"name"`
		Amount flexText `json:"amount"`
	} `json:"adjustments"`
}

func readReceipt(payload json.RawMessage) (*receipt, error) {
	var body receiptBody
	if err := json.Unmarshal(payload, &body); err != nil {
		return nil, misread(payloadParam, err)
	}
	for _, field := range []struct{ name, value string }{
		{"recipient_name", body.RecipientName}, {"order_number", string(body.OrderNumber)}, {"currency", body.Currency}, {"payment_method", body.PaymentMethod},
	} {
		if strings.TrimSpace(field.value) == "" {
			return nil, invalid(payloadParam+"."+field.name, "is required")
		}
	}
	if body.Summary == nil || body.Summary.Total == "" {
		return nil, invalid(payloadParam+".summary.total_cost", "is required")
	}
	if len(body.Elements) > maxReceiptLines {
		return nil, invalid(payloadParam+".elements", "must be at most %d", maxReceiptLines)
	}
	if _, known := events.Exponent(body.Currency); !known {
		return nil, invalid(payloadParam+".currency", "must be a currency of ISO 4217, such as EUR")
	}
	r := &receipt{decide.Placement{Number: string(body.OrderNumber), Currency: body.Currency, PaymentMethod: body.PaymentMethod}}
	for _, read := range []func(*receiptBody) error{r.readSummary, r.readLines, r.readAdjustments, r.readTime} {
		if err := read(&body); err != nil {
			return nil, err
		}
	}
	r.Address = body.address()
	return r, nil
}

func (b *receiptBody) address() *events.Address {
	if b.Address == nil {
		return &events.Address{Name: b.RecipientName}
	}
	return &events.Address{
		Name: b.RecipientName, Street1: string(b.Address.Street1), Street2: string(b.Address.Street2), City: string(b.Address.City),
		PostalCode: string(b.Address.PostalCode), State: string(b.Address.State), Country: string(b.Address.Country),
	}
}

func (r *receipt) readSummary(body *receiptBody) (err error) {
	s := body.Summary
	if r.Total, err = r.amount("summary.total_cost", s.Total); err != nil {
		return err
	}
	if r.Shipping, err = r.amount("summary.shipping_cost", s.Shipping); err != nil {
		return err
	}
	if r.Tax, err = r.amount("summary.total_tax", s.Tax); err != nil {
		return err
	}
	if s.Subtotal == nil || *s.Subtotal == "" {
		return nil
	}
	subtotal, err := r.amount("summary.subtotal", *s.Subtotal)
	r.Subtotal = &subtotal
	return err
}

// readLines takes a price for that of the whole line, as the platform's own
// example does, unless it is those of single pieces that come to the subtotal.
func (r *receipt) readLines(body *receiptBody) error {
	var whole, pieces events.Money
	for i, element := range body.Elements {
		param := at("elements", i)
		line := decide.Line{Title: string(element.Title), Subtitle: string(element.Subtitle), ImageURL: element.ImageURL, Quantity: 1}
		if element.Quantity != "" {
			quantity, err := strconv.ParseInt(string(element.Quantity), 10, 32)
			if err != nil || quantity < 1 {
				return invalid(payloadParam+"."+param+".quantity", "must be a whole number from 1 on")
			}
			line.Quantity = quantity
		}
		price, err := r.amount(param+".price", element.Price)
		if err != nil {
			return err
		}
		line.Amount = &price
		whole, pieces = whole+price, pieces+price*line.Quantity
		r.Lines = append(r.Lines, line)
	}
	if r.Subtotal == nil || whole == *r.Subtotal || pieces != *r.Subtotal {
		return nil
	}
	for i := range r.Lines {
		r.Lines[i].UnitPrice, r.Lines[i].Amount = r.Lines[i].Amount, nil
	}
	return nil
}

// readAdjustments takes what is taken off with or without a minus, as both
// are seen.
func (r *receipt) readAdjustments(body *receiptBody) error {
	for i, adjustment := range body.Adjustments {
		amount, err := r.amount(at("adjustments", i)+".amount", flexText(strings.TrimPrefix(string(adjustment.Amount), "-")))
		if err != nil {
			return err
		}
		r.Adjustments = append(r.Adjustments, events.Adjustment{Name: string(adjustment.Name), Amount: amount})
	}
	return nil
}

// readTime reads seconds since 1970.
func (r *receipt) readTime(body *receiptBody) error {
	if body.Timestamp == "" {
		return nil
	}
	seconds, err := strconv.ParseInt(string(body.Timestamp), 10, 64)
	if err != nil || seconds <= 0 || seconds > 1<<40 {
		return invalid(payloadParam+".timestamp", "must be seconds since 1970")
	}
	r.At = time.Unix(seconds, 0).UTC()
	return nil
}

// amount reads an amount in the currency's main unit, exactly. None is 0.
func (r *receipt) amount(param string, text flexText) (events.Money, error) {
	exponent, _ := events.Exponent(r.Currency)
	amount, ok := minorUnits(string(text), exponent)
	if !ok {
		return 0, invalid(payloadParam+"."+param, "must be an amount of %s with at most %d decimals", r.Currency, exponent)
	}
	return amount, nil
}

// maxDigits keeps amounts, and their sums, far below what overflows.
const maxDigits = 13

func minorUnits(text string, exponent int) (events.Money, bool) {
	if text == "" {
		return 0, true
	}
	whole, decimals, _ := strings.Cut(text, ".")
	decimals = strings.TrimRight(decimals, "0")
	if len(decimals) > exponent || whole == "" || len(whole) > maxDigits {
		return 0, false
	}
	digits := whole + decimals + strings.Repeat("0", exponent-len(decimals))
	if strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	amount, err := strconv.ParseInt(digits, 10, 64)
	return amount, err == nil
}

// placeOrder gives the order that a receipt tells of, in the merchant's name,
// and answers with the message that the customer sees.
func (a *API) placeOrder(ctx context.Context, c *call, person Person, r *receipt) (mid string, err error) {
	if c.page.Merchant == uuid.Nil {
		return "", invalid(payloadParam+".template_type", "receipt is for the pages of merchants")
	}
	p := r.Placement
	p.Merchant, p.Customer = c.page.Merchant, person.User
	told, err := a.Commands.PlaceOrder(ctx, c.cause, p)
	if err != nil {
		return "", inReceipt(err)
	}
	if len(told.Messages) == 0 {
		return "", fmt.Errorf("%w: the order was placed, and its message comes later", events.ErrUnavailable)
	}
	return MID(person.Conversation, told.Messages[0].Revision), nil
}

// receiptFields are the platform's names of what an order's rules speak of.
var receiptFields = map[string]string{
	"number": "order_number", "currency": "currency", "paymentMethod": "payment_method", "placedAt": "timestamp",
	"subtotal": "summary.subtotal", "total": "summary.total_cost", "shipping": "summary.shipping_cost", "tax": "summary.total_tax",
}

// inReceipt names fields in a refusal as the platform does.
func inReceipt(err error) error {
	var refusal *decide.Refusal
	if !asRefusal(err, &refusal) || refusal.Field == "" {
		return err
	}
	field := refusal.Field
	if name, known := receiptFields[field]; known {
		field = name
	}
	field = strings.Replace(field, "lines[", "elements[", 1)
	return decide.At(payloadParam+"."+field, err)
}
