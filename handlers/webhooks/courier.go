package webhooks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

const (
	// workersEach bounds how many deliveries are under way to one endpoint, of
	// as many conversations.
	workersEach = 8
	// slowAfter is after how many failures in a row an endpoint is tried one
	// delivery at a time, with pauses.
	slowAfter = 3
	// patienceWithReceivers is for how long deliveries are tried again.
	patienceWithReceivers = 24 * time.Hour
	// lookEvery is how often a courier looks for what another server has queued.
	lookEvery = time.Second
)

// courier makes the deliveries to one endpoint. What it does takes nothing from
// the other couriers but its share of the machine.
type courier struct {
	term   *term
	app    uuid.UUID
	target atomic.Pointer[endpoint]
	woken  chan struct{}

	// What follows belongs to run.

	busy map[uuid.UUID]bool // conversations of which deliveries are under way
	done chan leg
	// failures are those in a row, and until then nothing is tried.
	failures int
	pause    time.Time
}

// leg is what came of deliveries of one conversation.
type leg struct {
	conversation uuid.UUID
	taken        int  // how many were
	failed       bool // the last one
	err          error
}

func newCourier(t *term, e *endpoint) *courier {
	c := &courier{term: t, app: e.app, woken: make(chan struct{}, 1), busy: make(map[uuid.UUID]bool), done: make(chan leg, workersEach)}
	c.target.Store(e)
	return c
}

// run delivers until the context ends, or the store or the log fails.
func (c *courier) run(ctx context.Context) error {
	var legs sync.WaitGroup
	defer legs.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		wait, err := c.launch(ctx, &legs)
		if err != nil {
			return err
		}
		var later <-chan time.Time
		if wait > 0 {
			later = c.term.engine.After(wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.woken:
		case <-later:
		case l := <-c.done:
			delete(c.busy, l.conversation)
			if err := c.learn(ctx, l); err != nil {
				return err
			}
		}
	}
}

// launch begins deliveries of the conversations that are due, and returns how
// long to wait for the next one, or 0 if there is none to wait for.
func (c *courier) launch(ctx context.Context, legs *sync.WaitGroup) (time.Duration, error) {
	limit := workersEach
	if c.failures >= slowAfter {
		limit = 1
	}
	now := c.term.engine.Now()
	switch {
	case !c.target.Load().live() || len(c.busy) >= limit:
		return 0, nil
	case c.pause.After(now):
		return c.pause.Sub(now), nil
	}
	lanes, err := nextLanes(ctx, c.term.engine.store, c.app, len(c.busy)+limit)
	if err != nil {
		return 0, err
	}
	for _, next := range lanes {
		switch {
		case c.busy[next.conversation]:
		case len(c.busy) >= limit:
			return 0, nil
		case next.due > now.UnixMilli():
			return c.soon(time.UnixMilli(next.due).Sub(now)), nil
		default:
			c.busy[next.conversation] = true
			legs.Go(func() { c.done <- c.walk(ctx, next) })
		}
	}
	return c.soon(0), nil
}

// soon is how long to wait at most, where others may queue something.
func (c *courier) soon(wait time.Duration) time.Duration {
	if c.term.engine.store.Shared() && (wait == 0 || wait > lookEvery) {
		return lookEvery
	}
	return wait
}

