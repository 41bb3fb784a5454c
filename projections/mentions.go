package projections

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"parley/projections/views"
)

// mentionsTable has who is mentioned in which messages, by their ordinals, so
// that those after a reader's marker can be counted.
var mentionsTable = views.Table{
	Name:    "mentions",
	Columns: "participant BYTEA NOT NULL, conversation BYTEA NOT NULL, ordinal BIGINT NOT NULL",
	Key:     "participant, conversation, ordinal",
}

// mention notes whom a message mentions, and no longer mentions.
func mention(ctx context.Context, tx *views.Tx, conversation uuid.UUID, ordinal int64, before, now []uuid.UUID) error {
	for _, user := range now {
		if slices.Contains(before, user) {
			continue
		}
		err := tx.Queue(ctx, `INSERT INTO mentions (participant, conversation, ordinal) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, user[:], conversation[:], ordinal)
		if err != nil {
			return err
		}
	}
	for _, user := range before {
		if slices.Contains(now, user) {
			continue
		}
		err := tx.Queue(ctx, `DELETE FROM mentions WHERE participant = $1 AND conversation = $2 AND ordinal = $3`, user[:], conversation[:], ordinal)
		if err != nil {
			return err
		}
	}
	return nil
}
