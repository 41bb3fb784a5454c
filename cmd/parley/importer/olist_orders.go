package importer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/events"
	"parley/events/decide"
)

// part is what one seller has of a purchase. It is an order of its own.
type part struct {
	number, seller string
	items          []item
	subtotal       events.Money
	freight        events.Money
	total, paid    events.Money
}

// parts divides a purchase by its sellers, in the order of its items. What was
// paid goes to the parts in turn, as far as it reaches.
func (p *purchase) parts() []part {
	paid := p.paid()
	if len(p.items) == 0 {
		return []part{{number: p.number, seller: nobody, total: paid, paid: paid}}
	}
	var parts []part
	for _, item := range p.items {
		at := slices.IndexFunc(parts, func(part part) bool { return part.seller == item.seller })
		if at < 0 {
			at = len(parts)
			parts = append(parts, part{number: p.number, seller: item.seller})
			if at > 0 {
				parts[at].number = fmt.Sprintf("%s-%d", p.number, at+1)
			}
		}
		part := &parts[at]
		part.items = append(part.items, item)
		part.subtotal += item.price
		part.freight += item.freight
	}
	for i := range parts {
		parts[i].total = parts[i].subtotal + parts[i].freight
		parts[i].paid = min(paid, parts[i].total)
		paid -= parts[i].paid
	}
	return parts
}

func (p *purchase) paid() (sum events.Money) {
	for _, payment := range p.payments {
		sum += payment.amount
	}
	return sum
}

// currency is that of all amounts in the data set.
const currency = "BRL"

// checkSum tells of a purchase for which another sum was paid than its items
// and their freight come to. It is kept with the sum of the items.
func (p *purchase) checkSum() error {
	var sum events.Money
	for _, item := range p.items {
		sum += item.price + item.freight
	}
	paid := p.paid()
	if len(p.items) == 0 || sum == paid {
		return nil
	}
	difference := max(sum-paid, paid-sum)
	return fmt.Errorf("%s was paid, but the items and their freight come to %s: a difference of %s",
		events.FormatMoney(paid, currency), events.FormatMoney(sum, currency), events.FormatMoney(difference, currency))
}

// placement is the order that a part becomes.
func (p *purchase) placement(part part, titles map[string]string) decide.Placement {
	return decide.Placement{
		Number: part.number, Currency: currency, Lines: part.lines(titles), Shipping: part.freight, Total: part.total, Paid: &part.paid,
		PaymentMethod: p.method(), Address: &p.address, Estimate: p.estimate, At: p.placed,
	}
}

// lines puts together what is of one product and price.
func (part part) lines(titles map[string]string) []decide.Line {
	var lines []decide.Line
	for _, item := range part.items {
		same := slices.IndexFunc(lines, func(l decide.Line) bool { return l.SKU == item.product && *l.UnitPrice == item.price })
		if same >= 0 {
			lines[same].Quantity++
			continue
		}
		title := cmp.Or(titles[item.product], "product")
		lines = append(lines, decide.Line{Title: title, SKU: item.product, Quantity: 1, UnitPrice: &item.price})
	}
	return lines
}

// method tells how a purchase was paid.
func (p *purchase) method() string {
	var methods []string
	for _, payment := range p.payments {
		method := strings.ReplaceAll(payment.method, "_", " ")
		if payment.instalments > 1 {
			method = fmt.Sprintf("%s in %d instalments", method, payment.instalments)
		}
		if !slices.Contains(methods, method) {
			methods = append(methods, method)
		}
	}
	return strings.Join(methods, ", ")
}

// The statuses that the data set knows.
const (
	statusCreated     = "created"
	statusApproved    = "approved"
	statusInvoiced    = "invoiced"
	statusProcessing  = "processing"
	statusShipped     = "shipped"
	statusDelivered   = "delivered"
	statusCanceled    = "canceled"
	statusUnavailable = "unavailable"
)

// updates are what followed, in the order of an order's stages, whatever their
// times. A status that has no time of its own in the files is reached at the
// last time they have. What ended an order comes before its delivery, which
// cannot be true along with it.
func (p *purchase) updates() (updates []decide.Update, refused []error) {
	last := p.placed
	step := func(kind decide.UpdateType, at time.Time) {
		if !at.IsZero() {
			updates = append(updates, decide.Update{Type: kind, At: at})
			last = later(last, at)
		}
	}
	step(decide.UpdateConfirmed, p.approved)
	switch p.status {
	case statusInvoiced:
		step(decide.UpdateInvoiced, last)
	case statusProcessing:
		step(decide.UpdatePacked, last)
	}
	step(decide.UpdateShipped, p.shipped)
	switch p.status {
	case statusCanceled, statusUnavailable:
		cause := events.CancelledByMerchant
		if p.status == statusUnavailable {
			cause = events.CancelledUnavailable
		}
		updates = append(updates, decide.Update{Type: decide.UpdateCancelled, At: last, Cause: cause})
	case statusCreated, statusApproved, statusInvoiced, statusProcessing, statusShipped, statusDelivered:
	default:
		refused = append(refused, fmt.Errorf("%q is no status that is known", p.status))
	}
	step(decide.UpdateDelivered, p.delivered)
	return updates, append(refused, p.timeless()...)
}

// timeless are the steps that the status says were taken, and that have no
// time.
func (p *purchase) timeless() (refused []error) {
	for _, step := range []struct {
		at       time.Time
		name     string
		statuses []string
	}{
		{p.approved, "approved", []string{statusApproved, statusInvoiced, statusProcessing, statusShipped, statusDelivered}},
		{p.shipped, "shipped", []string{statusShipped, statusDelivered}},
		{p.delivered, "delivered", []string{statusDelivered}},
	} {
		if step.at.IsZero() && slices.Contains(step.statuses, p.status) {
			refused = append(refused, fmt.Errorf("the status is %q, but there is no time at which it was %s", p.status, step.name))
		}
	}
	return refused
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