// learn slows down for an endpoint that fails, and goes on when it is back: so
// do the conversations that waited for it.
func (c *courier) learn(ctx context.Context, l leg) error {
	recovered := l.taken > 0 && c.failures >= slowAfter
	if l.taken > 0 {
		c.failures, c.pause = 0, time.Time{}
	}
	if l.failed {
		if c.failures++; c.failures >= slowAfter {
			c.pause = c.term.engine.Now().Add(backoff(int64(c.failures-slowAfter+1), c.term.engine.Jitter()))
		}
	}
	if !recovered || l.err != nil {
		return l.err
	}
	now := c.term.engine.Now().UnixMilli()
	return c.term.ledger.do(ctx, nil, func(ctx context.Context, tx *views.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE lanes SET due_at = $1 WHERE app = $2 AND due_at > $3`, now, c.app[:], now)
		return err
	})
}

// walk makes what waits of one conversation's deliveries, in their order, until
// one fails.
func (c *courier) walk(ctx context.Context, l lane) leg {
	result := leg{conversation: l.conversation}
	for {
		rows, err := nextRows(ctx, c.term.engine.store, c.app, l.conversation)
		if err != nil {
			result.err = err
			return result
		}
		outcomes, err := c.deliver(ctx, rows)
		for _, o := range outcomes {
			if o.taken {
				result.taken++
			}
			result.failed = !o.taken && !o.void
		}
		if recorded := c.record(ctx, l, outcomes, result.failed); err == nil {
			err = recorded
		}
		if err != nil || result.failed || len(rows) < rowsTogether {
			result.err = err
			return result
		}
		l.failures = 0
	}
}

// deliver makes deliveries one after the other, until one fails. The error is
// the log's, or the context's.
func (c *courier) deliver(ctx context.Context, rows []*row) (outcomes []outcome, err error) {
	for _, r := range rows {
		e := c.target.Load()
		if !e.live() {
			return outcomes, nil
		}
		o, err := c.term.engine.attempt(ctx, e, r)
		if err != nil {
			return outcomes, err
		}
		outcomes = append(outcomes, o)
		if !o.taken && !o.void {
			return outcomes, nil
		}
	}
	return outcomes, nil
}

// record stores what came of deliveries.
func (c *courier) record(ctx context.Context, l lane, outcomes []outcome, broken bool) error {
	now := c.term.engine.Now()
	due, failures, giveUp := now.UnixMilli(), int64(0), false
	if broken {
		last := outcomes[len(outcomes)-1].row
		failures = 1
		if len(outcomes) == 1 { // or else the one before was taken
			failures = l.failures + 1
		}
		due = now.Add(backoff(failures, c.term.engine.Jitter())).UnixMilli()
		if last.first > 0 && now.UnixMilli()-last.first >= patienceWithReceivers.Milliseconds() {
			var err error
			if giveUp, err = c.lose(ctx, last.first, outcomes[len(outcomes)-1]); err != nil {
				return err
			}
			if giveUp {
				due, failures = now.UnixMilli(), 0
			}
		}
	}
	return c.term.ledger.do(ctx, nil, func(ctx context.Context, tx *views.Tx) error {
		return record(ctx, tx, c.app, l.conversation, outcomes, due, failures, giveUp)
	})
}

// lose decides what becomes of a delivery that nobody took for too long: if
// others were taken meanwhile it alone is given up, and else the endpoint.
func (c *courier) lose(ctx context.Context, first int64, o outcome) (giveUp bool, err error) {
	e, err := endpointOf(ctx, c.term.engine.store, c.app)
	if err != nil || e == nil {
		return false, err
	}
	if e.succeeded >= first {
		return true, nil
	}
	return false, c.term.engine.switchOff(ctx, e, fmt.Sprintf("nobody has taken a delivery for %d hours; the last one %s", int(patienceWithReceivers.Hours()), o.told()))
}

// told is what an owner is told of an attempt, after "the last one".
func (o outcome) told() string {
	if o.status > 0 {
		return fmt.Sprintf("was answered with status %d", o.status)
	}
	return o.answer
}

// switchOff ends deliveries to an endpoint until its owner configures it anew.
func (e *Engine) switchOff(ctx context.Context, at *endpoint, reason string) error {
	written, err := e.Commands.DisableWebhook(ctx, at.app, at.configuration, reason)
	if len(written) > 0 {
		e.Logger.WarnContext(ctx, "webhooks: switched off", "app", at.app, "reason", reason)
	}
	if errors.Is(err, events.ErrConflict) {
		return nil // the next failure tries again
	}
	return err
}

const (
	backoffLeast = time.Second
	backoffMost  = 30 * time.Minute
)

// backoff is how long to wait after failures in a row: twice as long after each,
// between a half of it and all of it, so that those who failed together do not
// come back together.
func backoff(failures int64, jitter float64) time.Duration {
	wait := backoffMost
	if failures < 12 {
		wait = min(backoffMost, backoffLeast<<(failures-1))
	}
	return wait/2 + time.Duration(jitter*float64(wait/2))
}
