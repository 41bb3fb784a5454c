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

	"parley/projections/views"
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
	if err != nil || after >= before {
		return page, err
	}
	rooms, err := s.rooms(ctx, viewer, q.Conversation)
	if err != nil || len(rooms) == 0 {
		return page, err
	}
	f := &finding{search: s, viewer: viewer, query: q, rooms: rooms, after: after, before: before}
	if err := f.run(ctx); err != nil {
		return page, err
	}
	page.Hits = append(page.Hits, f.hits...)
	if len(f.hits) > q.Limit {
		page.Hits = page.Hits[:q.Limit]
		next := q.cursor(viewer, f.ids[q.Limit-1])
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

// finding is a search under way. It goes from the message posted last to the
// first.
type finding struct {
	search *Search
	viewer uuid.UUID
	query  SearchQuery
	rooms  []uuid.UUID
	// after and before bound the ids that are left to look at; both are
	// exclusive.
	after, before int64

	hits []Hit
	ids  []int64 // of the hits
}

const (
	// roomsLeafed and messagesLeafed are how much of a viewer's is looked
	// through rather than an index that has everybody's words.
	roomsLeafed, messagesLeafed = 128, 20_000
	// rowsPassed bounds how many of everybody's messages the index gives
	// before the viewer's own are looked at, however many they are.
	rowsPassed = 16_384
)

// run finds one hit more than the page has, if there are so many. Of a viewer
// who has many messages it is likely that one of the last with the words is
// theirs; and for words that hardly anybody uses it is cheap to look at all.
func (f *finding) run(ctx context.Context) error {
	few, err := f.few(ctx)
	if err != nil {
		return err
	}
	if !few {
		passed, err := f.look(ctx)
		if err != nil || passed < rowsPassed || f.full() {
			return err
		}
	}
	for !f.full() {
		more, err := f.leaf(ctx)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// few tells whether the viewer has so few messages that they are soon looked
// through.
func (f *finding) few(ctx context.Context) (bool, error) {
	if len(f.rooms) > roomsLeafed {
		return false, nil
	}
	query, of := `SELECT messages FROM conversations WHERE id = $1`, f.query.Conversation
	if of == uuid.Nil {
		query, of = `SELECT CAST(COALESCE(SUM(c.messages), 0) AS BIGINT) FROM participants p
			JOIN conversations c ON c.id = p.conversation WHERE p.participant = $1`, f.viewer
	}
	var messages int64
	err := f.search.conversations.store.QueryRow(ctx, query, []any{of[:]}, &messages)
	return messages <= messagesLeafed, err
}

func (f *finding) full() bool { return len(f.hits) > f.query.Limit }

// look takes those of everybody's messages as hits that are in the viewer's
// conversations, and tells how many it has passed.
func (f *finding) look(ctx context.Context) (passed int, err error) {
	match := views.TextQuery{After: f.after, Before: f.before, Limit: rowsPassed}
	for _, term := range f.query.Words {
		match.Phrases = append(match.Phrases, views.Phrase{Words: term.Words, Prefix: term.Prefix})
	}
	if f.query.Author != uuid.Nil {
		match.Marks = append(match.Marks, []string{authorMark(f.query.Author)})
	}
	mine := make(map[uuid.UUID]bool, len(f.rooms))
	for _, room := range f.rooms {
		mine[room] = true
	}
	return f.read(ctx, match, mine)
}

// read takes the rows of a match that are in some conversations as hits, and
// tells how many rows it has passed.
func (f *finding) read(ctx context.Context, match views.TextQuery, mine map[uuid.UUID]bool) (passed int, err error) {
	rows, err := f.search.store.Match(ctx, "messages", match)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for !f.full() && rows.Next() {
		var id, number int64
		var conversation, ignored []byte
		if err := rows.Scan(&id, &conversation, &number, &ignored, &ignored, &ignored); err != nil {
			return passed, err
		}
		passed++
		f.before = id
		room, err := idFrom(conversation)
		if err != nil {
			return passed, err
		}
		if mine[room] {
			if err := f.take(ctx, id, room, uint64(number)); err != nil {
				return passed, err
			}
		}
	}
	return passed, rows.Err()
}

// take adds a message to the hits if it is one as it stands in the view of
// conversations, which may be ahead of the index or behind it.
func (f *finding) take(ctx context.Context, id int64, conversation uuid.UUID, number uint64) error {
	line, err := f.search.conversations.MessageJSON(ctx, conversation, number)
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
	f.ids = append(f.ids, id)
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

// bounds are those of the messages' ids, both exclusive. admits sees to what
// is finer than a millisecond.
func (q *SearchQuery) bounds(viewer uuid.UUID) (after, before int64, err error) {
	after, before = math.MinInt64, math.MaxInt64
	if !q.From.IsZero() {
		after = q.From.UnixMilli()<<placeBits - 1
	}
	if !q.To.IsZero() {
		before = (q.To.UnixMilli() + 1) << placeBits
	}
	if q.After == "" {
		return after, before, nil
	}
	last, err := q.place(viewer)
	return after, min(before, last), err
}

// A cursor is a version byte, the id of the last hit shown, and the begin of a
// digest that binds both to the viewer and the query, in base64.
const (
	searchCursorVersion = 1
	searchCursorPlace   = 1 + 8
	searchCursorBytes   = searchCursorPlace + 6
)

func (q *SearchQuery) cursor(viewer uuid.UUID, id int64) string {
	raw := binary.BigEndian.AppendUint64([]byte{searchCursorVersion}, uint64(id))
	return base64.RawURLEncoding.EncodeToString(append(raw, q.bind(viewer, raw)...))
}

func (q *SearchQuery) place(viewer uuid.UUID) (int64, error) {
	raw, err := base64.RawURLEncoding.DecodeString(q.After)
	if err != nil || len(raw) != searchCursorBytes || raw[0] != searchCursorVersion ||
		!bytes.Equal(raw[searchCursorPlace:], q.bind(viewer, raw[:searchCursorPlace])) {
		return 0, ErrCursor
	}
	return int64(binary.BigEndian.Uint64(raw[1:])), nil
}

func (q *SearchQuery) bind(viewer uuid.UUID, place []byte) []byte {
	sum := sha256.Sum256(fmt.Appendf(viewer[:], "%s %v %s %s %d %d", place, q.Words, q.Author, q.Conversation, q.From.UnixNano(), q.To.UnixNano()))
	return sum[:searchCursorBytes-searchCursorPlace]
}
