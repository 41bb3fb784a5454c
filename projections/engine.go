package projections

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"parley/events"
	"parley/projections/views"
)

// DefaultBatchEvents is how many events one transaction applies at most.
const DefaultBatchEvents = 8192

const (
	// checkpointEvery bounds how old a stored checkpoint gets while nothing
	// happens that matters.
	checkpointEvery = 10 * time.Second
	// retryAfter is how long to wait after a fault that may pass.
	retryAfter = time.Second
)

// projection is a read model. T is what it needs of an event; reading it out
// of the events runs beside applying those before.
type projection[T any] interface {
	schema() views.Schema
	filter() events.Filter
	// prepare takes what is needed out of an event. The boolean is false if
	// the event does not matter. An error stops the projection. It may be
	// called from several goroutines.
	prepare(ctx context.Context, recorded events.Recorded) (T, bool, error)
	// apply changes the view; the items must not be kept. An error undoes the
	// whole transaction.
	apply(ctx context.Context, tx *views.Tx, items []T) error
	// committed is called when what was applied is stored, before anyone who
	// waits for it goes on.
	committed()
	// reset forgets everything kept in memory, for the view is not what was
	// applied last.
	reset()
	// digest covers all rows.
	digest(ctx context.Context) (string, error)
}

// runner brings one projection forward. Only run changes the view.
type runner[T any] struct {
	progress
	projection projection[T]
	store      *views.Store
	log        events.Log
	logger     *slog.Logger
	now        func() time.Time
	meters     meters
	batchSize  int
	processors int

	reached  views.Checkpoint // owned by run
	stored   views.Checkpoint // owned by run
	storedAt time.Time        // owned by run
	// careful is the last position of a batch that failed: up to there events
	// are applied one by one, to find the one that cannot be. Owned by run.
	careful events.Position
}

// run follows the log until the context ends or the projection stops.
func (r *runner[T]) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := r.follow(ctx)
		if ctx.Err() != nil || !r.goOn(ctx, err) {
			break
		}
	}
	r.keepCheckpoint(ctx)
}

// goOn tells whether to follow anew after an error, having waited if need be.
func (r *runner[T]) goOn(ctx context.Context, err error) bool {
	switch {
	case errors.Is(err, errOneByOne):
		return true
	case errors.Is(err, events.ErrUnavailable) || views.Passing(err):
		r.logger.WarnContext(ctx, "projection waits", "cause", err)
		select {
		case <-time.After(retryAfter):
		case <-ctx.Done():
		}
		return true
	}
	r.giveUp(ctx, err)
	return false
}

// giveUp stops the projection for good, loudly.
func (r *runner[T]) giveUp(ctx context.Context, err error) {
	failure := &Failure{Position: r.passed(), Cause: err.Error()}
	if culprit := (*unappliable)(nil); errors.As(err, &culprit) {
		at := culprit.event
		failure = &Failure{Stream: at.Stream, Revision: at.Revision, Position: at.Position, Cause: culprit.cause.Error()}
		// Everything before it was applied or did not matter.
		r.reached.Position = max(r.reached.Position, uint64(at.Position-1))
		r.advance(events.Position(r.reached.Position), time.Time{})
	}
	r.meters.stopped.Set(1)
	r.logger.ErrorContext(ctx, "projection stopped", "stream", failure.Stream, "revision", failure.Revision, "position", failure.Position, "cause", failure.Cause)
	r.stop(failure)
}

// follow applies what comes after the checkpoint, until an error.
func (r *runner[T]) follow(ctx context.Context) error {
	if err := r.resume(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	scanned, prepared, used := make(chan *batch[T]), make(chan *batch[T]), make(chan *batch[T], batchesInFlight)
	reached, careful := r.reached, r.careful
	var stages sync.WaitGroup
	stages.Go(func() { r.read(ctx, reached, careful, scanned, used) })
	stages.Go(func() { r.prepare(ctx, reached, scanned, prepared) })
	defer stages.Wait()
	defer cancel()
	for b := range prepared {
		if err := r.commit(ctx, b); err != nil {
			return err
		}
		if b.failed != nil {
			return b.failed
		}
		select {
		case used <- b:
		default:
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.New("the log ended without a cause")
}

// resume begins at the stored checkpoint. A view of events that the log does
// not have is of no use: it is emptied.
func (r *runner[T]) resume(ctx context.Context) error {
	stored, err := r.store.Checkpoint(ctx)
	if err != nil {
		return err
	}
	tip, err := events.Tip(ctx, r.log)
	if err != nil {
		return err
	}
	if stored.Event > uint64(tip) {
		r.logger.WarnContext(ctx, "projection rebuilds: its view has events that the log lacks", "position", stored.Event, "tip", tip)
		if err := r.store.Clear(ctx); err != nil {
			return err
		}
		stored = views.Checkpoint{}
		r.projection.reset()
	}
	r.stored, r.storedAt = stored, r.now()
	if stored == (views.Checkpoint{}) || r.reached.Position < stored.Position {
		r.reached = stored
	}
	// A mark may lie beyond the last event, where not every log lets a
	// follower begin.
	r.reached.Position = min(r.reached.Position, uint64(tip))
	r.setState(CatchingUp)
	r.advance(events.Position(r.reached.Position), time.Time{})
	return nil
}

// commit stores a batch, then lets everybody see it.
func (r *runner[T]) commit(ctx context.Context, b *batch[T]) error {
	if len(b.items) > 0 {
		began := r.now()
		err := r.store.Update(ctx, b.reached, func(tx *views.Tx) error {
			return r.projection.apply(ctx, tx, b.items)
		})
		if err != nil {
			r.projection.reset()
			return r.blame(ctx, b, err)
		}
		r.stored, r.storedAt = b.reached, r.now()
		r.meters.applied.Add(float64(len(b.items)))
		r.meters.commit.Observe(r.storedAt.Sub(began).Seconds())
	}
	r.reached = b.reached
	r.projection.committed()
	r.publish(b)
	if r.now().Sub(r.storedAt) >= checkpointEvery {
		return r.storeCheckpoint(ctx)
	}
	return nil
}

// blame finds out which event of a batch is at fault, if it is the events'.
func (r *runner[T]) blame(ctx context.Context, b *batch[T], err error) error {
	switch {
	case ctx.Err() != nil || views.Passing(err):
		return err
	case len(b.events) == 1:
		return &unappliable{b.events[0], err}
	}
	r.careful = events.Position(b.reached.Position)
	return errOneByOne
}

func (r *runner[T]) publish(b *batch[T]) {
	position := events.Position(b.reached.Position)
	if b.caughtUp {
		r.setState(Running)
	}
	r.advance(position, b.created)
	r.meters.position.Set(float64(position))
}

// storeCheckpoint moves the stored checkpoint past events that do not matter.
func (r *runner[T]) storeCheckpoint(ctx context.Context) error {
	if r.stored != r.reached {
		if err := r.store.Update(ctx, r.reached, nil); err != nil {
			return err
		}
	}
	r.stored, r.storedAt = r.reached, r.now()
	return nil
}

// keepCheckpoint spares the next run from reading again what did not matter.
func (r *runner[T]) keepCheckpoint(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), retryAfter)
	defer cancel()
	if err := r.storeCheckpoint(ctx); err != nil {
		r.logger.WarnContext(ctx, "projection could not store its checkpoint", "cause", err)
	}
}
