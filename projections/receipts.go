package projections

import (
	"context"

	"github.com/google/uuid"

	"parley/projections/views"
)

// marker is how far a participant has come in a conversation. What they have
// read is kept twice: as an ordinal, to count what is unread, and as the number
// that they themselves named, which others are shown. Numbers are -1 before the
// first.
type marker struct {
	ordinal   int64
	read      int64
	delivered int64
	// own is the first messages in a row that the participant wrote in the
	// batch.
	own streak
}

// unmarked has read the messages before an ordinal without ever saying so.
func unmarked(ordinal int64) marker {
	return marker{ordinal: ordinal, read: -1, delivered: -1, own: noStreak}
}

// marker is a participant's marker in the batch.
func (r *room) marker(user uuid.UUID) *marker {
	if r.markers == nil {
		r.markers = make(map[uuid.UUID]*marker)
	}
	m, known := r.markers[user]
	if !known {
		begin := unmarked(0)
		m = &begin
		r.markers[user] = m
	}
	return m
}

// move moves a marker, never backwards.
func (m *marker) move(ordinal, read, delivered int64) {
	m.ordinal, m.read, m.delivered = max(m.ordinal, ordinal), max(m.read, read), max(m.delivered, delivered)
}

// readUpTo moves a participant's marker to the last message whose number is
// not above the one given. What is read was delivered.
func (r *room) readUpTo(ctx context.Context, tx *views.Tx, user uuid.UUID, number uint64) error {
	ordinal, err := r.ordinalAt(ctx, tx, number)
	if err == nil && ordinal > 0 {
		shown := int64(min(number, uint64(r.last)))
		r.marker(user).move(ordinal, shown, shown)
	}
	return err
}

func (r *room) deliveredUpTo(user uuid.UUID, number uint64) {
	if r.messages > 0 {
		r.marker(user).move(0, -1, int64(min(number, uint64(r.last))))
	}
}

// ordinalAt is the ordinal of the last message up to a number, or 0.
func (r *room) ordinalAt(ctx context.Context, tx *views.Tx, number uint64) (int64, error) {
	switch {
	case r.messages == 0:
		return 0, nil
	case number >= uint64(r.last):
		return r.messages, nil
	case r.open.size > 0 && number >= uint64(r.open.first):
		return r.open.ordinalAt(int64(number)), nil
	}
	return storedOrdinal(ctx, tx, r.id, int64(number))
}

// storeMarkers writes how far participants came in the batch.
func (r *room) storeMarkers(ctx context.Context, tx *views.Tx) error {
	for user := range r.markers {
		if err := r.storeMarker(ctx, tx, user); err != nil {
			return err
		}
	}
	return nil
}

// storeMarker writes how far a user came, who has no row if they have left.
func (r *room) storeMarker(ctx context.Context, tx *views.Tx, user uuid.UUID) error {
	m, known := r.markers[user]
	if !known {
		return nil
	}
	delete(r.markers, user)
	return tx.Queue(ctx, `UPDATE participants SET
		read_up_to = CASE WHEN read_up_to < $1 THEN $1 ELSE read_up_to END,
		read_number = CASE WHEN read_number < $2 THEN $2 ELSE read_number END,
		delivered_number = CASE WHEN delivered_number < $3 THEN $3 ELSE delivered_number END,
		archived = CASE WHEN archived = $4 THEN $5 ELSE archived END
		WHERE participant = $6 AND conversation = $7`,
		m.ordinal, m.read, m.delivered, m.own.from, m.own.to, user[:], r.id[:])
}
