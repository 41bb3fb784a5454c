package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// Block is somebody whom a user has blocked.
type Block struct {
	UserID    uuid.UUID `json:"userId"`
	BlockedAt time.Time `json:"blockedAt"`
}

// Blocks is a page of whom a user has blocked, in the order in which they were.
type Blocks struct {
	Blocks []Block `json:"blocks"`
	// Next is the URL path of the following page, or nil on the last one.
	Next *string `json:"next"`
}

// blocksTable keeps who blocks whom since which position.
var blocksTable = views.Table{
	Name:    "blocks",
	Columns: `blocker BYTEA NOT NULL, blocked BYTEA NOT NULL, since BIGINT NOT NULL, blocked_at TEXT NOT NULL`,
	Key:     "blocker, blocked",
}

func block(ctx context.Context, tx *views.Tx, event events.Event, fact *events.UserBlocked) error {
	if repeat, err := repeated(ctx, tx, fact.User, lifecycleStream, event.ID); repeat || err != nil {
		return err
	}
	return tx.Queue(ctx, `INSERT INTO blocks (blocker, blocked, since, blocked_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		fact.User[:], fact.Blocked[:], int64(event.Position), timeText(event.Meta.OccurredAt))
}

func unblock(ctx context.Context, tx *views.Tx, event events.Event, fact *events.UserUnblocked) error {
	if repeat, err := repeated(ctx, tx, fact.User, lifecycleStream, event.ID); repeat || err != nil {
		return err
	}
	return tx.Queue(ctx, `DELETE FROM blocks WHERE blocker = $1 AND blocked = $2`, fact.User[:], fact.Blocked[:])
}

// Blocks returns a page of whom a user has blocked since a position; 0 begins.
// The limit is between 1 and MaxPage.
//
// Errors: ErrRange.
func (u *Users) Blocks(ctx context.Context, user uuid.UUID, after events.Position, limit int) (Blocks, error) {
	if limit < 1 || limit > MaxPage || after > newest {
		return Blocks{}, fmt.Errorf("%w: a page has 1 to %d people", ErrRange, MaxPage)
	}
	rows, err := u.store.Query(ctx, `SELECT blocked, blocked_at, since FROM blocks WHERE blocker = $1 AND since > $2 ORDER BY since LIMIT $3`,
		user[:], int64(after), limit+1)
	if err != nil {
		return Blocks{}, err
	}
	defer rows.Close()
	page := Blocks{Blocks: []Block{}}
	var last int64
	for rows.Next() {
		if len(page.Blocks) == limit {
			next := fmt.Sprintf("/v1/users/me/blocks?after=%d&limit=%d", last, limit)
			page.Next = &next
			break
		}
		var id []byte
		var at string
		if err := rows.Scan(&id, &at, &last); err != nil {
			return Blocks{}, err
		}
		var b Block
		if b.UserID, err = idFrom(id); err != nil {
			return Blocks{}, err
		}
		if b.BlockedAt, err = parseTime(at); err != nil {
			return Blocks{}, err
		}
		page.Blocks = append(page.Blocks, b)
	}
	return page, rows.Err()
}

// apart are those whom a user has blocked, and who have blocked the user.
func (u *Users) apart(ctx context.Context, user uuid.UUID) (map[uuid.UUID]bool, error) {
	rows, err := u.store.Query(ctx, `SELECT blocked FROM blocks WHERE blocker = $1 UNION SELECT blocker FROM blocks WHERE blocked = $2`, user[:], user[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	apart := make(map[uuid.UUID]bool)
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		other, err := idFrom(id)
		if err != nil {
			return nil, err
		}
		apart[other] = true
	}
	return apart, rows.Err()
}
