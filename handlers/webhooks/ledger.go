package webhooks

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"parley/projections/views"
)

// Of several servers on one database one delivers, and the others watch its
// beat. When it stands still for a while another one takes over. Whoever
// commits shows that the leadership is theirs in the same transaction, so a
// server that was stopped for a while and goes on can record nothing any more.

const (
	// beatEvery is how often a leader shows that it is there.
	beatEvery = time.Second
	// commitTimeout is how long a leader's commit may take. It is shorter than
	// the others' patience, so that a leader that is cut off stops before
	// another one begins.
	commitTimeout = 4 * time.Second
	// watchEvery is how often the others look, and patientLooks how often in a
	// row they see the same beat before one of them takes over: 6 seconds.
	watchEvery   = 500 * time.Millisecond
	patientLooks = 12
	// jobsTogether is how many changes one transaction makes at most.
	jobsTogether = 128
)

// errDeposed: another server delivers now.
var errDeposed = errors.New("another server has taken over the deliveries")

// job is a change of the store; it may be nil, and reached too. done takes its
// error, and has room for it.
type job struct {
	change  func(ctx context.Context, tx *views.Tx) error
	reached *views.Checkpoint
	done    chan error
}

// ledger makes all of a leader's changes of the store, several in one
// transaction.
type ledger struct {
	update func(ctx context.Context, from, reached views.Checkpoint, change func(*views.Tx) error) error
	tick   func(every time.Duration) (<-chan time.Time, func())
	holder uuid.UUID
	jobs   chan job
	// ended is closed when nothing more is changed.
	ended chan struct{}
	// at is where the log was read to, as stored. It belongs to run.
	at views.Checkpoint
}

func (e *Engine) newLedger(at views.Checkpoint) *ledger {
	return &ledger{update: e.update, tick: e.Tick, holder: e.holder, jobs: make(chan job, jobsTogether), ended: make(chan struct{}), at: at}
}

// update is the store's, of which one goroutine at a time may make use.
func (e *Engine) update(ctx context.Context, from, reached views.Checkpoint, change func(*views.Tx) error) error {
	e.writing.Lock()
	defer e.writing.Unlock()
	return e.store.Serving().Update(ctx, from, reached, change)
}

// do makes a change and returns when it is stored.
func (l *ledger) do(ctx context.Context, reached *views.Checkpoint, change func(ctx context.Context, tx *views.Tx) error) error {
	one := job{change, reached, make(chan error, 1)}
	select {
	case l.jobs <- one:
	case <-l.ended:
		return errDeposed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-one.done:
		return err
	case <-l.ended:
		return errDeposed
	}
}

// run makes changes until the context ends, or one fails.
func (l *ledger) run(ctx context.Context) error {
	defer close(l.ended)
	beat, stop := l.tick(beatEvery)
	defer stop()
	var together []job
	for {
		together = together[:0]
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-beat:
		case one := <-l.jobs:
			together = append(together, one)
		}
		for len(together) > 0 && len(together) < jobsTogether && len(l.jobs) > 0 {
			together = append(together, <-l.jobs)
		}
		err := l.commit(ctx, together)
		for _, one := range together {
			one.done <- err
		}
		if err != nil {
			return err
		}
	}
}

func (l *ledger) commit(ctx context.Context, together []job) error {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	reached := l.at
	for _, one := range together {
		if one.reached != nil {
			reached = *one.reached
		}
	}
	err := l.update(ctx, l.at, reached, func(tx *views.Tx) error {
		held, err := tx.Exec(ctx, `UPDATE leadership SET beat = beat + 1 WHERE id = 0 AND holder = $1`, l.holder[:])
		if err == nil && held == 0 {
			err = errDeposed
		}
		for _, one := range together {
			if err == nil && one.change != nil {
				err = one.change(ctx, tx)
			}
		}
		return err
	})
	if err == nil {
		l.at = reached
	}
	return err
}

// campaign returns when this server is the one that delivers, and where the log
// was read to then.
func (e *Engine) campaign(ctx context.Context) (at views.Checkpoint, err error) {
	watch, stop := e.Tick(watchEvery)
	defer stop()
	for seen, looks := int64(-1), 0; ; looks++ {
		var holder []byte
		var beat int64
		if err := e.store.QueryRow(ctx, `SELECT holder, beat FROM leadership WHERE id = 0`, nil, &holder, &beat); err != nil {
			return at, err
		}
		if beat != seen {
			seen, looks = beat, 0
		}
		if !e.store.Shared() || uuid.UUID(holder) == uuid.Nil || looks >= patientLooks {
			at, err := e.takeOver(ctx, beat)
			if !errors.Is(err, views.ErrMoved) {
				return at, err
			}
		}
		select {
		case <-watch:
		case <-ctx.Done():
			return at, ctx.Err()
		}
	}
}

// takeOver fails with ErrMoved if somebody has shown a beat, or taken over.
func (e *Engine) takeOver(ctx context.Context, beat int64) (views.Checkpoint, error) {
	at, err := e.store.Serving().Checkpoint(ctx)
	if err != nil {
		return at, err
	}
	err = e.update(ctx, at, at, func(tx *views.Tx) error {
		taken, err := tx.Exec(ctx, `UPDATE leadership SET holder = $1, beat = beat + 1 WHERE id = 0 AND beat = $2`, e.holder[:], beat)
		if err == nil && taken == 0 {
			err = views.ErrMoved
		}
		return err
	})
	return at, err
}

// resign lets another server take over at once.
func (e *Engine) resign(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	err := e.changeAnyhow(ctx, func(ctx context.Context, tx *views.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE leadership SET holder = $1, beat = beat + 1 WHERE id = 0 AND holder = $2`, uuid.Nil[:], e.holder[:])
		return err
	})
	if err != nil {
		e.Logger.WarnContext(ctx, "webhooks: the next server will wait before it delivers", "cause", err)
	}
}

// changesAtMost bounds how often a change is tried beside a leader's.
const changesAtMost = 100

// changeAnyhow makes a change on any server, be it the one that delivers or
// not.
func (e *Engine) changeAnyhow(ctx context.Context, change func(ctx context.Context, tx *views.Tx) error) error {
	for attempt := 1; ; attempt++ {
		at, err := e.store.Serving().Checkpoint(ctx)
		if err != nil {
			return err
		}
		err = e.update(ctx, at, at, func(tx *views.Tx) error { return change(ctx, tx) })
		if !errors.Is(err, views.ErrMoved) || attempt == changesAtMost {
			return err
		}
	}
}
