package projections

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections/views"
)

// erase takes all that is personal of a customer out of their orders, which are
// stored. What is left is what a rebuild makes when their key is destroyed.
func (o *Orders) erase(ctx context.Context, tx *views.Tx, person uuid.UUID, at events.Position) error {
	if first, err := o.erased.add(ctx, tx, person, at); !first || err != nil {
		return err
	}
	orders, err := idsOf(tx.Query(ctx, `SELECT id FROM orders WHERE customer = $1 ORDER BY id`, person[:]))
	if err != nil {
		return err
	}
	for _, id := range orders {
		d, err := loadDraft(ctx, tx, id)
		if err != nil {
			return err
		}
		d.hush()
		if err := d.save(ctx, tx); err != nil {
			return err
		}
		if err := hushEntries(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}

// hush empties what is the customer's own.
func (o *Order) hush() {
	o.PaymentMethod, o.Address, o.TrackingNumber = "", nil, ""
	if o.Location != nil {
		o.Location = &OrderLocation{At: o.Location.At}
	}
	for i := range o.Requests {
		r := &o.Requests[i]
		r.Note, r.Address, r.Variant, r.Answer = "", nil, "", ""
		if r.Type == decide.WantsChange && r.State == requestAccepted {
			o.change(r.Number)
		}
	}
}

// hushEntries empties the timeline of an order.
func hushEntries(ctx context.Context, tx *views.Tx, order uuid.UUID) error {
	entries, err := entriesOf(ctx, tx, order)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		entry.TrackingNumber, entry.Place, entry.Latitude, entry.Longitude, entry.Note = "", "", nil, nil, ""
		body, err := json.Marshal(entry)
		if err != nil {
			return err
		}
		if err := tx.Queue(ctx, `UPDATE entries SET body = $1 WHERE purchase = $2 AND entry = $3`, body, order[:], int64(entry.Number)); err != nil {
			return fmt.Errorf("the timeline of order %s: %w", order, err)
		}
	}
	return nil
}
