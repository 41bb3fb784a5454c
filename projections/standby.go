package projections

import (
	"context"
	"errors"
	"math"
	"time"

	"parley/projections/views"
)

// Of several servers on one database one brings a projection forward, and the
// others stand by: they follow the log as well, and of each batch that matters
// they wait for the other's commit. When none comes they take over. Whoever
// commits says where the view stands, so however they meet, an event counts
// once.

const (
	// standbyPoll is how often a server that stands by looks for the commit
	// that it waits for.
	standbyPoll = 10 * time.Millisecond
	// standbyPatience is how long the view may stand still while there are
	// events to apply.
	standbyPatience = time.Second
)

// errTakingOver begins at the stored checkpoint, to bring the view forward.
var errTakingOver = errors.New("nobody brings the view forward")

// nowhere is where no view stands.
var nowhere = views.Checkpoint{Position: math.MaxUint64, Event: math.MaxUint64}

// await returns when another server has applied a batch, and forgets what was
// read of the view before.
func (r *runner[T]) await(ctx context.Context, reached views.Checkpoint) error {
	poll := time.NewTicker(standbyPoll)
	defer poll.Stop()
	still := time.Now()
	for {
		stored, err := r.target.Checkpoint(ctx)
		switch {
		case err != nil:
			return err
		case stored.Event >= reached.Event:
			r.stored, r.storedAt = stored, r.now()
			r.projection.reset()
			return nil
		case stored != r.stored:
			r.stored, still = stored, time.Now()
		case time.Since(still) >= standbyPatience:
			return errTakingOver
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
