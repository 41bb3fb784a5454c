package webhooks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// schema is what is kept of deliveries. It is no projection: what was delivered
// cannot be found out from the log, so it is neither rebuilt nor compared, and
// its version must not rise without the rows being carried over.
//
// Besides deliveries, it holds who may be told what, as the log had it at the
// checkpoint. Times are milliseconds since 1970; 0 is never.
var schema = views.Schema{
	Name:    "webhooks",
	Version: 2,
	Tables: []views.Table{{
		// origin is where the log ended when the store was made: what happened
		// before is not delivered.
		Name: "origin", Columns: "id BIGINT NOT NULL, position BIGINT NOT NULL", Key: "id",
	}, {
		// leadership is which server delivers; its beat shows that it does.
		Name: "leadership", Columns: "id BIGINT NOT NULL, holder BYTEA NOT NULL, beat BIGINT NOT NULL", Key: "id",
	}, {
		// endpoints are apps' webhooks: on, off, or none any more. next is the
		// number of the app's next delivery.
		Name: "endpoints",
		Columns: `app BYTEA NOT NULL,
			configuration BYTEA NOT NULL,
			url TEXT NOT NULL,
			fields TEXT NOT NULL,
			state TEXT NOT NULL,
			suspended BIGINT NOT NULL,
			next BIGINT NOT NULL,
			succeeded_at BIGINT NOT NULL`,
		Key: "app",
	}, {
		Name:    "installs",
		Columns: "conversation BYTEA NOT NULL, app BYTEA NOT NULL, grants TEXT NOT NULL, since BIGINT NOT NULL",
		Key:     "conversation, app",
	}, {
		// connections are the apps that speak for merchants, in the order of the
		// positions at which they were connected.
		Name:    "connections",
		Columns: "merchant BYTEA NOT NULL, app BYTEA NOT NULL, grants TEXT NOT NULL, connected BIGINT NOT NULL",
		Key:     "merchant, app",
	}, {
		// rooms are business conversations.
		Name:    "rooms",
		Columns: "conversation BYTEA NOT NULL, merchant BYTEA NOT NULL, customer BYTEA NOT NULL",
		Key:     "conversation",
	}, {
		// threads are those that were handed over: to an app, or to the agents,
		// who are the zero id.
		Name:    "threads",
		Columns: "conversation BYTEA NOT NULL, app BYTEA NOT NULL",
		Key:     "conversation",
	}, {
		// subscriptions are the fields that apps have chosen for single pages.
		Name:    "subscriptions",
		Columns: "page BYTEA NOT NULL, app BYTEA NOT NULL, fields TEXT NOT NULL",
		Key:     "page, app",
	}, {
		Name: "deliveries",
		Columns: `app BYTEA NOT NULL,
			number BIGINT NOT NULL,
			conversation BYTEA NOT NULL,
			merchant BYTEA NOT NULL,
			stream TEXT NOT NULL,
			revision BIGINT NOT NULL,
			event BYTEA NOT NULL,
			field TEXT NOT NULL,
			standby BIGINT NOT NULL,
			replayed BIGINT NOT NULL,
			queued_at BIGINT NOT NULL,
			state TEXT NOT NULL,
			attempts BIGINT NOT NULL,
			first_at BIGINT NOT NULL,
			tried_at BIGINT NOT NULL,
			took BIGINT NOT NULL,
			status BIGINT NOT NULL,
			answer TEXT NOT NULL`,
		Key: "app, number",
	}, {
		// replays are those that were asked for with an idempotency key.
		Name: "replays",
		Columns: `id BYTEA NOT NULL,
			app BYTEA NOT NULL,
			asked_from BIGINT NOT NULL,
			asked_to BIGINT NOT NULL,
			amount BIGINT NOT NULL,
			made_from BIGINT NOT NULL,
			made_to BIGINT NOT NULL`,
		Key: "id",
	}, {
		// lanes are conversations of which something waits to be delivered.
		Name:    "lanes",
		Columns: "app BYTEA NOT NULL, conversation BYTEA NOT NULL, due_at BIGINT NOT NULL, failures BIGINT NOT NULL",
		Key:     "app, conversation",
	}},
	Indexes: []string{
		`CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (app, conversation, number) WHERE state = 'waiting'`,
		`CREATE INDEX IF NOT EXISTS lanes_due ON lanes (app, due_at)`,
		`CREATE INDEX IF NOT EXISTS connections_of ON connections (app)`,
	},
}

