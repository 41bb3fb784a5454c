package projections

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections/views"
)

// forwardsTable finds what was forwarded with an idempotency key by its
// event's id, for whoever repeats it.
var forwardsTable = views.Table{
	Name:    "forwards",
	Columns: "conversation BYTEA NOT NULL, id BYTEA NOT NULL, number BIGINT NOT NULL",
	Key:     "conversation, id",
}

func addForward(ctx context.Context, tx *views.Tx, conversation uuid.UUID, event *events.Event) error {
	return tx.Queue(ctx, `INSERT INTO forwards (conversation, id, number) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		conversation[:], event.ID[:], int64(event.Revision))
}

// MessageState implements commands.MessageView.
func (c *Conversations) MessageState(ctx context.Context, conversation uuid.UUID, number uint64) (m decide.MessageState, next uint64, found bool, err error) {
	if number > newest {
		return m, 0, false, nil
	}
	var applied int64
	var r run
	err = c.store.QueryRow(ctx, `SELECT c.applied, m.lines FROM conversations c JOIN messages m ON m.conversation = c.id
		WHERE c.id = $1 AND m.first = (SELECT MAX(first) FROM messages WHERE conversation = $1 AND first <= $2)`,
		[]any{conversation[:], int64(number)}, &applied, &r.lines)
	if errors.Is(err, sql.ErrNoRows) {
		return m, 0, false, nil
	}
	if err != nil {
		return m, 0, false, err
	}
	start, end, _, found := r.find(int64(number))
	if !found {
		return m, 0, false, nil
	}
	shown, err := messageFrom(r.lines[start:end])
	return shown.state(), uint64(applied + 1), err == nil, err
}

// ForwardedAs implements commands.MessageView.
func (c *Conversations) ForwardedAs(ctx context.Context, conversation, id uuid.UUID) (number, next uint64, found bool, err error) {
	var applied int64
	var forwarded sql.NullInt64
	err = c.store.QueryRow(ctx, `SELECT c.applied, f.number FROM conversations c LEFT JOIN forwards f ON f.conversation = c.id AND f.id = $1 WHERE c.id = $2`,
		[]any{id[:], conversation[:]}, &applied, &forwarded)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, false, nil
	}
	return uint64(forwarded.Int64), uint64(applied + 1), forwarded.Valid, err
}

// state is what decisions know of a message that is shown.
func (m *Message) state() decide.MessageState {
	state := decide.MessageState{
		Author: m.Author, Forwarded: m.Forwarded, Text: m.Text, Mentions: m.Mentions, Retracted: m.Retracted, Order: m.Order != nil,
		Reactions: make([]decide.Reaction, len(m.Reactions)),
	}
	for _, a := range m.Attachments {
		state.Attachments = append(state.Attachments, a.state())
	}
	for i, r := range m.Reactions {
		state.Reactions[i] = decide.Reaction{Emoji: r.Emoji, Users: r.UserIDs}
	}
	return state
}
