package webhooks

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"parley/events"
	"parley/projections/views"
)

// term is the time during which this server delivers. All but the couriers and
// the ledger belongs to the goroutine of begin.
type term struct {
	engine *Engine
	ledger *ledger
	group  *errgroup.Group
	ctx    context.Context // of the group: a courier outlives the event it began with
	routes *routes
	// origin is where the log ended when the store was made.
	origin events.Position
	// endpoints are the webhooks that are on.
	endpoints map[uuid.UUID]*endpoint
	// touched are the apps whose endpoints the present transaction changes.
	touched map[uuid.UUID]bool
	// mu guards couriers.
	mu       sync.Mutex
	couriers map[uuid.UUID]*courier
	// reached is how far the log was read, and advanced when that was stored.
	reached  views.Checkpoint
	advanced time.Time
}

func (e *Engine) newTerm(ctx context.Context, group *errgroup.Group, at views.Checkpoint) *term {
	return &term{
		engine: e, ledger: e.newLedger(at), group: group, ctx: ctx, routes: newRoutes(), reached: at, advanced: time.Now(),
		endpoints: make(map[uuid.UUID]*endpoint), touched: make(map[uuid.UUID]bool), couriers: make(map[uuid.UUID]*courier),
	}
}

// begin takes up what was left, and goes on with what comes.
func (t *term) begin(ctx context.Context) error {
	tip, err := events.Tip(ctx, t.engine.Journal.Log)
	if err != nil {
		return err
	}
	if t.reached.Event > uint64(tip) {
		if err := t.beginAnew(ctx, tip); err != nil {
			return err
		}
	}
	// A mark may lie beyond the last event, where not every log lets a follower
	// begin.
	t.reached.Position = min(t.reached.Position, uint64(tip))
	origin, err := number(ctx, t.engine.store, `SELECT position FROM origin WHERE id = 0`)
	if err != nil {
		return err
	}
	t.origin = events.Position(origin)
	known, err := all(ctx, t.engine.store, scanEndpoint, `SELECT `+endpointColumns+` FROM endpoints WHERE state = 'on'`)
	if err != nil {
		return err
	}
	if err := t.forgive(ctx); err != nil {
		return err
	}
	for _, e := range known {
		t.settle(e)
	}
	return t.intake(ctx)
}

// forgive leaves out of the time for which deliveries are tried the time in
// which no server tried them, be it because none ran or because the store was
// restored.
func (t *term) forgive(ctx context.Context) error {
	now := t.engine.Now().UnixMilli()
	return t.ledger.do(ctx, nil, func(ctx context.Context, tx *views.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE deliveries SET first_at = first_at + ($1 - tried_at) WHERE state = 'waiting' AND tried_at > 0 AND tried_at < $2`,
			now, now-2*backoffMost.Milliseconds())
		return err
	})
}

// beginAnew is for a log that is not the one that the store was filled from,
// but one that was restored, say.
func (t *term) beginAnew(ctx context.Context, tip events.Position) error {
	t.engine.Logger.WarnContext(ctx, "webhooks: the log lacks what was delivered, so what waits is forgotten", "position", t.reached.Event, "tip", tip)
	t.reached = views.Checkpoint{}
	return t.ledger.do(ctx, &t.reached, func(ctx context.Context, tx *views.Tx) error { return forget(ctx, tx, tip) })
}

// settle has an endpoint delivered to as it stands now.
func (t *term) settle(e *endpoint) {
	if e.state == on {
		t.endpoints[e.app] = e
	} else {
		delete(t.endpoints, e.app)
	}
	t.mu.Lock()
	c, running := t.couriers[e.app]
	if !running && e.live() {
		c = newCourier(t, e)
		t.couriers[e.app] = c
	}
	t.mu.Unlock()
	switch {
	case running:
		c.target.Store(e)
		t.wake(e.app)
		return
	case c == nil:
		return
	}
	t.group.Go(func() error { return c.run(t.ctx) })
}

// wake has an app's courier look for what waits.
func (t *term) wake(app uuid.UUID) {
	t.mu.Lock()
	c := t.couriers[app]
	t.mu.Unlock()
	if c == nil {
		return
	}
	select {
	case c.woken <- struct{}{}:
	default: // it will look
	}
}

const (
	// keptFor is how long a delivery that was made or given up can be looked at
	// and replayed, and keptMost how many of an app's.
	keptFor  = 7 * 24 * time.Hour
	keptMost = 10_000
	// mostWaiting bounds how much waits for one app: who has not taken so much
	// is switched off.
	mostWaiting = 100_000
	tidyEvery   = time.Minute
)

// tidy removes old deliveries, and switches off who has too many waiting.
func (t *term) tidy(ctx context.Context) error {
	every := time.NewTicker(tidyEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := t.tidyOnce(ctx); err != nil {
			return err
		}
	}
}

func (t *term) tidyOnce(ctx context.Context) error {
	before := t.engine.Now().Add(-keptFor).UnixMilli()
	err := t.ledger.do(ctx, nil, func(ctx context.Context, tx *views.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM deliveries WHERE state <> 'waiting' AND (queued_at < $1 OR EXISTS
			(SELECT 1 FROM endpoints WHERE endpoints.app = deliveries.app AND deliveries.number < endpoints.next - $2))`, before, keptMost)
		return err
	})
	if err != nil {
		return err
	}
	full, err := all(ctx, t.engine.store, scanEndpoint, `SELECT `+endpointColumns+` FROM endpoints WHERE state = 'on' AND
		(SELECT COUNT(*) FROM deliveries WHERE deliveries.app = endpoints.app AND deliveries.state = 'waiting') > $1`, mostWaiting)
	for _, e := range full {
		if err := t.engine.switchOff(ctx, e, "more than 100,000 deliveries were waiting"); err != nil {
			return err
		}
	}
	return err
}