// States of a delivery.
const (
	waiting   = "waiting"
	delivered = "delivered"
	failed    = "failed"  // nobody took it for a day
	dropped   = "dropped" // the app may not be told any more
)

// States of an endpoint.
const (
	on   = "on"
	off  = "off"
	none = "none"
)

// openStore opens the store, or makes one that begins at the log's present
// tip: who may be told what is still read from the log's beginning.
func openStore(ctx context.Context, engine views.Engine, log events.Log) (*views.Store, error) {
	store, err := engine.Open(ctx, schema)
	if err != nil {
		return nil, fmt.Errorf("the store of deliveries: %w", err)
	}
	if store.Serving() == nil {
		if err := begin(ctx, store, log); err != nil {
			return nil, errors.Join(fmt.Errorf("beginning the store of deliveries: %w", err), store.Close())
		}
	}
	return store, nil
}

// Copy writes a consistent copy of the deliveries' store into a directory, while
// deliveries are made. Whoever copies the log as well does that afterwards: a
// store that knows less than its log goes on where it is, and one that knows
// more begins anew.
func Copy(ctx context.Context, from *views.SQLite, dir string) error {
	return from.Copy(ctx, schema, dir)
}

func begin(ctx context.Context, store *views.Store, log events.Log) error {
	generation, err := store.Build(ctx)
	if err != nil {
		return err
	}
	tip, err := events.Tip(ctx, log)
	if err != nil {
		return err
	}
	err = generation.Update(ctx, views.Checkpoint{}, views.Checkpoint{}, func(tx *views.Tx) error { return originate(ctx, tx, tip) })
	if err != nil && !errors.Is(err, views.ErrMoved) { // another server was first
		return err
	}
	return store.Swap(ctx)
}

func originate(ctx context.Context, tx *views.Tx, tip events.Position) error {
	if _, err := tx.Exec(ctx, `INSERT INTO origin (id, position) VALUES (0, $1) ON CONFLICT DO NOTHING`, int64(tip)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO leadership (id, holder, beat) VALUES (0, $1, 0) ON CONFLICT DO NOTHING`, uuid.Nil[:])
	return err
}

// forget empties the store, whose log is another one by now, and begins it
// anew.
func forget(ctx context.Context, tx *views.Tx, tip events.Position) error {
	for _, table := range schema.Tables {
		if table.Name == "leadership" {
			continue
		}
		if _, err := tx.Exec(ctx, "DELETE FROM "+table.Name); err != nil {
			return err
		}
	}
	return originate(ctx, tx, tip)
}

// querier is a store, or a transaction on it.
type querier interface {
	Query(ctx context.Context, text string, args ...any) (*views.Rows, error)
	QueryRow(ctx context.Context, text string, args []any, into ...any) error
}

// endpoint is an app's webhook.
type endpoint struct {
	app           uuid.UUID
	configuration uuid.UUID
	url           string
	fields        map[events.WebhookField]bool
	state         string
	suspended     bool
	succeeded     int64
}

// live tells whether deliveries are made there.
func (e *endpoint) live() bool { return e.state == on && !e.suspended }

const endpointColumns = `app, configuration, url, fields, state, suspended, succeeded_at`

func scanEndpoint(rows *views.Rows) (*endpoint, error) {
	e := new(endpoint)
	var app, configuration []byte
	var fields string
	var suspended int64
	if err := rows.Scan(&app, &configuration, &e.url, &fields, &e.state, &suspended, &e.succeeded); err != nil {
		return nil, err
	}
	e.app, e.configuration, e.suspended = uuid.UUID(app), uuid.UUID(configuration), suspended != 0
	e.fields = make(map[events.WebhookField]bool)
	for _, field := range strings.Fields(fields) {
		e.fields[events.WebhookField(field)] = true
	}
	return e, nil
}

// endpointOf is an app's webhook, or nil.
func endpointOf(ctx context.Context, q querier, app uuid.UUID) (*endpoint, error) {
	found, err := all(ctx, q, scanEndpoint, `SELECT `+endpointColumns+` FROM endpoints WHERE app = $1`, app[:])
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// all reads the rows of a query.
func all[T any](ctx context.Context, q querier, scan func(*views.Rows) (T, error), query string, args ...any) (found []T, err error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	return found, rows.Err()
}

// number is a query's one number, or 0.
func number(ctx context.Context, q querier, query string, args ...any) (n int64, err error) {
	err = q.QueryRow(ctx, query, args, &n)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return n, err
}
