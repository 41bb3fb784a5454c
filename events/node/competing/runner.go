package competing

import (
	"context"
	"log/slog"
	"time"

	"parley/events"
	"parley/events/node"
)

// runner is the goroutine that owns one group: everything the group holds is
// touched by it alone.
type runner struct {
	key    Key
	node   *node.Node
	source source
	log    *slog.Logger
	now    func() time.Time
	group  *group
	// replaying is the part of the parked stream that is still to be read.
	replaying replaying

	// commands are run one at a time, between two steps.
	commands chan func(context.Context)
	// grown holds a token when the log may have grown since it was read.
	grown chan struct{}
	// stalled: the log could not be read; the next tick tries again.
	stalled bool
	// changed: something was answered since the checkpoint was last looked at.
	changed bool

	cancel context.CancelFunc
	// done is closed when the group is no longer served.
	done chan struct{}
}

// begin serves a group until stop.
func (r *runner) begin(ticks <-chan time.Time, stopTicks func()) {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		r.watch(ctx)
	}()
	go func() {
		defer close(r.done)
		r.run(ctx, ticks)
		stopTicks()
		<-watched
	}()
}

func (r *runner) stop() {
	r.cancel()
	<-r.done
}

// watch leaves a token whenever the log has grown.
func (r *runner) watch(ctx context.Context) {
	for tip := events.Beginning; ; {
		var err error
		if tip, err = r.source.wait(ctx, tip); err != nil {
			return
		}
		select {
		case r.grown <- struct{}{}:
		default:
		}
	}
}

// always is ready at once.
var always = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (r *runner) run(ctx context.Context, ticks <-chan time.Time) {
	for ctx.Err() == nil {
		r.step(ctx)
		var more <-chan struct{}
		if r.hungry() {
			more = always
		}
		select {
		case <-ctx.Done():
		case command := <-r.commands:
			command(ctx)
		case <-r.grown:
			r.group.caughtUp = false
		case <-ticks:
			r.tick(ctx, r.now())
		case <-more:
		}
	}
}

// hungry tells whether there is something to read and room for it.
func (r *runner) hungry() bool {
	if r.stalled {
		return false
	}
	return !r.group.caughtUp && r.group.room() > 0 || r.replayable()
}

// step reads a little and gives out what can be given out.
func (r *runner) step(ctx context.Context) {
	if r.hungry() {
		err := r.readParked(ctx)
		if err == nil {
			err = r.read(ctx)
		}
		if err != nil && ctx.Err() == nil {
			r.stalled = true
			r.log.Warn("persistent subscription cannot read", "group", r.key.String(), "error", err)
		}
	}
	r.group.give(r.now())
	if r.changed {
		r.changed = false
		r.writeCheckpoint(ctx, r.now(), false)
	}
}

func (r *runner) read(ctx context.Context) error {
	limit := min(r.group.room(), r.group.settings.batch())
	if r.group.caughtUp || limit <= 0 {
		return nil
	}
	r.changed = true
	end, err := r.source.read(ctx, r.group, limit)
	r.group.caughtUp = end && err == nil
	return err
}

func (r *runner) tick(ctx context.Context, now time.Time) {
	r.stalled = false
	r.park(ctx, r.group.expire(now))
	r.group.give(now)
	r.writeCheckpoint(ctx, now, true)
}

func (r *runner) writeCheckpoint(ctx context.Context, now time.Time, onTick bool) {
	next, due := r.group.due(now, onTick)
	if !due {
		return
	}
	if err := storeCheckpoint(ctx, r.node, r.key, next.at); err != nil {
		r.log.Warn("persistent subscription cannot store its checkpoint", "group", r.key.String(), "error", err)
		return
	}
	r.group.checkpoint = next
}

// tell has the owner run a command, and does not wait for it.
//
// Errors: ErrDropped or the context's.
func (r *runner) tell(ctx context.Context, command func(context.Context)) error {
	counted := func(ctx context.Context) {
		command(ctx)
		r.changed = true
	}
	select {
	case r.commands <- counted:
		return nil
	case <-r.done:
		return ErrDropped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask has the owner run a command and waits until it is done.
func (r *runner) ask(ctx context.Context, command func(context.Context)) error {
	finished := make(chan struct{})
	err := r.tell(ctx, func(ctx context.Context) {
		defer close(finished)
		command(ctx)
	})
	if err == nil {
		<-finished
	}
	return err
}

// stored is nil if a write was decided in the writer's favour.
func stored(stream string, o node.Outcome, err error) error {
	if err != nil {
		return err
	}
	return o.Err(stream, events.Any)
}
