package competing

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// Action is what a consumer wants done with an event that it could not handle.
type Action uint8

const (
	// Retry gives it out again, or parks it after too many times.
	Retry Action = iota
	// Park keeps it aside until it is replayed.
	Park
	// Skip drops it.
	Skip
)

// group is the state of a persistent subscription: who consumes, what waits,
// who has what, and how far everything is settled.
type group struct {
	settings  Settings
	strategy  strategy
	consumers []*Consumer
	// retry goes out before fresh. Retried messages stand in the order of the
	// log, and behind them the replayed ones.
	retry, fresh []*message
	// outstanding are the messages that consumers have, by original id.
	outstanding map[uuid.UUID]*message
	unsettled   unsettled
	// at is the last event looked at, and sequence how many that makes.
	at       cursor
	sequence int64
	// caughtUp: nothing followed at when the log was last read.
	caughtUp   bool
	checkpoint checkpoint
	rate       rate
}

// checkpoint is how far a group has told the log that it is done.
type checkpoint struct {
	sequence int64
	at       cursor
	// written is false as long as there is none.
	written bool
	time    time.Time
}

func newGroup(settings Settings, at cursor, now time.Time) *group {
	return &group{
		settings:    settings,
		strategy:    newStrategy(settings.Strategy),
		outstanding: map[uuid.UUID]*message{},
		at:          at,
		checkpoint:  checkpoint{at: at, time: now},
		rate:        rate{since: now},
	}
}

// room is how many more events the group can take from the log.
func (g *group) room() int { return g.settings.buffer() - len(g.fresh) }

// take adds an event of the log.
func (g *group) take(event, link *events.Recorded, at cursor) {
	g.sequence++
	m := &message{event: event, link: link, sequence: g.sequence, before: g.at}
	g.at = at
	g.fresh = append(g.fresh, m)
	g.unsettled.add(m)
}

// pass goes past events that the group's filter does not choose.
func (g *group) pass(count int64, at cursor) {
	g.sequence += count
	g.at = at
}

// replay adds a parked event.
func (g *group) replay(event, link *events.Recorded) {
	g.retry = append(g.retry, &message{event: event, link: link, replayed: true})
}

func (g *group) join(c *Consumer, now time.Time) error {
	if limit := g.settings.MaxSubscriberCount; limit > 0 && len(g.consumers) >= limit {
		return ErrFull
	}
	c.rate.since = now
	g.consumers = append(g.consumers, c)
	g.strategy.joined(c)
	return nil
}

// leave gives what a consumer had to the others.
func (g *group) leave(c *Consumer) {
	if !slices.Contains(g.consumers, c) {
		return
	}
	g.consumers = without(g.consumers, c)
	for _, m := range g.outstanding {
		if m.consumer == c {
			g.retake(m)
			g.again(m)
		}
	}
	g.strategy.left(c)
}

// give hands out what waits to whoever has room.
func (g *group) give(now time.Time) {
	g.retry = g.giveFrom(g.retry, now)
	g.fresh = g.giveFrom(g.fresh, now)
}

// giveFrom returns the messages that nobody takes now.
func (g *group) giveFrom(queue []*message, now time.Time) []*message {
	var kept []*message
	for i, m := range queue {
		if !slices.ContainsFunc(g.consumers, func(c *Consumer) bool { return c.room() > 0 }) {
			if kept == nil {
				return queue[i:]
			}
			return append(kept, queue[i:]...)
		}
		var c *Consumer
		// An id may stand in the log twice. The second waits for the answer to
		// the first, because answers could not tell them apart.
		if g.outstanding[m.id()] == nil {
			c = g.strategy.choose(m)
		}
		if c == nil {
			kept = append(kept, m)
			continue
		}
		m.consumer, m.due = c, now.Add(g.settings.MessageTimeout)
		c.inFlight++
		g.outstanding[m.id()] = m
		g.strategy.given(m)
		c.outbox <- m.delivery()
		c.rate.count()
		g.rate.count()
	}
	return kept
}

// retake ends a consumer's hold of a message.
func (g *group) retake(m *message) {
	g.strategy.returned(m)
	m.consumer.inFlight--
	m.consumer = nil
	delete(g.outstanding, m.id())
}

// again puts a message where it is given out next.
func (g *group) again(m *message) {
	m.retries++
	g.wait(m)
}

func (g *group) wait(m *message) {
	at := len(g.retry)
	if !m.replayed {
		at = sort.Search(len(g.retry), func(i int) bool {
			return g.retry[i].replayed || g.retry[i].sequence > m.sequence
		})
	}
	g.retry = slices.Insert(g.retry, at, m)
}

// ack settles messages. Ids that are not outstanding are ignored: they may be
// answered late, after a timeout.
func (g *group) ack(ids []uuid.UUID) {
	for _, id := range ids {
		if m := g.outstanding[id]; m != nil {
			g.retake(m)
			g.unsettled.settle(m)
		}
	}
}

// parking is a message that is to be parked, and is settled only when it is.
type parking struct {
	message *message
	reason  string
}

// nack returns what is to be parked.
func (g *group) nack(ids []uuid.UUID, action Action, reason string) (parked []parking) {
	for _, id := range ids {
		m := g.outstanding[id]
		if m == nil {
			continue
		}
		switch action {
		case Park:
			g.retake(m)
			parked = append(parked, parking{m, "Client explicitly NAK'ed message.\n" + reason})
		case Skip:
			g.retake(m)
			g.unsettled.settle(m)
		default:
			parked = append(parked, g.failed(m)...)
		}
	}
	return parked
}

// failed retries a message, or parks it if that has been done often enough.
func (g *group) failed(m *message) []parking {
	g.retake(m)
	if m.retries == g.settings.MaxRetryCount {
		return []parking{{m, fmt.Sprintf("Reached retry count of %d", m.retries)}}
	}
	g.again(m)
	return nil
}

// expire ends the hold of consumers that take too long, and returns what is to
// be parked.
func (g *group) expire(now time.Time) (parked []parking) {
	var expired []*message
	for _, m := range g.outstanding {
		if !now.Before(m.due) {
			expired = append(expired, m)
		}
	}
	slices.SortFunc(expired, func(a, b *message) int { return int(a.sequence - b.sequence) })
	for _, m := range expired {
		parked = append(parked, g.failed(m)...)
	}
	return parked
}

// due is the checkpoint to write now, if any: the place before the first event
// that is not settled.
func (g *group) due(now time.Time, onTick bool) (checkpoint, bool) {
	next := checkpoint{sequence: g.sequence, at: g.at, written: true, time: now}
	if first := g.unsettled.first(); first != nil {
		next.sequence, next.at = first.sequence-1, first.before
	}
	progress := next.sequence - g.checkpoint.sequence
	atMost, atLeast := int64(g.settings.MaxCheckpointCount), int64(g.settings.MinCheckpointCount)
	if progress <= 0 || now.Sub(g.checkpoint.time) < g.settings.CheckpointAfter && progress < atMost {
		return next, false
	}
	return next, progress >= atMost || onTick && progress >= atLeast
}

// rate counts what was given out.
type rate struct {
	total, recent int64
	since         time.Time
}

func (r *rate) count() {
	r.total++
	r.recent++
}

// measure answers the deliveries a second, and how many they were, since it
// was last asked.
func (r *rate) measure(now time.Time) (perSecond int, recent int64) {
	recent = r.recent
	if elapsed := now.Sub(r.since).Seconds(); elapsed > 0 {
		perSecond = int(float64(recent) / elapsed)
	}
	r.recent, r.since = 0, now
	return perSecond, recent
}
