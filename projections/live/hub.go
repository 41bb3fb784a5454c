// Package live wakes connected readers when a view has changed. It carries no
// content: who is woken reads the view or the log from the position it had.
package live

import (
	"sync"

	"github.com/google/uuid"

	"parley/events"
)

// Wake says that something about a topic, a conversation or a user, is to be
// seen in the views up to a position.
type Wake struct {
	Topic    uuid.UUID
	Position events.Position
}

// Queued bounds the wakes that wait for one subscriber.
const Queued = 32

// Hub passes wakes to subscribers. The zero Hub is ready, and its methods may
// be called from any number of goroutines.
type Hub struct {
	mu     sync.Mutex
	topics map[uuid.UUID]map[*Subscription]struct{} // guarded by mu
}

// Subscription receives the wakes of its topics.
type Subscription struct {
	hub    *Hub
	wakes  chan Wake
	topics map[uuid.UUID]struct{} // guarded by hub.mu
	closed bool                   // guarded by hub.mu
}

// Subscribe begins to receive the wakes of the topics given. The caller must
// Close it.
func (h *Hub) Subscribe(topics ...uuid.UUID) *Subscription {
	s := &Subscription{hub: h, wakes: make(chan Wake, Queued), topics: make(map[uuid.UUID]struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, topic := range topics {
		h.add(s, topic)
	}
	return s
}

// Wakes yields the subscription's wakes. It is closed by Close, and when the
// subscriber is so slow that its queue is full: then it was dropped, and must
// subscribe anew and resume from the position it had.
func (s *Subscription) Wakes() <-chan Wake { return s.wakes }

// Add begins to receive the wakes of another topic.
func (s *Subscription) Add(topic uuid.UUID) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if !s.closed {
		s.hub.add(s, topic)
	}
}

// Remove ends the wakes of a topic.
func (s *Subscription) Remove(topic uuid.UUID) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.hub.remove(s, topic)
}

// Close ends the subscription. It may be called more than once.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.hub.end(s)
}

// Publish wakes the subscribers of each topic. It never blocks: who has no
// room in its queue is dropped.
func (h *Hub) Publish(wakes ...Wake) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, wake := range wakes {
		for s := range h.topics[wake.Topic] {
			select {
			case s.wakes <- wake:
			default:
				h.end(s)
			}
		}
	}
}

func (h *Hub) add(s *Subscription, topic uuid.UUID) {
	if h.topics == nil {
		h.topics = make(map[uuid.UUID]map[*Subscription]struct{})
	}
	if h.topics[topic] == nil {
		h.topics[topic] = make(map[*Subscription]struct{})
	}
	h.topics[topic][s] = struct{}{}
	s.topics[topic] = struct{}{}
}

func (h *Hub) remove(s *Subscription, topic uuid.UUID) {
	delete(s.topics, topic)
	delete(h.topics[topic], s)
	if len(h.topics[topic]) == 0 {
		delete(h.topics, topic)
	}
}

func (h *Hub) end(s *Subscription) {
	if s.closed {
		return
	}
	s.closed = true
	for topic := range s.topics {
		h.remove(s, topic)
	}
	close(s.wakes)
}
