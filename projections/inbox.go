package projections

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections/views"
)

// Inbox is a page of a user's conversations, newest activity first.
type Inbox struct {
	Conversations []Conversation `json:"conversations"`
	// Next is the cursor of the following page, or nil on the last one.
	Next *string `json:"next"`
}

// Get returns a conversation as the viewer sees it.
//
// Errors: ErrNotFound, ErrNotParticipant.
func (c *Conversations) Get(ctx context.Context, conversation, viewer uuid.UUID) (Conversation, error) {
	return c.get(ctx, conversation, viewer, decide.MaxParticipants)
}

// get is Get with so many participants at most.
func (c *Conversations) get(ctx context.Context, conversation, viewer uuid.UUID, participants int) (Conversation, error) {
	var row inboxRow
	err := c.store.QueryRow(ctx, `SELECT c.id, c.kind, c.title, c.started_at, c.participants, c.messages, `+lastRun+`, c.pinned, c.merchant,
		COALESCE(p.read_up_to, -1), COALESCE(p.archived, -1), COALESCE(p.muted_until, -1),
		(SELECT COUNT(*) FROM mentions m WHERE m.participant = p.participant AND m.conversation = c.id AND m.ordinal > p.read_up_to)
		FROM conversations c LEFT JOIN participants p ON p.conversation = c.id AND p.participant = $1 WHERE c.id = $2`,
		[]any{viewer[:], conversation[:]}, row.columns()...)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Conversation{}, ErrNotFound
	case err != nil:
		return Conversation{}, err
	}
	if row.readUpTo < 0 {
		if err := c.admitAgent(ctx, &row, conversation, viewer); err != nil {
			return Conversation{}, err
		}
	}
	return c.conversation(ctx, &row, participants)
}

