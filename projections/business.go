package projections

import (
	"context"
	"database/sql"
	"fmt"
	"maps"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/live"
	"parley/projections/views"
)

// agentsTable has who acts for merchants since which position, and is so in all
// their conversations.
var agentsTable = views.Table{
	Name:    "agents",
	Columns: "merchant BYTEA NOT NULL, agent BYTEA NOT NULL, added BIGINT NOT NULL",
	Key:     "merchant, agent",
}

// heardTable has where something last happened in a merchant's conversations, of
// which there can be more than its agents could look through to find what they
// have missed.
var heardTable = views.Table{
	Name:    "heard",
	Columns: "conversation BYTEA NOT NULL, merchant BYTEA NOT NULL, position BIGINT NOT NULL",
	Key:     "conversation",
}

const (
	conversationsByMerchant = `CREATE INDEX IF NOT EXISTS conversations_by_merchant ON conversations (merchant, activity, id) WHERE merchant IS NOT NULL`
	heardByPosition         = `CREATE INDEX IF NOT EXISTS heard_by_position ON heard (merchant, position)`
)

func (c *Conversations) staff(ctx context.Context, tx *views.Tx, item *roomFact) error {
	c.staffed = true
	switch f := item.Fact.(type) {
	case *events.AgentAdded:
		return tx.Queue(ctx, `INSERT INTO agents (merchant, agent, added) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, f.Merchant[:], f.User[:], int64(item.Position))
	case *events.AgentRemoved:
		return tx.Queue(ctx, `DELETE FROM agents WHERE merchant = $1 AND agent = $2`, f.Merchant[:], f.User[:])
	}
	return nil
}

// heard is what a batch changes of heardTable.
type heard map[uuid.UUID]events.Position

func (h heard) note(r *room, at events.Position) {
	if r != nil && r.business {
		h[r.id] = at
	}
}

func (h heard) store(ctx context.Context, tx *views.Tx) error {
	for conversation, at := range h {
		err := tx.Queue(ctx, `INSERT INTO heard (conversation, merchant, position) SELECT id, merchant, $1 FROM conversations WHERE id = $2
			ON CONFLICT (conversation) DO UPDATE SET position = excluded.position`, int64(at), conversation[:])
		if err != nil {
			return err
		}
	}
	return nil
}

// audience are all who are told what happens in a conversation: its members,
// and the agents of its merchant, each with the position since which they are.
// It is as cheap as Members.
func (c *Conversations) audience(ctx context.Context, conversation uuid.UUID) (live.Members, error) {
	return c.cache.hearers(ctx, conversation, func(ctx context.Context) (live.Members, error) {
		all := make(live.Members)
		err := c.positions(ctx, all, `SELECT a.agent, a.added FROM agents a JOIN conversations c ON c.merchant = a.merchant WHERE c.id = $1`, conversation[:])
		if err != nil {
			return nil, err
		}
		members, err := c.Members(ctx, conversation)
		if len(all) == 0 {
			return members, err
		}
		maps.Copy(all, members)
		return all, err
	})
}

// employments are the merchants for whom a user acts, each with the position
// since which they do.
func (c *Conversations) employments(ctx context.Context, agent uuid.UUID) (map[uuid.UUID]events.Position, error) {
	since := make(map[uuid.UUID]events.Position)
	return since, c.positions(ctx, since, `SELECT merchant, added FROM agents WHERE agent = $1`, agent[:])
}

// heardSince are a merchant's conversations in which something happened after a
// position: at most limit of them.
func (c *Conversations) heardSince(ctx context.Context, merchant uuid.UUID, after events.Position, limit int) ([]uuid.UUID, error) {
	return idsOf(c.store.Query(ctx, `SELECT conversation FROM heard WHERE merchant = $1 AND position > $2 LIMIT $3`, merchant[:], int64(min(after, newest)), limit))
}

// admitAgent fails with ErrNotParticipant for who is no participant and does
// not act for the conversation's merchant.
func (c *Conversations) admitAgent(ctx context.Context, conversation, viewer uuid.UUID) error {
	participates, err := c.IsParticipant(ctx, conversation, viewer)
	if err == nil && !participates {
		err = ErrNotParticipant
	}
	return err
}

// OfMerchant returns a merchant's conversations as its agents see them, newest
// activity first. An empty cursor begins; limit is between 1 and MaxPage.
//
// Errors: ErrCursor, ErrRange.
func (c *Conversations) OfMerchant(ctx context.Context, merchant uuid.UUID, cursor string, limit int) (Inbox, error) {
	if limit < 1 || limit > MaxPage {
		return Inbox{}, fmt.Errorf("%w: a page has 1 to %d conversations", ErrRange, MaxPage)
	}
	from, err := parseCursor(merchant, cursor)
	if err != nil {
		return Inbox{}, err
	}
	places, err := placesOf(c.store.Query(ctx, `SELECT activity, id FROM conversations WHERE merchant = $1 AND (activity, id) < ($2, $3)
		ORDER BY activity DESC, id DESC LIMIT $4`, merchant[:], from.activity, from.id[:], limit+1))
	if err != nil {
		return Inbox{}, err
	}
	return inboxFrom(c.inboxJSON(ctx, merchant, places, limit, func(cursor string) string { return cursor }, func(ids []any) (*views.Rows, error) {
		text, args := listed(inboxOfMerchant, ids, `)`)
		return c.store.Query(ctx, text, args...)
	}))
}

// placesOf reads rows to their end.
func placesOf(rows *views.Rows, err error) ([]inboxPlace, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var places []inboxPlace
	for rows.Next() {
		var place inboxPlace
		var id sql.RawBytes
		if err := rows.Scan(&place.activity, &id); err != nil {
			return nil, err
		}
		if place.id, err = idFrom(id); err != nil {
			return nil, err
		}
		places = append(places, place)
	}
	return places, rows.Err()
}
