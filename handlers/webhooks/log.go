package webhooks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// Delivery is one row of the delivery log.
type Delivery struct {
	// Number counts an app's deliveries from 1.
	Number  int64     `json:"number"`
	EventID uuid.UUID `json:"eventId"`
	// PageID is what the app speaks as there: itself, or a merchant.
	PageID uuid.UUID `json:"pageId"`
	// ConversationID is where deliveries keep their order.
	ConversationID uuid.UUID           `json:"conversationId"`
	Field          events.WebhookField `json:"field"`
	Standby        bool                `json:"standby"`
	State          string              `json:"state" enum:"waiting,delivered,failed,dropped"`
	Attempts       int64               `json:"attempts"`
	QueuedAt       time.Time           `json:"queuedAt"`
	// TriedAt is when it was tried last, or null.
	TriedAt *time.Time `json:"triedAt"`
	// Took is how many milliseconds the receiver took.
	Took int64 `json:"took"`
	// Status is what the receiver answered last, or null if it did not.
	Status *int64 `json:"status"`
	// Answer is the beginning of the receiver's answer, or why there was none.
	Answer string `json:"answer"`
	// ReplayOf is the number of the delivery that this one repeats, or null.
	ReplayOf *int64 `json:"replayOf"`
}

// ErrNone: there is nothing of what was asked for.
var ErrNone = errors.New("there are no such deliveries")

// ErrSilent: nothing is delivered to the app now.
var ErrSilent = errors.New("the app has no webhook that is on")

// Listed is what is asked of the delivery log.
type Listed struct {
	// Before bounds the numbers, itself excluded; 0 is no bound.
	Before int64
	// State is one of Delivery's, or empty for all.
	State string
	Limit int
}

const deliveryColumns = rowColumns + `, state, tried_at, took, status, answer`

// Deliveries returns an app's deliveries, newest first.
func (e *Engine) Deliveries(ctx context.Context, app uuid.UUID, l Listed) ([]Delivery, error) {
	if l.Before == 0 {
		l.Before = 1<<63 - 1
	}
	found, err := all(ctx, e.store, scanDelivery, `SELECT `+deliveryColumns+` FROM deliveries
		WHERE app = $1 AND number < $2 AND (state = $3 OR $4 = '') ORDER BY number DESC LIMIT $5`,
		app[:], l.Before, l.State, l.State, l.Limit)
	if found == nil {
		found = []Delivery{}
	}
	return found, err
}

func scanDelivery(rows *views.Rows) (d Delivery, err error) {
	var app, lane, merchant, event []byte
	var field string
	var revision, standby, first, replayed, queued, tried, status int64
	var stream string
	err = rows.Scan(&app, &d.Number, &lane, &merchant, &stream, &revision, &event, &field, &standby, &replayed, &queued, &d.Attempts, &first,
		&d.State, &tried, &d.Took, &status, &d.Answer)
	if err != nil {
		return d, err
	}
	d.EventID, d.ConversationID, d.PageID = uuid.UUID(event), uuid.UUID(lane), uuid.UUID(merchant)
	if d.PageID == uuid.Nil {
		d.PageID = uuid.UUID(app)
	}
	d.Field, d.Standby, d.QueuedAt = events.WebhookField(field), standby != 0, time.UnixMilli(queued).UTC()
	d.TriedAt = moment(tried)
	if status != 0 {
		d.Status = &status
	}
	if replayed != 0 {
		d.ReplayOf = &replayed
	}
	return d, nil
}

func moment(milliseconds int64) *time.Time {
	if milliseconds == 0 {
		return nil
	}
	at := time.UnixMilli(milliseconds).UTC()
	return &at
}

// Standing is how an app's webhook does.
type Standing struct {
	// Waiting counts the deliveries that are still to be made.
	Waiting int64
	// DeliveredAt is when one was taken last, or nil.
	DeliveredAt *time.Time
}

// Standing returns how an app's webhook does.
func (e *Engine) Standing(ctx context.Context, app uuid.UUID) (s Standing, err error) {
	if s.Waiting, err = number(ctx, e.store, `SELECT COUNT(*) FROM deliveries WHERE app = $1 AND state = 'waiting'`, app[:]); err != nil {
		return s, err
	}
	at, err := number(ctx, e.store, `SELECT succeeded_at FROM endpoints WHERE app = $1`, app[:])
	s.DeliveredAt = moment(at)
	return s, err
}

