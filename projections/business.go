package projections

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// agentsTable has who acts for merchants, and is so in all their conversations.
var agentsTable = views.Table{
	Name:    "agents",
	Columns: "merchant BYTEA NOT NULL, agent BYTEA NOT NULL",
	Key:     "merchant, agent",
}

const conversationsByMerchant = `CREATE INDEX IF NOT EXISTS conversations_by_merchant ON conversations (merchant, activity, id)`

func (c *Conversations) staff(ctx context.Context, tx *views.Tx, fact events.Fact) error {
	c.staffed = true
	switch f := fact.(type) {
	case *events.AgentAdded:
		return tx.Queue(ctx, `INSERT INTO agents (merchant, agent) VALUES ($1, $2) ON CONFLICT DO NOTHING`, f.Merchant[:], f.User[:])
	case *events.AgentRemoved:
		return tx.Queue(ctx, `DELETE FROM agents WHERE merchant = $1 AND agent = $2`, f.Merchant[:], f.User[:])
	}
	return nil
}

// admitAgent completes the row of a conversation that its viewer is no
// participant of, as an agent sees it: without markers of their own.
func (c *Conversations) admitAgent(ctx context.Context, row *inboxRow, conversation, viewer uuid.UUID) error {
	participates, err := c.IsParticipant(ctx, conversation, viewer)
	if err == nil && !participates {
		err = ErrNotParticipant
	}
	row.readUpTo = row.messages
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
	rows, err := c.store.Query(ctx, `SELECT id, kind, title, started_at, participants, messages, `+lastRun+`, activity, pinned, merchant, messages, -1, -1, 0
		FROM conversations c WHERE merchant = $1 AND (activity, id) < ($2, $3) ORDER BY activity DESC, id DESC LIMIT $4`,
		merchant[:], from.activity, from.id[:], limit+1)
	if err != nil {
		return Inbox{}, err
	}
	found, err := scanInbox(rows)
	if err != nil {
		return Inbox{}, err
	}
	return c.inbox(ctx, merchant, found, limit)
}
