package node

import (
	"context"
	"sync"

	"parley/events"
)

const (
	// recentEvents and recentBytes bound what is kept in memory for followers
	// at the tip.
	recentEvents = 8192
	recentBytes  = 16 << 20
)

// recent keeps the newest durable events for followers, who so never read
// from Pebble while they keep up, and wakes those who wait for more.
type recent struct {
	mu sync.RWMutex
	// ring holds the events from first to last at their position modulo its
	// length. Positions are dense.
	ring        []events.Recorded
	first, last events.Position
	bytes       int
	// grown is closed and replaced when events are added; nil if no one waits.
	grown chan struct{}
}

// newRecent begins after the last event that is in the store.
func newRecent(last events.Position) *recent {
	return &recent{ring: make([]events.Recorded, recentEvents), first: last + 1, last: last}
}

func (r *recent) at(position events.Position) *events.Recorded {
	return &r.ring[uint64(position)%recentEvents]
}

// add appends events whose positions follow the last one's. It is called by
// the writer alone.
func (r *recent) add(entries []entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range entries {
		if r.last-r.first+1 == recentEvents {
			r.forget()
		}
		r.last++
		*r.at(r.last) = entries[i].event
		r.bytes += retained(r.at(r.last))
	}
	for r.bytes > recentBytes {
		r.forget()
	}
	if r.grown != nil {
		close(r.grown)
		r.grown = nil
	}
}

func (r *recent) forget() {
	e := r.at(r.first)
	r.bytes -= retained(e)
	*e = events.Recorded{}
	r.first++
}

func retained(e *events.Recorded) int { return len(e.Data) + len(e.Metadata) }

// after copies the events that follow a position into dst, as many as there
// are and as its capacity takes. It is false if some of them are forgotten.
func (r *recent) after(position events.Position, dst []events.Recorded) ([]events.Recorded, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if position+1 < r.first {
		return dst, false
	}
	for p := position + 1; p <= r.last && len(dst) < cap(dst); p++ {
		dst = append(dst, *r.at(p))
	}
	return dst, true
}

// wait returns when there are events after a position, or with the context's
// error, or when stop is closed.
func (r *recent) wait(ctx context.Context, position events.Position, stop <-chan struct{}) error {
	return waitFor(ctx, stop, func() <-chan struct{} { return r.growth(position) })
}

// waitFor waits until growth is nil, asking again whenever it is closed.
func waitFor(ctx context.Context, stop <-chan struct{}, growth func() <-chan struct{}) error {
	for {
		grown := growth()
		if grown == nil {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		case <-stop:
			return events.Unavailable(errClosed)
		}
	}
}

// growth is closed when events are added; nil if there are some already.
func (r *recent) growth(position events.Position) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last > position {
		return nil
	}
	if r.grown == nil {
		r.grown = make(chan struct{})
	}
	return r.grown
}
