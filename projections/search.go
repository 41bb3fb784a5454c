package projections

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"parley/projections/words"
)

// MaxHits bounds how many hits one page of a search shows.
const MaxHits = 100

// SearchQuery chooses messages of the viewer's conversations. It has words or
// an author.
type SearchQuery struct {
	Words words.Query
	// Author and Conversation are uuid.Nil for any.
	Author, Conversation uuid.UUID
	// From and To bound when a message was posted; To is exclusive. Zero is no
	// bound.
	From, To time.Time
	// After is the cursor of the page before, or empty.
	After string
	// Limit is between 1 and MaxHits.
	Limit int
}

// SearchPage is a page of hits, those posted last first.
type SearchPage struct {
	Hits []Hit `json:"hits"`
	// Next is the cursor of the following page, or nil on the last one.
	Next *string `json:"next"`
}

// Hit is a message that was found.
type Hit struct {
	Message Message `json:"message"`
	// Snippet is a part of the text as HTML on one line: what was found stands
	// between <mark> and </mark>, and all else is escaped.
	Snippet string `json:"snippet"`
}

// Find returns messages as they stand now, in conversations that the viewer is
// in now. It costs about the same however many others there are.
//
// Errors: ErrNotFound and ErrNotParticipant for a conversation that is asked
// for, ErrCursor, ErrRange.
func (s *Search) Find(ctx context.Context, viewer uuid.UUID, q SearchQuery) (SearchPage, error) {
	page := SearchPage{Hits: []Hit{}}
	if q.Limit < 1 || q.Limit > MaxHits || len(q.Words) == 0 && q.Author == uuid.Nil {
		return page, fmt.Errorf("%w: a search has words or an author, and 1 to %d hits", ErrRange, MaxHits)
	}
	after, before, err := q.bounds(viewer)
	if err != nil || after > before.at {
		return page, err
	}
	rooms, err := s.rooms(ctx, viewer, q.Conversation)
	if err != nil || len(rooms) == 0 {
		return page, err
	}
	f := &finding{search: s, query: q, after: after, before: before}
	if err := f.run(ctx, rooms); err != nil {
		return page, err
	}
	page.Hits = append(page.Hits, f.hits...)
	if len(f.hits) > q.Limit {
		page.Hits = page.Hits[:q.Limit]
		next := q.cursor(viewer, f.spots[q.Limit-1])
		page.Next = &next
	}
	return page, nil
}

// rooms are the conversations to search in.
func (s *Search) rooms(ctx context.Context, viewer, conversation uuid.UUID) ([]uuid.UUID, error) {
	if conversation == uuid.Nil {
		return s.conversations.Of(ctx, viewer)
	}
	participates, err := s.conversations.IsParticipant(ctx, conversation, viewer)
	if err == nil && !participates {
		err = ErrNotParticipant
	}
	return []uuid.UUID{conversation}, err
}

// take adds a message to the hits if it is one as it stands in the view of
// conversations, which may be ahead of the leaves or behind them.
func (f *finding) take(ctx context.Context, at spot) error {
	line, err := f.search.conversations.MessageJSON(ctx, at.conversation, at.number)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var message Message
	if err := json.Unmarshal(line, &message); err != nil {
		return fmt.Errorf("a message in the view: %w", err)
	}
	if !f.query.admits(&message) {
		return nil
	}
	f.hits = append(f.hits, Hit{Message: message, Snippet: f.query.Words.Snippet(message.Text)})
	f.spots = append(f.spots, at)
	return nil
}

// admits tells whether a message is what the query asks for.
func (q *SearchQuery) admits(m *Message) bool {
	switch {
	case m.Retracted,
		m.Text == "" && len(m.Attachments) == 0,
		q.Author != uuid.Nil && m.Author != q.Author,
		m.PostedAt.Before(q.From),
		!q.To.IsZero() && !m.PostedAt.Before(q.To):
		return false
	}
	return q.Words.Match(m.Text)
}

// bounds are those of the places of messages; after is inclusive. admits sees
// to what is finer than a microsecond.
func (q *SearchQuery) bounds(viewer uuid.UUID) (after int64, before spot, err error) {
	after, before = math.MinInt64, spot{at: math.MaxInt64}
	if !q.From.IsZero() {
		after = q.From.UnixMicro()
	}
	if !q.To.IsZero() {
		before.at = q.To.UnixMicro() + 1
	}
	if q.After == "" {
		return after, before, nil
	}
	last, err := q.place(viewer)
	if last.compare(before) < 0 {
		before = last
	}
	return after, before, err
}

// A cursor is a version byte, the spot of the last hit shown, and the begin of
// a digest that binds both to the viewer and the query, in base64.
const (
	searchCursorVersion = 2
	searchCursorPlace   = 1 + 8 + 16 + 8
	searchCursorBytes   = searchCursorPlace + 6
)

func (q *SearchQuery) cursor(viewer uuid.UUID, at spot) string {
	raw := binary.BigEndian.AppendUint64([]byte{searchCursorVersion}, uint64(at.at))
	raw = binary.BigEndian.AppendUint64(append(raw, at.conversation[:]...), at.number)
	return base64.RawURLEncoding.EncodeToString(append(raw, q.bind(viewer, raw)...))
}

func (q *SearchQuery) place(viewer uuid.UUID) (at spot, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(q.After)
	if err != nil || len(raw) != searchCursorBytes || raw[0] != searchCursorVersion ||
		!bytes.Equal(raw[searchCursorPlace:], q.bind(viewer, raw[:searchCursorPlace])) {
		return at, ErrCursor
	}
	at.at = int64(binary.BigEndian.Uint64(raw[1:]))
	copy(at.conversation[:], raw[9:])
	at.number = binary.BigEndian.Uint64(raw[25:])
	return at, nil
}

func (q *SearchQuery) bind(viewer uuid.UUID, place []byte) []byte {
	sum := sha256.Sum256(fmt.Appendf(viewer[:], "%s %v %s %s %d %d", place, q.Words, q.Author, q.Conversation, q.From.UnixNano(), q.To.UnixNano()))
	return sum[:searchCursorBytes-searchCursorPlace]
}
