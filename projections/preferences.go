package projections

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// A participant's row says up to which ordinal there are only messages that do
// not bring an archived conversation back, or -1 if it is not archived. So a
// message brings it back for everybody at once, whose rows stay as they are,
// but for its author, whose own row moves on with it.

// streak is messages in a row, from one ordinal, excluded, to another.
type streak struct{ from, to int64 }

// noStreak continues nothing that is stored.
var noStreak = streak{-2, -2}

// add continues a streak with one that has the ordinal given; after a
// gap there is nothing to continue.
func (s *streak) add(ordinal int64) {
	switch {
	case *s == noStreak:
		*s = streak{ordinal - 1, ordinal}
	case s.to == ordinal-1:
		s.to = ordinal
	}
}

// Values of a row's muted_until, besides a time in Unix microseconds.
const (
	notMuted     = int64(-1)
	mutedForGood = int64(math.MaxInt64)
)

// prefer applies what a participant keeps of the conversation for themselves.
func (r *room) prefer(ctx context.Context, tx *views.Tx, fact events.Fact) error {
	switch f := fact.(type) {
	case *events.ConversationMuted:
		until := mutedForGood
		if f.Until != nil {
			until = f.Until.UnixMicro()
		}
		return r.mute(ctx, tx, f.User, until)
	case *events.ConversationUnmuted:
		return r.mute(ctx, tx, f.User, notMuted)
	case *events.ConversationArchived:
		return r.archive(ctx, tx, f.User, r.messages)
	case *events.ConversationUnarchived:
		return r.archive(ctx, tx, f.User, -1)
	}
	return nil
}

func (r *room) mute(ctx context.Context, tx *views.Tx, user uuid.UUID, until int64) error {
	return tx.Queue(ctx, `UPDATE participants SET muted_until = $1 WHERE participant = $2 AND conversation = $3`, until, user[:], r.id[:])
}

func (r *room) archive(ctx context.Context, tx *views.Tx, user uuid.UUID, ordinal int64) error {
	// What they wrote before must not move what is said now.
	if err := r.storeMarker(ctx, tx, user); err != nil {
		return err
	}
	r.regrouped = append(r.regrouped, user)
	return tx.Queue(ctx, `UPDATE participants SET archived = $1 WHERE participant = $2 AND conversation = $3`, ordinal, user[:], r.id[:])
}

// preferring is who keeps something for themselves by a fact.
func preferring(fact events.Fact) uuid.UUID {
	switch f := fact.(type) {
	case *events.ConversationMuted:
		return f.User
	case *events.ConversationUnmuted:
		return f.User
	case *events.ConversationArchived:
		return f.User
	case *events.ConversationUnarchived:
		return f.User
	}
	return uuid.Nil
}

// preferenceData fails with ErrNotFound for who has left since.
func (c *Conversations) preferenceData(ctx context.Context, change *Change, user uuid.UUID) (PreferenceData, error) {
	change.Name, change.only = PreferenceChange, user
	var p preferences
	var messages int64
	err := c.store.QueryRow(ctx, `SELECT p.archived, p.muted_until, c.messages FROM participants p JOIN conversations c ON c.id = p.conversation
		WHERE p.participant = $1 AND p.conversation = $2`, []any{user[:], change.ConversationID[:]}, &p.archived, &p.mutedUntil, &messages)
	if errors.Is(err, sql.ErrNoRows) {
		return PreferenceData{}, ErrNotFound
	}
	muted, until := p.muted(c.now())
	return PreferenceData{change.ConversationID, user, muted, until, p.archived >= messages}, err
}

// preferences are what a viewer's row says.
type preferences struct{ archived, mutedUntil int64 }

// muted tells whether a conversation is muted, and until when if not for good.
func (p preferences) muted(now time.Time) (bool, *time.Time) {
	switch {
	case p.mutedUntil == mutedForGood:
		return true, nil
	case p.mutedUntil > now.UnixMicro():
		until := time.UnixMicro(p.mutedUntil).UTC()
		return true, &until
	}
	return false, nil
}

// newcomersPreferences are those of somebody who has just joined.
var newcomersPreferences = preferences{archived: -1, mutedUntil: notMuted}
