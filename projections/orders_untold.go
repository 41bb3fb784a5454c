package projections

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// untoldTable is what conversations have not yet been told of their orders. It
// holds something for moments only, but for what a server left when it died:
// whoever tells it works this list off.
var untoldTable = views.Table{
	Name:    "untold",
	Columns: "purchase BYTEA NOT NULL, entry BIGINT NOT NULL, recorded BIGINT NOT NULL",
	Key:     "purchase, entry",
}

// Untold is a fact of an order of which its conversation has not heard.
type Untold struct {
	Order uuid.UUID
	Entry uint64
}

// untold is what a batch changes of the table: when each fact was recorded, or
// 0 if it was told. Most facts are told in the batch that brings them, and cost
// the table nothing.
type untold map[Untold]int64

func (u untold) add(event events.Event) {
	switch fact := event.Fact.(type) {
	case *events.MessagePosted:
		if fact.Order == nil {
			return
		}
		told := Untold{fact.Order.Order, fact.Order.Entry}
		if u[told] > 0 {
			delete(u, told)
			return
		}
		u[told] = 0
	case events.OrderFact:
		if step := fact.Step(); !step.Untold {
			u[Untold{step.Order, event.Revision}] = event.Created.UnixMicro()
		}
	}
}

func (u untold) store(ctx context.Context, tx *views.Tx) error {
	for _, news := range slices.SortedFunc(maps.Keys(u), compareUntold) {
		var err error
		if recorded := u[news]; recorded > 0 {
			err = tx.Queue(ctx, `INSERT INTO untold (purchase, entry, recorded) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
				news.Order[:], int64(news.Entry), recorded)
		} else {
			err = tx.Queue(ctx, `DELETE FROM untold WHERE purchase = $1 AND entry = $2`, news.Order[:], int64(news.Entry))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func compareUntold(a, b Untold) int {
	if order := bytes.Compare(a.Order[:], b.Order[:]); order != 0 {
		return order
	}
	return int(a.Entry) - int(b.Entry)
}

// Untold returns what conversations have not been told of their orders, of what
// the log took before a time: at most limit of them, those that come after one.
func (o *Orders) Untold(ctx context.Context, before time.Time, after Untold, limit int) ([]Untold, error) {
	rows, err := o.store.Query(ctx, `SELECT purchase, entry FROM untold WHERE recorded < $1 AND (purchase, entry) > ($2, $3) ORDER BY purchase, entry LIMIT $4`,
		before.UnixMicro(), after.Order[:], int64(after.Entry), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Untold
	for rows.Next() {
		var order []byte
		var entry int64
		if err := rows.Scan(&order, &entry); err != nil {
			return nil, err
		}
		id, err := idFrom(order)
		if err != nil {
			return nil, err
		}
		all = append(all, Untold{id, uint64(entry)})
	}
	return all, rows.Err()
}
