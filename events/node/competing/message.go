package competing

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// Delivery is an event on its way to a consumer.
type Delivery struct {
	// Event is nil if it is what a link points to and is gone.
	Event *events.Recorded
	// Link is the link that was followed, if any.
	Link *events.Recorded
	// RetryCount is 0 the first time.
	RetryCount int
}

// Original is the event that stands in the stream consumed; consumers
// acknowledge by its id.
func (d Delivery) Original() *events.Recorded {
	if d.Link != nil {
		return d.Link
	}
	return d.Event
}

// message is an event in the hands of a group.
type message struct {
	event, link *events.Recorded
	retries     int
	// sequence counts the events that the group has looked at, this one
	// included; before is where the one looked at before it stands. A
	// replayed message has neither.
	sequence int64
	before   cursor
	// replayed: it was parked and comes back.
	replayed bool
	// bucket is that of a pinned strategy, 0 as long as it is not known.
	bucket int
	// consumer has the message since it was given out, until due.
	consumer *Consumer
	due      time.Time
	// settled: acknowledged, skipped or parked.
	settled bool
}

func (m *message) delivery() Delivery {
	return Delivery{Event: m.event, Link: m.link, RetryCount: m.retries}
}

func (m *message) id() uuid.UUID { return m.delivery().Original().ID }

// unsettled keeps messages in the order of their sequence, to know the first
// that is not settled. Settled ones are removed from its front at once, others
// when they are the greater part.
type unsettled struct {
	messages []*message
	settled  int
}

func (u *unsettled) add(m *message) { u.messages = append(u.messages, m) }

func (u *unsettled) settle(m *message) {
	m.settled = true
	if m.replayed {
		return
	}
	u.settled++
	if u.messages[0] != m && u.settled <= len(u.messages)/2 {
		return
	}
	if u.messages[0] == m {
		for len(u.messages) > 0 && u.messages[0].settled {
			u.messages[0] = nil
			u.messages = u.messages[1:]
			u.settled--
		}
		return
	}
	u.messages = slices.DeleteFunc(u.messages, func(m *message) bool { return m.settled })
	u.settled = 0
}

func (u *unsettled) first() *message {
	if len(u.messages) == 0 {
		return nil
	}
	return u.messages[0]
}
