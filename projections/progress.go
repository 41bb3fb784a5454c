package projections

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/events"
)

// progress is how far a projection is, and who waits for it to go on.
type progress struct {
	position atomic.Uint64
	// hurry has a token when somebody has begun to wait; it may be nil.
	hurry chan struct{}

	mu      sync.Mutex
	state   State     // guarded by mu
	failure *Failure  // guarded by mu
	created time.Time // of the last event applied; guarded by mu
	waiters []waiter  // guarded by mu
}

type waiter struct {
	position events.Position
	done     chan struct{} // closed once the position is passed or the projection stopped
}

func (p *progress) passed() events.Position { return events.Position(p.position.Load()) }

func (p *progress) lastCreated() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.created
}

// advance says that everything up to the position is to be seen.
func (p *progress) advance(position events.Position, created time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.position.Store(uint64(position))
	if !created.IsZero() {
		p.created = created
	}
	p.wake(func(w waiter) bool { return w.position <= position })
}

func (p *progress) stop(failure *Failure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state, p.failure = Stopped, failure
	p.wake(func(waiter) bool { return true })
}

// wake must be called with mu held.
func (p *progress) wake(due func(waiter) bool) {
	waiting := p.waiters[:0]
	for _, w := range p.waiters {
		if due(w) {
			close(w.done)
		} else {
			waiting = append(waiting, w)
		}
	}
	clear(p.waiters[len(waiting):])
	p.waiters = waiting
}

// startOver is catching up, unless it goes on running.
func (p *progress) startOver() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state != Running {
		p.state, p.failure = CatchingUp, nil
	}
}

// setState leaves a failure behind.
func (p *progress) setState(state State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state, p.failure = state, nil
}

// wait returns when the position is passed; see Set.Wait.
func (p *progress) wait(ctx context.Context, position events.Position) error {
	if p.passed() >= position {
		return nil
	}
	w, err := p.enqueue(position)
	if err != nil || w.done == nil {
		return err
	}
	select {
	case <-w.done:
		if p.passed() >= position {
			return nil
		}
		return p.stopped()
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		p.wake(func(other waiter) bool { return other.done == w.done })
		return fmt.Errorf("%w: at position %d of %d: %w", ErrBehind, p.passed(), position, context.Cause(ctx))
	}
}

// enqueue adds a waiter, unless there is nothing to wait for.
func (p *progress) enqueue(position events.Position) (waiter, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.passed() >= position:
		return waiter{}, nil
	case p.state == Stopped:
		return waiter{}, p.stoppedLocked()
	}
	w := waiter{position, make(chan struct{})}
	p.waiters = append(p.waiters, w)
	select {
	case p.hurry <- struct{}{}:
	default:
	}
	return w, nil
}

// awaited tells whether somebody waits for what comes after the position.
func (p *progress) awaited(after events.Position) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.waiters, func(w waiter) bool { return w.position > after })
}

func (p *progress) stopped() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stoppedLocked()
}

func (p *progress) stoppedLocked() error {
	return fmt.Errorf("%w at position %d: %s", ErrStopped, p.passed(), p.failure.Cause)
}
