package esdb

import (
	"context"
	"fmt"
	"math"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"

	"parley/events"
)

// Windows, in events that the server considers between two checkpoints.
const (
	// catchUpWindow is wide: a page of the server's reading.
	catchUpWindow = 512
	// liveWindow is the server's default; live, it matters only for system
	// events, for all others are received.
	liveWindow = 32
)

// follower is the receiving side of a Follow.
//
// Where the filter names prefixes, the server applies it while catching up.
// From then on the follower takes all events but the system's and filters
// itself: the server tells of filtered-out events only once in a while, and a
// mark must not lag behind the log because of them.
type follower struct {
	log    *Log
	filter prefixFilter
	// last is the position up to which everything was received. Owned by run.
	last  events.Position
	items chan<- item
}

func (f *follower) run(ctx context.Context) {
	pause := backoff{}
	narrow := len(f.filter.prefixes) > 0
	for ctx.Err() == nil {
		reached := f.last
		done, err := f.subscription(ctx, narrow)
		switch {
		case done:
			narrow = false
			continue
		case ctx.Err() != nil:
			return
		case fatal(err):
			f.send(ctx, item{kind: failed, err: fmt.Errorf("following the log after position %d: %w", f.last, err)})
			return
		}
		narrow = len(f.filter.prefixes) > 0
		if !f.send(ctx, item{kind: dropped}) {
			return
		}
		if f.last > reached {
			pause.reset()
		}
		pause.wait(ctx)
	}
}

// fatal tells the errors that taking the subscription up again cannot mend:
// the server finds no such position in its log.
func fatal(err error) bool {
	code, _ := grpcStatus(err)
	return code == codes.InvalidArgument
}

// subscription takes one subscription up after the last position and receives
// until it drops, or, when narrow, until it has caught up, which is done.
func (f *follower) subscription(ctx context.Context, narrow bool) (done bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := f.resolveEnd(ctx); err != nil {
		return false, err
	}
	current, err := f.log.supervisor.enter(ctx)
	if err != nil {
		return false, err
	}
	defer current.leave()
	// What retired the session may be a change of leader, and a server that has
	// lost the lead may stay connected and tell of nothing new.
	go func() {
		select {
		case <-current.retiring:
			cancel()
		case <-ctx.Done():
		}
	}()
	unconfirmed := time.AfterFunc(f.log.deadline, cancel)
	subscribed, err := f.subscribe(ctx, current, narrow)
	if inTime := unconfirmed.Stop(); !inTime {
		current.shut(errUnanswered)
	}
	if err != nil {
		return false, fmt.Errorf("subscribing: %w", err)
	}
	defer subscribed.Close()
	return f.receive(ctx, subscribed, narrow)
}

// resolveEnd puts the log's last position in the place of events.End.
func (f *follower) resolveEnd(ctx context.Context) error {
	if f.last != events.End {
		return nil
	}
	tip, err := events.Tip(ctx, f.log)
	if err != nil {
		return err
	}
	f.last = tip
	return nil
}

// subscribe returns when the server has confirmed.
func (f *follower) subscribe(ctx context.Context, current *session, narrow bool) (*client.Subscription, error) {
	options := client.SubscribeToAllOptions{
		From:               allPosition(f.last),
		Filter:             &client.SubscriptionFilter{Type: client.StreamFilterType, Regex: `^[^$]`},
		MaxSearchWindow:    liveWindow,
		CheckpointInterval: 1,
	}
	if narrow {
		options.Filter = &client.SubscriptionFilter{Type: client.StreamFilterType, Prefixes: f.filter.prefixes}
		options.MaxSearchWindow = catchUpWindow
	}
	return use(f.log.outgoing(ctx), current, func(ctx context.Context, c *client.Client) (*client.Subscription, error) {
		return c.SubscribeToAll(ctx, options)
	})
}

// receive passes on what a subscription brings until it drops.
func (f *follower) receive(ctx context.Context, subscribed *client.Subscription, narrow bool) (done bool, err error) {
	for {
		next := subscribed.Recv()
		sent := true
		switch {
		case next.SubscriptionDropped != nil:
			return false, next.SubscriptionDropped.Error
		case next.EventAppeared != nil:
			sent = f.event(ctx, recorded(next.EventAppeared))
		case next.CheckPointReached != nil:
			sent = f.checkpoint(ctx, next.CheckPointReached.Commit)
		case next.CaughtUp != nil && narrow:
			return true, nil
		case next.CaughtUp != nil:
			sent = f.send(ctx, item{kind: caughtUp, event: events.Recorded{Position: f.last}})
		}
		if !sent {
			return false, ctx.Err()
		}
	}
}

// event passes an event on unless it was received before.
func (f *follower) event(ctx context.Context, event events.Recorded) bool {
	if event.Position <= f.last {
		return true
	}
	it := item{kind: appeared, event: event}
	if !f.filter.passes(event) {
		it = item{kind: passed, event: events.Recorded{Position: event.Position}}
	}
	return f.advance(ctx, it)
}

// checkpoint passes a position on. Servers have sent older ones, and the
// greatest number there is, for none.
func (f *follower) checkpoint(ctx context.Context, commit uint64) bool {
	if commit == math.MaxUint64 || events.Position(commit) <= f.last {
		return true
	}
	return f.advance(ctx, item{kind: passed, event: events.Recorded{Position: events.Position(commit)}})
}

// advance moves on only past what was sent: what is not sent before the
// subscription ends must come again with the next one.
func (f *follower) advance(ctx context.Context, it item) bool {
	sent := f.send(ctx, it)
	if sent {
		f.last = it.event.Position
	}
	return sent
}

func (f *follower) send(ctx context.Context, it item) bool {
	select {
	case f.items <- it:
		return true
	case <-ctx.Done():
		return false
	}
}
