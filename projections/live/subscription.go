package live

import (
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// Reader is who reads a stream, and what.
type Reader struct {
	User uuid.UUID
	// Token is the id of the token that the stream was opened with, and Issued
	// when it was issued.
	Token  string
	Issued time.Time
	// Conversation is the one that is read; zero for all of the user's.
	Conversation uuid.UUID
	// Wake is called when something is to be taken by a reader that rests. It
	// must neither wait nor call back.
	Wake func()
}

// Subscription is what waits for one reader. Take, Rest and Skip are for the
// one goroutine that reads.
type Subscription struct {
	Reader
	hub *Hub
	// since is the position up to which the hub had published when the
	// subscription began.
	since events.Position

	mu     sync.Mutex
	queue  []*Frame        // guarded by mu
	bytes  int             // of queue; guarded by mu
	passed events.Position // frames up to it are not wanted; guarded by mu
	rests  bool            // the reader is to be woken; guarded by mu
	ended  *End            // nothing more is queued; guarded by mu
}

// Since is where the subscription begins: it gets what comes after that
// position, and nothing of before.
func (s *Subscription) Since() events.Position { return s.since }

// Skip drops the frames up to a position, which the reader has seen elsewhere:
// those to come, and those that wait already.
func (s *Subscription) Skip(to events.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passed = max(s.passed, to)
	s.queue = slices.DeleteFunc(s.queue, func(f *Frame) bool {
		seen := f.Position > 0 && f.Position <= s.passed
		if seen {
			s.bytes -= len(f.chunk)
		}
		return seen
	})
}

// Take appends what waits to frames, and tells whether the stream ends with
// them.
func (s *Subscription) Take(frames []*Frame) ([]*Frame, *End) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rests = false
	frames = append(frames, s.queue...)
	clear(s.queue)
	s.queue, s.bytes = s.queue[:0], 0
	if cap(s.queue) > keptQueue {
		s.queue = nil
	}
	return frames, s.ended
}

// keptQueue is how many places of an emptied queue are kept for the next
// frames.
const keptQueue = 16

// Rest tells whether nothing waits to be taken. Then it calls prepare, and
// Wake is called once when that changes.
func (s *Subscription) Rest(prepare func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) > 0 || s.ended != nil {
		return false
	}
	s.queue = nil
	s.rests = true
	prepare()
	return true
}

// Close ends the subscription. It may be called more than once.
func (s *Subscription) Close() { s.hub.leave(s) }

// push queues a frame, or drops a reader that is too slow.
func (s *Subscription) push(f *Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended != nil, f.Position > 0 && f.Position <= s.passed:
		return
	case len(s.queue) >= s.hub.QueuedFrames || s.bytes+len(f.chunk) > s.hub.QueuedBytes && len(s.queue) > 0:
		s.endLocked(Slow)
		return
	}
	s.queue = append(s.queue, f)
	s.bytes += len(f.chunk)
	s.wake()
}

// end lets the reader have what waits, unless there is too much, and nothing
// after it.
func (s *Subscription) end(why *End) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.endLocked(why)
	}
}

// endLocked must be called with mu held.
func (s *Subscription) endLocked(why *End) {
	s.ended = why
	if why.Abrupt {
		s.queue, s.bytes = nil, 0
	}
	s.wake()
}

func (s *Subscription) wake() {
	if s.rests {
		s.rests = false
		s.Wake()
	}
}
