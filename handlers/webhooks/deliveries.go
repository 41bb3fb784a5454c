package webhooks

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/projections/views"
)

// row is a delivery that waits.
type row struct {
	app      uuid.UUID
	number   int64
	lane     uuid.UUID
	merchant uuid.UUID // zero if the page is the app's own
	stream   string
	revision uint64
	event    uuid.UUID
	field    events.WebhookField
	standby  bool
	// replayed is the number of the delivery that this one repeats, or 0.
	replayed int64
	queued   int64
	attempts int64
	first    int64
}

func (r *row) page() commands.Page { return commands.Page{App: r.app, Merchant: r.merchant} }

func rowOf(event events.Event, n notice) *row {
	return &row{
		app: n.page.App, lane: n.lane, merchant: n.page.Merchant, stream: event.Stream, revision: event.Revision,
		event: event.ID, field: n.field, standby: n.inStandby(),
	}
}

// queueing is what one transaction queues.
type queueing struct {
	tx *views.Tx
	// next are the next numbers of apps, which finish stores.
	next map[uuid.UUID]int64
}

func newQueueing(tx *views.Tx) *queueing {
	return &queueing{tx: tx, next: make(map[uuid.UUID]int64)}
}

// number takes an app's next number.
func (q *queueing) number(ctx context.Context, app uuid.UUID) (int64, error) {
	next, known := q.next[app]
	if !known {
		var err error
		if next, err = number(ctx, q.tx, `SELECT next FROM endpoints WHERE app = $1`, app[:]); err != nil {
			return 0, err
		}
	}
	q.next[app] = next + 1
	return next, nil
}

// finish is to be called once all is queued.
func (q *queueing) finish(ctx context.Context) error {
	for app, next := range q.next {
		if err := q.tx.Queue(ctx, `UPDATE endpoints SET next = $1 WHERE app = $2`, next, app[:]); err != nil {
			return err
		}
	}
	return nil
}

// add queues a row under the app's next number, behind what waits of its
// conversation.
func (q *queueing) add(ctx context.Context, r *row) (err error) {
	if r.number, err = q.number(ctx, r.app); err != nil {
		return err
	}
	standby := 0
	if r.standby {
		standby = 1
	}
	err = q.tx.Queue(ctx, `INSERT INTO deliveries (app, number, conversation, merchant, stream, revision, event, field, standby, replayed, queued_at, state, attempts, first_at, tried_at, took, status, answer)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'waiting', 0, 0, 0, 0, 0, '')`,
		r.app[:], r.number, r.lane[:], r.merchant[:], r.stream, int64(r.revision), r.event[:], string(r.field), standby, r.replayed, r.queued)
	if err != nil {
		return err
	}
	return q.tx.Queue(ctx, `INSERT INTO lanes (app, conversation, due_at, failures) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING`,
		r.app[:], r.lane[:], r.queued)
}

const rowColumns = `app, number, conversation, merchant, stream, revision, event, field, standby, replayed, queued_at, attempts, first_at`

func scanRow(rows *views.Rows) (*row, error) {
	r := new(row)
	var app, lane, merchant, event []byte
	var field string
	var revision, standby int64
	err := rows.Scan(&app, &r.number, &lane, &merchant, &r.stream, &revision, &event, &field, &standby, &r.replayed, &r.queued, &r.attempts, &r.first)
	if err != nil {
		return nil, err
	}
	r.app, r.lane, r.merchant, r.event = uuid.UUID(app), uuid.UUID(lane), uuid.UUID(merchant), uuid.UUID(event)
	r.revision, r.field, r.standby = uint64(revision), events.WebhookField(field), standby != 0
	return r, nil
}

// lane is a conversation of which something is to be delivered.
type lane struct {
	conversation uuid.UUID
	due          int64
	failures     int64
}

func scanLane(rows *views.Rows) (l lane, err error) {
	var conversation []byte
	err = rows.Scan(&conversation, &l.due, &l.failures)
	if err == nil {
		l.conversation, err = idFrom(conversation)
	}
	return l, err
}

// nextLanes are an app's lanes, the one that is due first first.
func nextLanes(ctx context.Context, q querier, app uuid.UUID, limit int) ([]lane, error) {
	return all(ctx, q, scanLane, `SELECT conversation, due_at, failures FROM lanes WHERE app = $1 ORDER BY due_at, conversation LIMIT $2`, app[:], limit)
}

// rowsTogether bounds how many deliveries of a lane are made before their
// outcomes are stored.
const rowsTogether = 16

// nextRows are the first that wait in a lane.
func nextRows(ctx context.Context, q querier, app, conversation uuid.UUID) ([]*row, error) {
	return all(ctx, q, scanRow, `SELECT `+rowColumns+` FROM deliveries
		WHERE app = $1 AND conversation = $2 AND state = 'waiting' ORDER BY number LIMIT $3`, app[:], conversation[:], rowsTogether)
}

// outcome is what became of an attempt.
type outcome struct {
	row    *row
	at     int64
	took   int64
	status int    // of the answer, or 0 without one
	answer string // its first bytes, or why there is none
	taken  bool
	// void: there is nothing to be delivered any more.
	void bool
}

// record stores the outcomes of a lane's attempts, of which at most the last
// one failed. The lane goes on at due.
func record(ctx context.Context, tx *views.Tx, app, conversation uuid.UUID, outcomes []outcome, due, failures int64, giveUp bool) error {
	var succeeded int64
	for _, o := range outcomes {
		state := waiting
		switch {
		case o.void:
			state = dropped
		case o.taken:
			state, succeeded = delivered, o.at
		case giveUp:
			state = failed
		}
		first := o.row.first
		if first == 0 {
			first = o.at
		}
		err := tx.Queue(ctx, `UPDATE deliveries SET state = $1, attempts = attempts + 1, first_at = $2, tried_at = $3, took = $4, status = $5, answer = $6
			WHERE app = $7 AND number = $8 AND state = 'waiting'`,
			state, first, o.at, o.took, o.status, o.answer, app[:], o.row.number)
		if err != nil {
			return err
		}
	}
	if succeeded > 0 {
		if err := tx.Queue(ctx, `UPDATE endpoints SET succeeded_at = $1 WHERE app = $2`, succeeded, app[:]); err != nil {
			return err
		}
	}
	err := tx.Queue(ctx, `UPDATE lanes SET due_at = $1, failures = $2 WHERE app = $3 AND conversation = $4`, due, failures, app[:], conversation[:])
	if err != nil {
		return err
	}
	return tx.Queue(ctx, `DELETE FROM lanes WHERE app = $1 AND conversation = $2 AND NOT EXISTS
		(SELECT 1 FROM deliveries WHERE app = $3 AND conversation = $4 AND state = 'waiting')`, app[:], conversation[:], app[:], conversation[:])
}