// Replay asks for deliveries to be made again.
type Replay struct {
	App uuid.UUID
	// From and To are the first and the last number.
	From, To int64
	// Key makes a repeat recognisable; without one it is zero.
	Key uuid.UUID
}

// Replayed are the deliveries that repeat others, by their numbers.
type Replayed struct {
	Count int64 `json:"count"`
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// MostReplayed bounds how many deliveries one replay makes.
const MostReplayed = 1_000

// Replay queues deliveries once more, behind what waits: those that were made
// or given up, as far as the app may still be told.
//
// Errors: ErrNone, ErrSilent, events.ErrKeyReused.
func (e *Engine) Replay(ctx context.Context, asked Replay) (made Replayed, err error) {
	err = e.changeAnyhow(ctx, func(ctx context.Context, tx *views.Tx) (err error) {
		var known bool
		if made, known, err = repeated(ctx, tx, asked); known || err != nil {
			return err
		}
		made, err = e.replay(ctx, tx, asked)
		if err != nil || asked.Key == uuid.Nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO replays (id, app, asked_from, asked_to, amount, made_from, made_to) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			asked.Key[:], asked.App[:], asked.From, asked.To, made.Count, made.First, made.Last)
		return err
	})
	if t := e.leading.Load(); t != nil && err == nil {
		t.wake(asked.App)
	}
	return made, err
}

// repeated finds what a replay with the same key has made before.
func repeated(ctx context.Context, tx *views.Tx, asked Replay) (made Replayed, known bool, err error) {
	before := Replay{Key: asked.Key}
	var app []byte
	err = tx.QueryRow(ctx, `SELECT app, asked_from, asked_to, amount, made_from, made_to FROM replays WHERE id = $1`, []any{asked.Key[:]},
		&app, &before.From, &before.To, &made.Count, &made.First, &made.Last)
	if errors.Is(err, sql.ErrNoRows) {
		return made, false, nil
	}
	if err != nil {
		return made, false, err
	}
	if before.App = uuid.UUID(app); before != asked {
		return made, true, events.ErrKeyReused
	}
	return made, true, nil
}

func (e *Engine) replay(ctx context.Context, tx *views.Tx, asked Replay) (made Replayed, err error) {
	at, err := endpointOf(ctx, tx, asked.App)
	if err != nil {
		return made, err
	}
	if at == nil || !at.live() {
		return made, ErrSilent
	}
	rows, err := all(ctx, tx, scanRow, `SELECT `+rowColumns+` FROM deliveries
		WHERE app = $1 AND number >= $2 AND number <= $3 AND state <> 'waiting' ORDER BY number LIMIT $4`, asked.App[:], asked.From, asked.To, MostReplayed)
	if err != nil {
		return made, err
	}
	queue := newQueueing(tx)
	for _, r := range rows {
		may, err := mayBeTold(ctx, tx, r)
		if err != nil {
			return made, err
		}
		if !may {
			continue
		}
		r.replayed, r.queued = r.number, e.Now().UnixMilli()
		if err := queue.add(ctx, r); err != nil {
			return made, fmt.Errorf("queueing delivery %d again: %w", r.replayed, err)
		}
		if made.Count++; made.Count == 1 {
			made.First = r.number
		}
		made.Last = r.number
	}
	if made.Count == 0 {
		return made, ErrNone
	}
	return made, queue.finish(ctx)
}

// mayBeTold tells whether an app is still where it was told something.
func mayBeTold(ctx context.Context, q querier, r *row) (bool, error) {
	if r.merchant != uuid.Nil {
		n, err := number(ctx, q, `SELECT COUNT(*) FROM connections WHERE merchant = $1 AND app = $2`, r.merchant[:], r.app[:])
		return n > 0, err
	}
	installed, err := all(ctx, q, scanInstall, `SELECT app, grants, since FROM installs WHERE conversation = $1 AND app = $2`, r.lane[:], r.app[:])
	return len(installed) > 0 && (installed[0].may(events.ReadMessages) || r.field == events.EchoesField || r.field == events.PostbacksField), err
}

// Passed returns when events up to a position have been taken in, by whichever
// server.
func (e *Engine) Passed(ctx context.Context, position events.Position) error {
	look := time.NewTicker(passedEvery)
	defer look.Stop()
	for {
		at, err := e.store.Serving().Checkpoint(ctx)
		if err != nil || at.Position >= uint64(position) {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// passedEvery is how often those look who wait for events to be taken in.
const passedEvery = 10 * time.Millisecond
