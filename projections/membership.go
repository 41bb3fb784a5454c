package projections

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/live"
	"parley/projections/views"
)

// Members returns all who are in a conversation now, each with the position at
// which they joined it. It is cheap to ask often; the answer is shared and must
// not be changed. A conversation that does not exist has none.
func (c *Conversations) Members(ctx context.Context, conversation uuid.UUID) (live.Members, error) {
	return c.cache.crew(ctx, conversation, func(ctx context.Context) (live.Members, error) {
		members := make(live.Members)
		err := c.positions(ctx, members, `SELECT participant, joined FROM participants WHERE conversation = $1`, conversation[:])
		return members, err
	})
}

// memberships are a user's conversations, each with the position at which the
// user joined it.
func (c *Conversations) memberships(ctx context.Context, user uuid.UUID) (map[uuid.UUID]events.Position, error) {
	joined := make(map[uuid.UUID]events.Position)
	return joined, c.positions(ctx, joined, `SELECT conversation, joined FROM participants WHERE participant = $1`, user[:])
}

// departuresTable keeps who left which conversation, and at which position,
// unless they came back.
var departuresTable = views.Table{
	Name: "departures",
	Columns: `participant BYTEA NOT NULL,
		conversation BYTEA NOT NULL,
		position BIGINT NOT NULL`,
	Key: "participant, conversation",
}

// departed notes that a user has left.
func departed(ctx context.Context, tx *views.Tx, conversation, user uuid.UUID, position events.Position) error {
	return tx.Queue(ctx, `INSERT INTO departures (participant, conversation, position) VALUES ($1, $2, $3)
		ON CONFLICT (participant, conversation) DO UPDATE SET position = excluded.position`, user[:], conversation[:], int64(position))
}

// returned notes that a user is in a conversation, be it anew or again.
func returned(ctx context.Context, tx *views.Tx, conversation, user uuid.UUID) error {
	return tx.Queue(ctx, `DELETE FROM departures WHERE participant = $1 AND conversation = $2`, user[:], conversation[:])
}

// departures are the conversations that a user left after a position, each with
// the position at which they did.
func (c *Conversations) departures(ctx context.Context, user uuid.UUID, after events.Position) (map[uuid.UUID]events.Position, error) {
	left := make(map[uuid.UUID]events.Position)
	return left, c.positions(ctx, left, `SELECT conversation, position FROM departures WHERE participant = $1 AND position > $2`, user[:], int64(after))
}

// positions reads ids and positions.
func (c *Conversations) positions(ctx context.Context, into map[uuid.UUID]events.Position, query string, args ...any) error {
	rows, err := c.store.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id []byte
		var position int64
		if err := rows.Scan(&id, &position); err != nil {
			return err
		}
		key, err := idFrom(id)
		if err != nil {
			return err
		}
		into[key] = events.Position(position)
	}
	return rows.Err()
}
