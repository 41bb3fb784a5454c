// Package live carries what happens to connected readers: each event is
// encoded once, and waits in the bounded queue of every reader it concerns.
// Nothing is kept here. Who was too slow or away reads what they missed from
// the log and the views, from the position they had.
package live

import (
	"errors"
	"sync"

	"github.com/google/uuid"

	"parley/events"
)

// Errors of Subscribe.
var (
	// ErrClosed: the hub takes no more subscriptions.
	ErrClosed = errors.New("no more streams are opened")
	// ErrTooMany: the user has as many as one may have.
	ErrTooMany = errors.New("too many streams")
)

// Members are the users of a conversation, each with the position at which
// they joined it.
type Members map[uuid.UUID]events.Position

// subscriptions are those that something concerns.
type subscriptions map[*Subscription]struct{}

// Hub passes frames to subscriptions. Its methods may be called from any
// number of goroutines; positions are for one of them to bring forward.
type Hub struct {
	// Streams bounds how many streams one user has at a time.
	Streams int
	// QueuedFrames and QueuedBytes bound what waits for one reader. Who falls
	// behind by more than either is dropped.
	QueuedFrames, QueuedBytes int
	// Presence is told when a user's first stream opens, and when the last one
	// has closed, in order. It must neither wait nor call back.
	Presence func(user uuid.UUID, online bool)

	mu       sync.Mutex
	position events.Position             // everything up to it was published; guarded by mu
	users    map[uuid.UUID]subscriptions // guarded by mu
	rooms    map[uuid.UUID]subscriptions // to single conversations; guarded by mu
	inboxes  int                         // how many are to all of a user's; guarded by mu
	closed   bool                        // guarded by mu
	empty    chan struct{}               // closed when a closed hub has none left; guarded by mu
}

// NewHub makes a hub that has published nothing; Pass gives it a position.
func NewHub() *Hub {
	return &Hub{
		Streams: DefaultStreams, QueuedFrames: DefaultQueuedFrames, QueuedBytes: DefaultQueuedBytes,
		Presence: func(uuid.UUID, bool) {},
		users:    make(map[uuid.UUID]subscriptions), rooms: make(map[uuid.UUID]subscriptions),
		empty: make(chan struct{}),
	}
}

// The bounds of a hub, if nothing else is said before its first subscription.
const (
	DefaultStreams      = 64
	DefaultQueuedFrames = 1024
	DefaultQueuedBytes  = 4 << 20
)

// Subscribe begins to queue what is published for a reader. Close the
// subscription.
//
// Errors: ErrClosed, ErrTooMany.
func (h *Hub) Subscribe(r Reader) (*Subscription, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, ErrClosed
	case len(h.users[r.User]) >= h.Streams:
		return nil, ErrTooMany
	}
	s := &Subscription{Reader: r, hub: h, since: h.position}
	if enter(h.users, r.User, s) {
		h.Presence(r.User, true)
	}
	if r.Conversation == uuid.Nil {
		h.inboxes++
	} else {
		enter(h.rooms, r.Conversation, s)
	}
	return s, nil
}

func (h *Hub) leave(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.users[s.User][s]; !there {
		return
	}
	if exit(h.users, s.User, s) {
		h.Presence(s.User, false)
	}
	if s.Conversation == uuid.Nil {
		h.inboxes--
	} else {
		exit(h.rooms, s.Conversation, s)
	}
	if h.closed && len(h.users) == 0 {
		close(h.empty)
	}
}

// enter tells whether the subscription is the first one of its kind.
func enter(to map[uuid.UUID]subscriptions, id uuid.UUID, s *Subscription) bool {
	if to[id] == nil {
		to[id] = make(subscriptions, 1)
	}
	to[id][s] = struct{}{}
	return len(to[id]) == 1
}

// exit tells whether the subscription was the last one of its kind.
func exit(from map[uuid.UUID]subscriptions, id uuid.UUID, s *Subscription) bool {
	delete(from[id], s)
	if len(from[id]) > 0 {
		return false
	}
	delete(from, id)
	return true
}

// Online tells whether a user has a stream.
func (h *Hub) Online(user uuid.UUID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.users[user]) > 0
}

// OnlineAmong returns members who have a stream, at most so many of them.
func (h *Hub) OnlineAmong(members Members, most int) []uuid.UUID {
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []uuid.UUID
	h.present(members, func(user uuid.UUID) bool {
		found = append(found, user)
		return len(found) < most
	})
	return found
}

// Position is up to where the hub has published.
func (h *Hub) Position() events.Position {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.position
}

