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
}

// custom is a projection whose tables can hold the same history in several
// ways: contents are what all of them have in common.
type custom interface {
	contents(ctx context.Context, tx *views.Tx) []views.Contents
}

// contentsOf are a projection's rows, as digests and comparisons see them.
func contentsOf[T any](ctx context.Context, p projection[T], tx *views.Tx) []views.Contents {
	if c, ok := p.(custom); ok {
		return c.contents(ctx, tx)
	}
	return views.AllContents(ctx, tx, p.schema().Tables)
}

// settings are what all runners of a projection are given.
type settings struct {
	log        events.Log
	logger     *slog.Logger
	now        func() time.Time
	meters     meters
	batchSize  int
	processors int
}

// goal is where a run ends; the zero goal is to go on for ever.
type goal struct {
	// caughtUp: the log had nothing more.
	caughtUp bool
	// upTo: all up to this position is applied, and nothing after it.
	upTo events.Position
}

// What a run that ended by itself ends with, beside a *Failure.
var (
	// errReached: the goal is reached.
	errReached = errors.New("the goal is reached")
	// errForeign: the view has events that the log lacks.
	errForeign = errors.New("the view is of another log")
)

// runner brings one generation of a projection's view forward. It belongs to
// one goroutine.
type runner[T any] struct {
	settings
	*progress
	projection projection[T]
	target     *views.Generation
	goal       goal

	reached  views.Checkpoint
	stored   views.Checkpoint
	storedAt time.Time
	// shared says that others may bring the target forward, and standby that
	// one of them does.
	shared, standby bool
	// careful is the last position of a batch that failed: up to there events
	// are applied one by one, to find the one that cannot be.
	careful events.Position
}

// run follows the log until the goal is reached, which is errReached, or the
// view turns out to be of another log, which is errForeign, or the context
// ends. Whatever else it cannot go on after is a *Failure.
func (r *runner[T]) run(ctx context.Context, goal goal) error {
	r.goal = goal
	var err error
	for again := true; again; again = r.goOn(ctx, err) {
		err = r.follow(ctx)
	}
	r.keepCheckpoint(ctx)
	if ctx.Err() != nil || errors.Is(err, errReached) || errors.Is(err, errForeign) {
		return err
	}
	return r.giveUp(ctx, err)
}

// goOn tells whether to follow anew after an error, having waited if need be.
func (r *runner[T]) goOn(ctx context.Context, err error) bool {
	switch {
	case ctx.Err() != nil:
		return false
	case errors.Is(err, errOneByOne):
		return true
	case errors.Is(err, views.ErrMoved):
		r.standby = r.shared
		return true
	case errors.Is(err, errTakingOver):
		r.standby, r.stored = false, nowhere
		r.logger.InfoContext(ctx, "taking the projection over")
		return true
	case errors.Is(err, events.ErrUnavailable) || views.Passing(err):
		r.logger.WarnContext(ctx, "projection waits", "cause", err)
		r.setState(CatchingUp)
		return pause(ctx, retryAfter)
	}
	return false
}

// pause waits, and tells whether the context still holds.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// giveUp stops the projection for good, loudly.
func (r *runner[T]) giveUp(ctx context.Context, err error) *Failure {
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
	return failure
}

// follow applies what comes after the checkpoint, until an error.
func (r *runner[T]) follow(ctx context.Context) error {
	if err := r.resume(ctx); err != nil {
		return err
	}
	if r.goal.upTo > 0 && r.reached.Position >= uint64(r.goal.upTo) {
		return errReached
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
		switch {
		case b.failed != nil:
			return b.failed
		case b.caughtUp && r.goal.caughtUp:
			return errReached
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

// resume begins at the stored checkpoint, or at what did not matter after it
// if nobody has moved it since.
func (r *runner[T]) resume(ctx context.Context) error {
	stored, err := r.target.Checkpoint(ctx)
	if err != nil {
		return err
	}
	tip, err := events.Tip(ctx, r.log)
	if err != nil {
		return err
	}
	if stored.Event > uint64(tip) {
		r.logger.WarnContext(ctx, "the view has events that the log lacks", "position", stored.Event, "tip", tip)
		return errForeign
	}
	if stored != r.stored {
		r.projection.reset()
		r.reached = stored
	}
	r.stored, r.storedAt = stored, r.now()
	// A mark may lie beyond the last event, where not every log lets a
	// follower begin.
	r.reached.Position = min(r.reached.Position, uint64(tip))
	r.advance(events.Position(r.reached.Position), time.Time{})
	return nil
}

// commit stores a batch, then lets everybody see it.
func (r *runner[T]) commit(ctx context.Context, b *batch[T]) error {
	switch {
	case len(b.items) == 0:
	case r.standby:
		if err := r.await(ctx, b.reached); err != nil {
			return err
		}
	default:
		began := r.now()
		err := r.target.Update(ctx, r.stored, b.reached, func(tx *views.Tx) error {
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
	if !r.standby && r.now().Sub(r.storedAt) >= checkpointEvery {
		return r.storeCheckpoint(ctx)
	}
	return nil
}

// blame finds out which event of a batch is at fault, if it is the events'.
func (r *runner[T]) blame(ctx context.Context, b *batch[T], err error) error {
	switch {
	case ctx.Err() != nil || views.Passing(err) || errors.Is(err, views.ErrMoved):
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
		if err := r.target.Update(ctx, r.stored, r.reached, nil); err != nil {
			return err
		}
	}
	r.stored, r.storedAt = r.reached, r.now()
	return nil
}

// keepCheckpoint spares the next run from reading again what did not matter.
func (r *runner[T]) keepCheckpoint(ctx context.Context) {
	if r.standby {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), retryAfter)
	defer cancel()
	if err := r.storeCheckpoint(ctx); err != nil && !errors.Is(err, views.ErrMoved) {
		r.logger.WarnContext(ctx, "projection could not store its checkpoint", "cause", err)
	}
}
