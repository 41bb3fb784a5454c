package projections

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// room is what must be known of a conversation to apply its next fact, and
// what the batch being applied has not yet written of it. However many
// messages a batch brings, a conversation costs it one update, and each author
// one.
type room struct {
	id       uuid.UUID
	messages int64 // how many there are, which is the last one's ordinal
	last     int64 // the last one's number, or -1
	activity int64 // Unix microseconds of the newest
	changed  events.Position

	open     run
	lastLine []byte
	// markers are the ordinals up to which participants have read.
	markers map[uuid.UUID]int64

	touched     bool // it is in order
	posted      bool
	crewChanged bool
}

// room returns a conversation that was started.
func (c *Conversations) room(ctx context.Context, tx *views.Tx, id uuid.UUID) (*room, error) {
	if r, known := c.rooms[id]; known {
		return c.touch(r), nil
	}
	r := &room{id: id}
	err := tx.QueryRow(ctx, `SELECT messages, last_number, activity, changed FROM conversations WHERE id = $1`,
		[]any{id[:]}, &r.messages, &r.last, &r.activity, &r.changed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("conversation %s was never started", id)
	}
	if err != nil {
		return nil, err
	}
	return c.touch(r), nil
}

// touch enlists a room in the batch.
func (c *Conversations) touch(r *room) *room {
	c.rooms[r.id] = r
	if !r.touched {
		r.touched = true
		c.order = append(c.order, r)
	}
	return r
}

// post adds a message, which its author has read.
func (r *room) post(ctx context.Context, tx *views.Tx, item *roomFact, author uuid.UUID) error {
	number := int64(item.Revision)
	if !r.open.takes(number, item.line) {
		if err := r.open.store(ctx, tx, r.id); err != nil {
			return err
		}
		r.open = run{first: number, ordinal: r.messages + 1}
	}
	r.open.add(item.line)
	r.messages++
	r.last, r.lastLine = number, item.line
	r.activity = max(r.activity, item.Meta.OccurredAt.UnixMicro())
	r.changed = item.Position
	r.posted = true
	r.mark(author, r.messages)
	return nil
}

// mark moves a participant's marker, never backwards.
func (r *room) mark(user uuid.UUID, ordinal int64) {
	if r.markers == nil {
		r.markers = make(map[uuid.UUID]int64)
	}
	r.markers[user] = max(r.markers[user], ordinal)
}

// readUpTo moves a participant's marker to the last message whose number is
// not above the one given.
func (r *room) readUpTo(ctx context.Context, tx *views.Tx, user uuid.UUID, number uint64) error {
	switch {
	case r.messages == 0:
		return nil
	case number >= uint64(r.last):
		r.mark(user, r.messages)
		return nil
	case r.open.size > 0 && number >= uint64(r.open.first):
		r.mark(user, r.open.ordinalAt(int64(number)))
		return nil
	}
	ordinal, err := storedOrdinal(ctx, tx, r.id, int64(number))
	if err == nil {
		r.mark(user, ordinal)
	}
	return err
}

// store writes what the batch has changed.
func (r *room) store(ctx context.Context, tx *views.Tx) error {
	if r.posted {
		if err := r.open.store(ctx, tx, r.id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE conversations SET messages = $1, last_number = $2, last_message = $3, activity = $4, changed = $5 WHERE id = $6`,
			r.messages, r.last, r.lastLine, r.activity, int64(r.changed), r.id[:])
		if err != nil {
			return err
		}
		r.open, r.lastLine = run{}, nil
	}
	for user, ordinal := range r.markers {
		_, err := tx.Exec(ctx, `UPDATE participants SET read_up_to = $1 WHERE conversation = $2 AND participant = $3 AND read_up_to < $1`,
			ordinal, r.id[:], user[:])
		if err != nil {
			return err
		}
	}
	clear(r.markers)
	return nil
}