// Pass brings the hub to the position of events that concern nobody.
func (h *Hub) Pass(position events.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.position = position
}

// PassIdle does so if nobody subscribes to anything, and tells whether.
func (h *Hub) PassIdle(position events.Position) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.users) > 0 {
		return false
	}
	h.position = position
	return true
}

// PassUnheard does so if nobody subscribes to the conversation of an event,
// and tells whether. Without members to look among, any inbox might.
func (h *Hub) PassUnheard(position events.Position, conversation uuid.UUID, members Members) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.rooms[conversation]) > 0 || h.inboxes > 0 && (members == nil || h.anyInbox(members)) {
		return false
	}
	h.position = position
	return true
}

func (h *Hub) anyInbox(members Members) bool {
	for range h.inboxesOf(members) {
		return true
	}
	return false
}

// inboxesOf yields the subscriptions of members to all their conversations.
func (h *Hub) inboxesOf(members Members) func(yield func(*Subscription) bool) {
	return func(yield func(*Subscription) bool) {
		h.present(members, func(user uuid.UUID) bool {
			for s := range h.users[user] {
				if s.Conversation == uuid.Nil && !yield(s) {
					return false
				}
			}
			return true
		})
	}
}

// present visits the members who have streams, by way of the fewer.
func (h *Hub) present(members Members, visit func(uuid.UUID) bool) {
	if len(members) < len(h.users) {
		for user := range members {
			if len(h.users[user]) > 0 && !visit(user) {
				return
			}
		}
		return
	}
	for user := range h.users {
		if _, member := members[user]; member && !visit(user) {
			return
		}
	}
}

// Event is what happened in a conversation.
type Event struct {
	Position     events.Position
	Conversation uuid.UUID
	// Members are those of the conversation.
	Members Members
	// Frame is for everybody but those who have one of their own; nil is for
	// nobody.
	Frame *Frame
	// Own are frames for single users, members or not.
	Own map[uuid.UUID]*Frame
	// Gone has left by this event: streams of the conversation end with it.
	Gone uuid.UUID
}

// Publish queues an event for those it concerns, and brings the hub to its
// position. It does not wait for readers: who has no room in the queue is
// dropped.
func (h *Hub) Publish(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.position = e.Position
	for user, frame := range e.Own {
		for s := range h.users[user] {
			if s.Conversation == uuid.Nil || s.Conversation == e.Conversation {
				s.push(frame)
			}
		}
	}
	for s := range h.rooms[e.Conversation] {
		if _, own := e.Own[s.User]; !own && e.Frame != nil {
			s.push(e.Frame)
		}
		if s.User == e.Gone {
			s.end(Left)
		}
	}
	if e.Frame == nil {
		return
	}
	for s := range h.inboxesOf(e.Members) {
		if _, own := e.Own[s.User]; !own && e.Members[s.User] <= e.Position {
			s.push(e.Frame)
		}
	}
}

// Signal queues a frame of something that is not in the log: once for each
// stream of the conversations, and for each of all those of a reader, but for
// none of those kept out.
func (h *Hub) Signal(conversations []uuid.UUID, readers Members, out map[uuid.UUID]bool, frame *Frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, conversation := range conversations {
		for s := range h.rooms[conversation] {
			if !out[s.User] {
				s.push(frame)
			}
		}
	}
	for s := range h.inboxesOf(readers) {
		if !out[s.User] {
			s.push(frame)
		}
	}
}

// ConversationsOf returns the single conversations that a user has streams of.
func (h *Hub) ConversationsOf(user uuid.UUID) []uuid.UUID {
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []uuid.UUID
	for s := range h.users[user] {
		if s.Conversation != uuid.Nil {
			found = append(found, s.Conversation)
		}
	}
	return found
}

// EndAll ends all streams there are.
func (h *Hub) EndAll(why *End) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.endAll(why)
}

// endAll must be called with mu held.
func (h *Hub) endAll(why *End) {
	for _, all := range h.users {
		for s := range all {
			s.end(why)
		}
	}
}

// EndUser ends the streams of a user that match.
func (h *Hub) EndUser(user uuid.UUID, why *End, match func(Reader) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.users[user] {
		if match(s.Reader) {
			s.end(why)
		}
	}
}

// Close ends all streams, and lets no new ones begin. The channel returned is
// closed when all readers have closed theirs.
func (h *Hub) Close(why *End) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return h.empty
	}
	h.closed = true
	if len(h.users) == 0 {
		close(h.empty)
	}
	h.endAll(why)
	return h.empty
}
