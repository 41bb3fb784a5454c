package projections

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"parley/events"
	"parley/projections/views"
)

// Orders is the read model of what was offered and bought.
type Orders struct {
	journal *events.Journal
	store   *views.Store
	folds   folds
	// erased and kept are owned by the engine.
	erased erasures
	kept   *simplelru.LRU[uuid.UUID, *draft] // as they are stored
}

// draftsKept is how many orders are kept as they are stored, for the next batch.
const draftsKept = 4096

func newOrders(journal *events.Journal) *Orders {
	kept, err := simplelru.NewLRU[uuid.UUID, *draft](draftsKept, nil)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &Orders{journal: journal, folds: newFolds(journal), kept: kept}
}

// An order's body is the JSON of an Order, and an entry's that of an
// OrderEntry, both ready to send. An order has changed at the position of the
// last event that its conversation is told of.
var ordersSchema = views.Schema{
	Name:    OrdersName,
	Version: 5,
	Tables: []views.Table{{
		Name: "orders",
		Columns: `id BYTEA NOT NULL,
			merchant BYTEA NOT NULL,
			customer BYTEA NOT NULL,
			status TEXT NOT NULL,
			is_open BIGINT NOT NULL,
			placed BIGINT NOT NULL,
			changed BIGINT NOT NULL,
			body BYTEA NOT NULL`,
		Key:  "id",
		Wide: true,
	}, {
		Name:    "entries",
		Columns: "purchase BYTEA NOT NULL, entry BIGINT NOT NULL, at BIGINT NOT NULL, body BYTEA NOT NULL",
		Key:     "purchase, entry",
	}, spendingTable, untoldTable, erasedTable},
	Indexes: []string{
		`CREATE INDEX IF NOT EXISTS orders_by_merchant ON orders (merchant, placed, id)`,
		`CREATE INDEX IF NOT EXISTS orders_by_customer ON orders (customer, placed, id)`,
		`CREATE INDEX IF NOT EXISTS orders_of_both ON orders (merchant, customer, placed, id)`,
		`CREATE INDEX IF NOT EXISTS orders_open ON orders (merchant, customer, is_open, placed, id)`,
		`CREATE INDEX IF NOT EXISTS orders_by_change ON orders (merchant, changed)`,
	},
}

var orderFacts = kindsOf(
	new(events.OrderOffered), new(events.OfferAccepted), new(events.OrderPlaced), new(events.OrderPaid),
	new(events.OrderConfirmed), new(events.OrderInvoiced), new(events.OrderPacked), new(events.OrderShipped),
	new(events.ParcelLocated), new(events.OrderOutForDelivery), new(events.OrderDelivered), new(events.OrderDelayed),
	new(events.OrderCancelled), new(events.OrderRefunded),
	new(events.CancellationRequested), new(events.ChangeRequested), new(events.ReturnRequested),
	new(events.ChangeAccepted), new(events.ReturnAccepted), new(events.RequestDeclined), new(events.ReturnReceived),
	new(events.MessagePosted), new(events.UserErased),
)

func (o *Orders) schema() views.Schema { return ordersSchema }

func (o *Orders) filter() events.Filter {
	return events.Filter{StreamPrefixes: []string{"order-", "messages-", "user-"}}
}

// prepare passes over messages that tell of no order without decoding them:
// they are most of what a log holds. Of the others, what they say does not
// matter.
func (o *Orders) prepare(ctx context.Context, recorded events.Recorded) (events.Event, bool, error) {
	if recorded.Type == messagePosted {
		if !bytes.Contains(recorded.Data, ofOrder) {
			return events.Event{}, false, nil
		}
		event, err := events.Decode(recorded)
		return event, err == nil, err
	}
	return orderFacts.open(ctx, o.journal, recorded)
}

var ofOrder = []byte(`"order":{`)

// draft is an order that the batch being applied has touched.
type draft struct {
	Order
	// changed is where its conversation was last told of it.
	changed events.Position
	// stored is what the order's row has beside its body, if there is one, and
	// before what the order added to its customer's spending then.
	stored *row
	before spending
}

// row is what an order is found and sorted by.
type row struct {
	status string
	open   bool
	placed time.Time
}

func (d *draft) row() row { return row{d.Status, d.isOpen(), d.PlacedAt} }

// drafts are those that the batch being applied has touched, in the order in
// which it did.
type drafts struct {
	kept  *simplelru.LRU[uuid.UUID, *draft]
	byID  map[uuid.UUID]*draft
	order []*draft
}

func (d *drafts) of(ctx context.Context, tx *views.Tx, id uuid.UUID) (*draft, error) {
	if known := d.byID[id]; known != nil {
		return known, nil
	}
	found, known := d.kept.Get(id)
	if !known {
		var err error
		if found, err = loadDraft(ctx, tx, id); err != nil {
			return nil, err
		}
		d.kept.Add(id, found)
	}
	d.byID[id] = found
	d.order = append(d.order, found)
	return found, nil
}

