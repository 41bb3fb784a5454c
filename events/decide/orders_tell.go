package decide

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"parley/events"
)

// IsThumbsUp tells whether a text is nothing but the emoji that buys what was
// offered, in any colour of skin.
func IsThumbsUp(text string) bool {
	tone, is := strings.CutPrefix(strings.TrimSpace(text), "👍")
	if !is {
		return false
	}
	tone = strings.TrimSuffix(tone, "\ufe0f")
	r, size := utf8.DecodeRuneInString(tone)
	return tone == "" || r >= 0x1f3fb && r <= 0x1f3ff && size == len(tone)
}

// Tell is the sentence by which a conversation tells of an order's fact, to
// clients that show nothing but texts. It holds no personal values: whoever
// sees the conversation may see the order.
func Tell(o *Order, fact events.OrderFact) string {
	switch f := fact.(type) {
	case *events.OrderPlaced:
		return fmt.Sprintf("Order %s: %s", f.Number, contents(&f.Basket))
	case *events.OrderOffered:
		return fmt.Sprintf("Offer %s: %s A thumbs-up buys it.", f.Number, contents(&f.Basket))
	}
	return fmt.Sprintf("Order %s %s.", o.Number, news(o, fact))
}

// contents are what a basket holds, and for how much.
func contents(b *events.Basket) string {
	total := events.FormatMoney(b.Total, b.Currency)
	switch len(b.Lines) {
	case 0:
		return total + "."
	case 1:
		return fmt.Sprintf("%s, %s.", quantified(b.Lines[0]), total)
	}
	return fmt.Sprintf("%s and %d more, %s.", quantified(b.Lines[0]), len(b.Lines)-1, total)
}

func quantified(line events.OrderLine) string {
	if line.Quantity == 1 {
		return line.Title
	}
	return fmt.Sprintf("%d × %s", line.Quantity, line.Title)
}

func news(o *Order, fact events.OrderFact) string {
	switch f := fact.(type) {
	case *events.OfferAccepted:
		return "was placed: the offer is accepted"
	case *events.OrderPaid:
		return "was paid: " + events.FormatMoney(f.Amount, o.Currency)
	case *events.OrderConfirmed:
		return "is confirmed"
	case *events.OrderInvoiced:
		return "is invoiced"
	case *events.OrderPacked:
		return "is being packed"
	case *events.OrderShipped:
		if f.Carrier != "" {
			return "was shipped with " + f.Carrier
		}
		return "was shipped"
	case *events.ParcelLocated:
		return "is on its way"
	case *events.OrderOutForDelivery:
		return "is out for delivery"
	case *events.OrderDelivered:
		return "was delivered"
	case *events.OrderDelayed:
		return "is delayed until " + f.Estimate.Format("2 January 2006")
	case *events.OrderRefunded:
		return "was refunded: " + events.FormatMoney(f.Amount, o.Currency)
	case *events.OrderCancelled:
		switch f.Cause {
		case events.CancelledUnavailable:
			return "is cancelled: it is not available"
		case events.OfferWithdrawn:
			return "is offered no more"
		}
		return "is cancelled"
	}
	return newsOfRequest(fact)
}

func newsOfRequest(fact events.OrderFact) string {
	switch fact.(type) {
	case *events.CancellationRequested:
		return "is to be cancelled, if the merchant agrees"
	case *events.ChangeRequested:
		return "is to be changed, if the merchant agrees"
	case *events.ReturnRequested:
		return "is to be returned, if the merchant agrees"
	case *events.ChangeAccepted:
		return "is changed as asked"
	case *events.ReturnAccepted:
		return "may be returned"
	case *events.RequestDeclined:
		return "stays as it is: the request was declined"
	case *events.ReturnReceived:
		return "has come back"
	}
	return "has news"
}
