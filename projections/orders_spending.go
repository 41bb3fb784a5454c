package projections

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// spendingTable counts a customer's orders with a merchant, so that a card of
// thousands of orders costs what one of ten does.
var spendingTable = views.Table{
	Name: "spending",
	Columns: `merchant BYTEA NOT NULL,
		customer BYTEA NOT NULL,
		currency TEXT NOT NULL,
		orders BIGINT NOT NULL,
		open_orders BIGINT NOT NULL,
		cancelled BIGINT NOT NULL,
		paid BIGINT NOT NULL,
		refunded BIGINT NOT NULL`,
	Key: "merchant, customer, currency",
}

// spending is what orders in one currency come to.
type spending struct {
	orders, open, cancelled int64
	paid, refunded          events.Money
}

// spendingOf is what one order adds. Offers add nothing until they are
// accepted, but that they are open.
func spendingOf(o *Order) spending {
	var s spending
	if o.isOpen() {
		s.open = 1
	}
	if !o.bought() {
		return s
	}
	s.orders, s.paid, s.refunded = 1, o.Paid, o.Refunded
	if o.Status == orderCancelled {
		s.cancelled = 1
	}
	return s
}

func (s spending) less(before spending) spending {
	return spending{
		orders: s.orders - before.orders, open: s.open - before.open, cancelled: s.cancelled - before.cancelled,
		paid: s.paid - before.paid, refunded: s.refunded - before.refunded,
	}
}

func addSpending(ctx context.Context, tx *views.Tx, o *Order, more spending) error {
	if more == (spending{}) {
		return nil
	}
	return tx.Queue(ctx, `INSERT INTO spending (merchant, customer, currency, orders, open_orders, cancelled, paid, refunded)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (merchant, customer, currency) DO UPDATE SET orders = spending.orders + excluded.orders,
		open_orders = spending.open_orders + excluded.open_orders, cancelled = spending.cancelled + excluded.cancelled,
		paid = spending.paid + excluded.paid, refunded = spending.refunded + excluded.refunded`,
		o.MerchantID[:], o.CustomerID[:], o.Currency, more.orders, more.open, more.cancelled, more.paid, more.refunded)
}

// Spending is what a customer bought from a merchant in one currency. Amounts
// are in its minor units.
type Spending struct {
	Currency string `json:"currency"`
	Exponent int    `json:"exponent"`
	// Spent is what was paid less what was refunded.
	Spent    events.Money `json:"spent"`
	Paid     events.Money `json:"paid"`
	Refunded events.Money `json:"refunded"`
	// Orders counts what was bought, cancelled orders included.
	Orders    int64 `json:"orders"`
	Open      int64 `json:"open"`
	Cancelled int64 `json:"cancelled"`
}

// Spending returns what a customer bought from a merchant, by currency.
func (o *Orders) Spending(ctx context.Context, merchant, customer uuid.UUID) ([]Spending, error) {
	rows, err := o.store.Query(ctx, `SELECT currency, orders, open_orders, cancelled, paid, refunded FROM spending
		WHERE merchant = $1 AND customer = $2 ORDER BY currency`, merchant[:], customer[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []Spending{}
	for rows.Next() {
		var s Spending
		if err := rows.Scan(&s.Currency, &s.Orders, &s.Open, &s.Cancelled, &s.Paid, &s.Refunded); err != nil {
			return nil, err
		}
		s.Exponent, _ = events.Exponent(s.Currency)
		s.Spent = s.Paid - s.Refunded
		all = append(all, s)
	}
	return all, rows.Err()
}
