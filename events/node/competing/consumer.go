package competing

import (
	"context"

	"github.com/google/uuid"
)

// Identity is what a group tells about a consumer.
type Identity struct {
	// From is the consumer's address; Name and User may be anything.
	From, User, Name string
}

// Consumer is a place in a group. Its methods may be called from any number of
// goroutines.
type Consumer struct {
	Identity
	runner *runner
	// slots is how many events the consumer may have at a time.
	slots int
	// outbox never holds a sender up: the group sends only while there is
	// room.
	outbox chan Delivery
	// inFlight and rate belong to the group.
	inFlight int
	rate     rate
}

func newConsumer(r *runner, who Identity, slots int) *Consumer {
	slots = min(max(slots, 0), maxBuffered)
	return &Consumer{Identity: who, runner: r, slots: slots, outbox: make(chan Delivery, slots)}
}

// room is how many more messages the consumer can be given. An answer that
// came too late frees a slot before the outbox is emptied.
func (c *Consumer) room() int {
	return min(c.slots-c.inFlight, cap(c.outbox)-len(c.outbox))
}

// Deliveries are the events for the consumer. It is never closed; see Dropped.
func (c *Consumer) Deliveries() <-chan Delivery { return c.outbox }

// Dropped is closed when the group is gone.
func (c *Consumer) Dropped() <-chan struct{} { return c.runner.done }

// Ack tells that events, named by their original ids, are done with. Ids that
// nobody waits for are ignored.
//
// Errors: ErrDropped or the context's.
func (c *Consumer) Ack(ctx context.Context, ids []uuid.UUID) error {
	return c.runner.tell(ctx, func(context.Context) { c.runner.group.ack(ids) })
}

// Nack tells that events could not be handled, and what to do with them. It is
// otherwise like Ack.
func (c *Consumer) Nack(ctx context.Context, ids []uuid.UUID, action Action, reason string) error {
	return c.runner.tell(ctx, func(ctx context.Context) {
		c.runner.park(ctx, c.runner.group.nack(ids, action, reason))
	})
}

// Close gives the place up. What the consumer had goes to others.
func (c *Consumer) Close() {
	// Without a group there is no place.
	_ = c.runner.tell(context.Background(), func(context.Context) { c.runner.group.leave(c) })
}