// save stores them all, so that none is left.
func (d *drafts) save(ctx context.Context, tx *views.Tx) error {
	for _, one := range d.order {
		if err := one.save(ctx, tx); err != nil {
			return err
		}
	}
	clear(d.byID)
	d.order = nil
	return nil
}

// apply writes each order once, however many of its events a batch has.
func (o *Orders) apply(ctx context.Context, tx *views.Tx, items []events.Event) error {
	touched := drafts{kept: o.kept, byID: make(map[uuid.UUID]*draft)}
	news := make(untold)
	for _, event := range items {
		news.add(event)
		var err error
		switch fact := event.Fact.(type) {
		case *events.UserErased:
			if err = touched.save(ctx, tx); err == nil {
				o.kept.Purge()
				err = o.erase(ctx, tx, fact.User, event.Position)
			}
		case events.OrderFact:
			err = o.applyOne(ctx, tx, &touched, event, fact)
		}
		if err != nil {
			return err
		}
	}
	if err := touched.save(ctx, tx); err != nil {
		return err
	}
	return news.store(ctx, tx)
}

// applyOne keeps nothing personal of a customer who is erased, also of what was
// under way then.
func (o *Orders) applyOne(ctx context.Context, tx *views.Tx, touched *drafts, event events.Event, fact events.OrderFact) error {
	customer := fact.Step().Customer
	gone, err := o.erased.has(ctx, tx, customer)
	if err != nil {
		return err
	}
	if gone {
		events.Hush(fact, customer)
	}
	d, err := touched.of(ctx, tx, fact.Step().Order)
	if err != nil {
		return err
	}
	return d.applyOne(ctx, tx, event, fact)
}

func loadDraft(ctx context.Context, tx *views.Tx, id uuid.UUID) (*draft, error) {
	d := new(draft)
	var body []byte
	var changed int64
	err := tx.QueryRow(ctx, `SELECT changed, body FROM orders WHERE id = $1`, []any{id[:]}, &changed, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return d, nil
	}
	if err == nil {
		d.changed = events.Position(changed)
		err = json.Unmarshal(body, &d.Order)
	}
	if err != nil {
		return nil, fmt.Errorf("order %s in the view: %w", id, err)
	}
	stored := d.row()
	d.stored, d.before = &stored, spendingOf(&d.Order)
	return d, nil
}

func (d *draft) applyOne(ctx context.Context, tx *views.Tx, event events.Event, fact events.OrderFact) error {
	if err := d.evolve(event); err != nil {
		return err
	}
	if d.ID == uuid.Nil {
		return fmt.Errorf("order %s was never placed", fact.Step().Order)
	}
	if !fact.Step().Untold {
		d.changed = event.Position
	}
	body, err := json.Marshal(orderEntry(event, fact, &d.Order))
	if err != nil {
		return err
	}
	return tx.Queue(ctx, `INSERT INTO entries (purchase, entry, at, body) VALUES ($1, $2, $3, $4)`,
		d.ID[:], int64(event.Revision), event.Meta.OccurredAt.UnixMicro(), body)
}

func (d *draft) save(ctx context.Context, tx *views.Tx) error {
	body, err := json.Marshal(&d.Order)
	if err != nil {
		return err
	}
	now := d.row()
	if d.stored != nil && *d.stored == now {
		// What an order is found by is left alone, and so are the indexes.
		err = tx.Queue(ctx, `UPDATE orders SET changed = $1, body = $2 WHERE id = $3`, int64(d.changed), body, d.ID[:])
	} else {
		err = d.place(ctx, tx, body)
	}
	if err != nil {
		return err
	}
	after := spendingOf(&d.Order)
	if err := addSpending(ctx, tx, &d.Order, after.less(d.before)); err != nil {
		return err
	}
	d.stored, d.before = &now, after
	return nil
}

// place stores an order anew.
func (d *draft) place(ctx context.Context, tx *views.Tx, body []byte) error {
	isOpen := 0
	if d.isOpen() {
		isOpen = 1
	}
	return tx.Queue(ctx, `INSERT INTO orders (id, merchant, customer, status, is_open, placed, changed, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (id) DO UPDATE SET status = excluded.status, is_open = excluded.is_open, placed = excluded.placed, changed = excluded.changed, body = excluded.body`,
		d.ID[:], d.MerchantID[:], d.CustomerID[:], d.Status, isOpen, d.PlacedAt.UnixMicro(), int64(d.changed), body)
}

func (o *Orders) committed() {}

func (o *Orders) reset() {
	o.erased.reset()
	o.kept.Purge()
}
