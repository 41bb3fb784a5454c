package projections

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

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
	shown, stranger, err := c.readShape(ctx, conversation, viewer)
	if err == nil && stranger {
		err = c.admitAgent(ctx, conversation, viewer)
	}
	if err != nil {
		return Conversation{}, err
	}
	shown.Participants, _, err = c.participants(ctx, conversation, -1, participants)
	return shown, err
}

// readShape reads a conversation without its participants. A stranger is not one
// of them, and sees it as an agent of its merchant does: without markers of
// their own.
func (c *Conversations) readShape(ctx context.Context, conversation, viewer uuid.UUID) (_ Conversation, stranger bool, err error) {
	rows, err := c.store.Query(ctx, `SELECT c.id, c.kind, c.title, c.started_at, c.participants, c.messages, `+lastRun+`, c.pinned, c.merchant,
		COALESCE(p.read_up_to, -1), COALESCE(p.archived, -1), COALESCE(p.muted_until, -1),
		(SELECT COUNT(*) FROM mentions m WHERE m.participant = p.participant AND m.conversation = c.id AND m.ordinal > p.read_up_to)
		FROM conversations c LEFT JOIN participants p ON p.conversation = c.id AND p.participant = $1 WHERE c.id = $2`, viewer[:], conversation[:])
	if err != nil {
		return Conversation{}, false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return Conversation{}, false, cmp.Or(rows.Err(), ErrNotFound)
	}
	var row inboxRow
	if err := rows.Scan(row.columns()...); err != nil {
		return Conversation{}, false, err
	}
	if stranger = row.readUpTo < 0; stranger {
		row.readUpTo = row.messages
	}
	shown, err := row.shape(c.now())
	return shown, stranger, err
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
	return inboxFrom(c.InboxJSON(ctx, viewer, archived, cursor, limit, func(cursor string) string { return cursor }))
}

// InboxJSON is the JSON of an Inbox whose Next is what a function makes of the
// cursor.
//
// Errors: ErrCursor, ErrRange.
func (c *Conversations) InboxJSON(ctx context.Context, viewer uuid.UUID, archived bool, cursor string, limit int, next func(cursor string) string) ([]byte, error) {
	if limit < 1 || limit > MaxPage {
		return nil, fmt.Errorf("%w: a page has 1 to %d conversations", ErrRange, MaxPage)
	}
	from, err := parseCursor(viewer, cursor)
	if err != nil {
		return nil, err
	}
	places, err := c.places(ctx, viewer, archived, from, limit+1)
	if err != nil {
		return nil, err
	}
	return c.inboxJSON(ctx, viewer, places, limit, next, func(ids []any) (*views.Rows, error) {
		text, args := listed(inboxOfViewer, ids, `) AND p.participant = `, viewer[:])
		return c.store.Query(ctx, text, args...)
	})
}

// inboxJSON makes the page of some places, of which one more than the limit may
// be given: then there is a following page, for the same owner. Of conversations
// that are not read, for the owner has just left them, it has none.
func (c *Conversations) inboxJSON(ctx context.Context, owner uuid.UUID, places []inboxPlace, limit int, next func(cursor string) string, read func(ids []any) (*views.Rows, error)) ([]byte, error) {
	following := ""
	if len(places) > limit {
		places = places[:limit]
		following = next(places[limit-1].cursor(owner))
	}
	lines, err := c.inboxLines(ctx, places, read)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, line := range lines {
		size += len(line) + 1
	}
	body := append(make([]byte, 0, size+answerBytes), `{"conversations":[`...)
	for _, place := range places {
		line, known := lines[place.id]
		if !known {
			continue
		}
		if body[len(body)-1] != '[' {
			body = append(body, ',')
		}
		body = append(body, line...)
	}
	body = append(body, `],"next":`...)
	if following == "" {
		return append(body, "null}"...), nil
	}
	body, err = appendText(body, following)
	return append(body, '}'), err
}

// inboxLines reads some conversations, each as its JSON.
func (c *Conversations) inboxLines(ctx context.Context, places []inboxPlace, read func(ids []any) (*views.Rows, error)) (map[uuid.UUID][]byte, error) {
	if len(places) == 0 {
		return nil, nil
	}
	ids := make([]any, len(places))
	for i := range places {
		ids[i] = places[i].id[:]
	}
	crews, err := c.crews(ctx, ids)
	if err != nil {
		return nil, err
	}
	rows, err := read(ids)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	lines := make(map[uuid.UUID][]byte, len(places))
	var row inboxRow
	columns, now := row.columns(), c.now()
	for rows.Next() {
		if err := rows.Scan(columns...); err != nil {
			return nil, err
		}
		id, err := idFrom(row.id)
		if err != nil {
			return nil, err
		}
		if lines[id], err = row.append(nil, crews[id], now); err != nil {
			return nil, err
		}
	}
	return lines, rows.Err()
}

// inboxFrom reads the JSON of an Inbox.
func inboxFrom(body []byte, err error) (inbox Inbox, _ error) {
	if err != nil {
		return inbox, err
	}
	if err := json.Unmarshal(body, &inbox); err != nil {
		return inbox, fmt.Errorf("an inbox of the view: %w", err)
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
