package projections

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// OrderView is an order with its timeline, in the order in which it happened.
type OrderView struct {
	Order
	Timeline []OrderEntry `json:"timeline"`
}

// Get returns an order, or ErrNotFound.
func (o *Orders) Get(ctx context.Context, id uuid.UUID) (OrderView, error) {
	view := OrderView{Timeline: []OrderEntry{}}
	err := o.store.Snapshot(ctx, func(tx *views.Tx) error {
		var body []byte
		err := tx.QueryRow(ctx, `SELECT body FROM orders WHERE id = $1`, []any{id[:]}, &body)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := json.Unmarshal(body, &view.Order); err != nil {
			return fmt.Errorf("an order in the view: %w", err)
		}
		view.Timeline, err = entriesOf(ctx, tx, id)
		return err
	})
	return view, err
}

// entriesOf reads the timeline of an order.
func entriesOf(ctx context.Context, tx *views.Tx, order uuid.UUID) ([]OrderEntry, error) {
	rows, err := tx.Query(ctx, `SELECT body FROM entries WHERE purchase = $1 ORDER BY at, entry`, order[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	entries := []OrderEntry{}
	for rows.Next() {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		var entry OrderEntry
		if err := json.Unmarshal(body, &entry); err != nil {
			return nil, fmt.Errorf("an order's entry in the view: %w", err)
		}
		entries = append(entries, entry)
	}
	return entries, rows.Err()
}

// OrderPage is a page of orders, the newest first.
type OrderPage struct {
	Orders []Order `json:"orders"`
	// Next is the URL path of the following page, or nil on the last one.
	Next *string `json:"next"`
}

// OrderList chooses orders: those of a merchant, of a customer, or of both.
// One that is zero chooses all.
type OrderList struct {
	Merchant, Customer uuid.UUID
	// OnlyOpen leaves out the orders of which nobody has to do anything. It
	// needs Merchant and Customer.
	OnlyOpen bool
	// Number is the merchant's own for the order; empty for all.
	Number string
	// Cursor is empty to begin; Limit is between 1 and MaxPage.
	Cursor string
	Limit  int
}

const (
	ordersOfMerchant = `SELECT id, placed, body FROM orders WHERE merchant = $1 AND (placed, id) < ($2, $3) ORDER BY placed DESC, id DESC LIMIT $4`
	orderOfMerchant  = `SELECT id, placed, body FROM orders WHERE merchant = $1 AND id = $2 AND (placed, id) < ($3, $4) ORDER BY placed DESC, id DESC LIMIT $5`
	ordersOfCustomer = `SELECT id, placed, body FROM orders WHERE customer = $1 AND (placed, id) < ($2, $3) ORDER BY placed DESC, id DESC LIMIT $4`
	ordersOfBoth     = `SELECT id, placed, body FROM orders WHERE merchant = $1 AND customer = $2 AND (placed, id) < ($3, $4) ORDER BY placed DESC, id DESC LIMIT $5`
	openOrdersOfBoth = `SELECT id, placed, body FROM orders WHERE merchant = $1 AND customer = $2 AND is_open = 1 AND (placed, id) < ($3, $4) ORDER BY placed DESC, id DESC LIMIT $5`
)

// ListJSON returns a page of orders as a JSON array, and the cursor of the
// following one if there is one.
//
// Errors: ErrCursor, ErrRange.
func (o *Orders) ListJSON(ctx context.Context, l OrderList) (orders []byte, next string, err error) {
	if l.Limit < 1 || l.Limit > MaxPage {
		return nil, "", fmt.Errorf("%w: a page has 1 to %d orders", ErrRange, MaxPage)
	}
	placed, id, err := parseOrderCursor(l.Cursor)
	if err != nil {
		return nil, "", err
	}
	query, args := l.query()
	rows, err := o.store.Query(ctx, query, append(args, placed, id[:], l.Limit+1)...)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	orders = append(orders, '[')
	for count := 0; rows.Next(); count++ {
		if count == l.Limit {
			return append(orders, ']'), orderCursor(placed, id), nil
		}
		var rowID, body sql.RawBytes
		if err := rows.Scan(&rowID, &placed, &body); err != nil {
			return nil, "", err
		}
		if id, err = idFrom(rowID); err != nil {
			return nil, "", err
		}
		if count > 0 {
			orders = append(orders, ',')
		}
		orders = append(orders, body...)
	}
	return append(orders, ']'), "", rows.Err()
}

func (l OrderList) query() (string, []any) {
	switch {
	case l.OnlyOpen:
		return openOrdersOfBoth, []any{l.Merchant[:], l.Customer[:]}
	case l.Number != "":
		id := events.OrderID(l.Merchant, l.Number)
		return orderOfMerchant, []any{l.Merchant[:], id[:]}
	case l.Customer == uuid.Nil:
		return ordersOfMerchant, []any{l.Merchant[:]}
	case l.Merchant == uuid.Nil:
		return ordersOfCustomer, []any{l.Customer[:]}
	}
	return ordersOfBoth, []any{l.Merchant[:], l.Customer[:]}
}

// A cursor is the place of an order, in base64.
func orderCursor(placed int64, id uuid.UUID) string {
	raw := binary.BigEndian.AppendUint64(nil, uint64(placed))
	return base64.RawURLEncoding.EncodeToString(append(raw, id[:]...))
}

func parseOrderCursor(cursor string) (placed int64, id uuid.UUID, err error) {
	if cursor == "" {
		return math.MaxInt64, uuid.Max, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) != 8+16 {
		return 0, uuid.Nil, ErrCursor
	}
	return int64(binary.BigEndian.Uint64(raw)), uuid.UUID(raw[8:]), nil
}