// IsParticipant tells whether a user is in a conversation now, as a participant
// or as an agent of its merchant. It is cheap to
// ask often. ErrNotFound if there is no such conversation.
func (c *Conversations) IsParticipant(ctx context.Context, conversation, user uuid.UUID) (bool, error) {
	return c.cache.member(ctx, conversation, user, func(ctx context.Context) (bool, error) {
		var participates bool
		err := c.store.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM participants WHERE conversation = $1 AND participant = $2)
			OR EXISTS (SELECT 1 FROM agents a WHERE a.merchant = c.merchant AND a.agent = $2) FROM conversations c WHERE c.id = $1`, []any{conversation[:], user[:]}, &participates)
		if errors.Is(err, sql.ErrNoRows) {
			return false, ErrNotFound
		}
		return participates, err
	})
}

// Of returns the conversations that a user is in now, in no order.
func (c *Conversations) Of(ctx context.Context, user uuid.UUID) ([]uuid.UUID, error) {
	if ids, known := c.orders.members(user); known {
		return ids, nil
	}
	ids, err := idsOf(c.store.Query(ctx, `SELECT conversation FROM participants WHERE participant = $1`, user[:]))
	if err != nil || len(ids) < c.orders.shortest {
		return ids, err
	}
	all, err := c.readOrder(ctx, user)
	return idsIn(all), err
}

// Inbox returns the viewer's conversations, those that they have archived or
// the others, newest activity first. An empty cursor begins; limit is between 1
// and MaxPage.
//
// Errors: ErrCursor, ErrRange.
func (c *Conversations) Inbox(ctx context.Context, viewer uuid.UUID, archived bool, cursor string, limit int) (Inbox, error) {
	if limit < 1 || limit > MaxPage {
		return Inbox{}, fmt.Errorf("%w: a page has 1 to %d conversations", ErrRange, MaxPage)
	}
	from, err := parseCursor(viewer, cursor)
	if err != nil {
		return Inbox{}, err
	}
	places, err := c.places(ctx, viewer, archived, from, limit+1)
	if err != nil {
		return Inbox{}, err
	}
	return c.inbox(ctx, viewer, places, limit, func(ids []any) (*views.Rows, error) {
		text, args := listed(inboxOfViewer, ids, `) AND p.participant = `, viewer[:])
		return c.store.Query(ctx, text, args...)
	})
}

// inbox makes the page of some places, of which one more than the limit may be
// given: then there is a following page, for the same owner. Of conversations
// that are not read, for the owner has just left them, it has none.
func (c *Conversations) inbox(ctx context.Context, owner uuid.UUID, places []inboxPlace, limit int, read func(ids []any) (*views.Rows, error)) (Inbox, error) {
	inbox := Inbox{Conversations: make([]Conversation, 0, min(limit, len(places)))}
	if len(places) > limit {
		places = places[:limit]
		next := places[limit-1].cursor(owner)
		inbox.Next = &next
	}
	if len(places) == 0 {
		return inbox, nil
	}
	ids := make([]any, len(places))
	for i := range places {
		ids[i] = places[i].id[:]
	}
	crews, err := c.crews(ctx, ids)
	if err != nil {
		return Inbox{}, err
	}
	shapes, err := c.shapes(read(ids))
	if err != nil {
		return Inbox{}, err
	}
	for _, place := range places {
		if shape, known := shapes[place.id]; known {
			shape.Participants = append(shape.Participants, crews[place.id]...)
			inbox.Conversations = append(inbox.Conversations, shape)
		}
	}
	return inbox, nil
}

// Queries of an inbox's conversations, which lack the end of the list of their
// ids.
const (
	inboxOfViewer = `SELECT c.id, c.kind, c.title, c.started_at, c.participants, c.messages, ` + lastRun + `, c.pinned, c.merchant,
		p.read_up_to, p.archived, p.muted_until,
		(SELECT COUNT(*) FROM mentions m WHERE m.participant = p.participant AND m.conversation = c.id AND m.ordinal > p.read_up_to)
		FROM participants p JOIN conversations c ON c.id = p.conversation WHERE p.conversation IN (`
	inboxOfMerchant = `SELECT c.id, c.kind, c.title, c.started_at, c.participants, c.messages, ` + lastRun + `, c.pinned, c.merchant, c.messages, -1, -1, 0
		FROM conversations c WHERE c.id IN (`
)

// shapes reads rows to their end.
func (c *Conversations) shapes(rows *views.Rows, err error) (map[uuid.UUID]Conversation, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	shapes := make(map[uuid.UUID]Conversation)
	for rows.Next() {
		var row inboxRow
		if err := rows.Scan(row.columns()...); err != nil {
			return nil, err
		}
		shape, err := c.shape(&row)
		if err != nil {
			return nil, err
		}
		shapes[shape.ID] = shape
	}
	return shapes, rows.Err()
}

// inboxRow is a conversation's row and its viewer's marker.
type inboxRow struct {
	id           []byte
	kind         string
	title        string
	startedAt    string
	participants int64
	messages     int64
	lastRun      []byte
	pinned       string
	merchant     []byte
	readUpTo     int64
	mentioned    int64
	preferences
}

func (r *inboxRow) columns() []any {
	return []any{&r.id, &r.kind, &r.title, &r.startedAt, &r.participants, &r.messages, &r.lastRun, &r.pinned, &r.merchant,
		&r.readUpTo, &r.archived, &r.mutedUntil, &r.mentioned}
}

// conversation makes the shape of a row, with so many participants at most.
func (c *Conversations) conversation(ctx context.Context, row *inboxRow, participants int) (Conversation, error) {
	shape, err := c.shape(row)
	if err != nil {
		return Conversation{}, err
	}
	shape.Participants, _, err = c.participants(ctx, shape.ID, -1, participants)
	return shape, err
}

// shape is what a row itself says of a conversation.
func (c *Conversations) shape(row *inboxRow) (Conversation, error) {
	id, err := idFrom(row.id)
	if err != nil {
		return Conversation{}, err
	}
	startedAt, err := parseTime(row.startedAt)
	if err != nil {
		return Conversation{}, err
	}
	shape := Conversation{
		ID:               id,
		Kind:             events.Kind(row.kind),
		Title:            row.title,
		ParticipantCount: uint64(row.participants),
		MessageCount:     uint64(row.messages),
		Unread:           uint64(row.messages - row.readUpTo),
		Mentioned:        uint64(row.mentioned),
		StartedAt:        startedAt,
		Participants:     []Participant{},
	}
	row.show(&shape, c.now())
	if row.lastRun != nil {
		last, err := messageFrom(lastLine(row.lastRun))
		if err != nil {
			return Conversation{}, err
		}
		shape.LastMessage = &last
	}
	if shape.Pinned, err = pinsFrom(row.pinned); err != nil {
		return Conversation{}, err
	}
	shape.MerchantID, err = optionalIDFrom(row.merchant)
	return shape, err
}

// A cursor is a version byte, a place, and the begin of a digest that binds it
// to its viewer, in base64.
const (
	cursorVersion = 1
	cursorPlace   = 1 + 8 + 16
	cursorBytes   = cursorPlace + 6
)

func (p inboxPlace) cursor(viewer uuid.UUID) string {
	raw := make([]byte, 0, cursorBytes)
	raw = append(raw, cursorVersion)
	raw = binary.BigEndian.AppendUint64(raw, uint64(p.activity))
	raw = append(raw, p.id[:]...)
	return base64.RawURLEncoding.EncodeToString(append(raw, cursorDigest(viewer, raw)...))
}

func parseCursor(viewer uuid.UUID, cursor string) (inboxPlace, error) {
	if cursor == "" {
		return firstPlace, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) != cursorBytes || raw[0] != cursorVersion || !bytes.Equal(raw[cursorPlace:], cursorDigest(viewer, raw[:cursorPlace])) {
		return inboxPlace{}, ErrCursor
	}
	return inboxPlace{int64(binary.BigEndian.Uint64(raw[1:])), uuid.UUID(raw[9:cursorPlace])}, nil
}

func cursorDigest(viewer uuid.UUID, place []byte) []byte {
	sum := sha256.Sum256(append(viewer[:], place...))
	return sum[:cursorBytes-cursorPlace]
}
