package projections

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections/views"
	"parley/projections/words"
)

// Search is the read model of what words the messages have: an index for those
// of all conversations, and the words of each message by conversation, since
// somebody's own messages are soon looked through if they are not many. The
// texts are in the view of conversations, which also says who may read them.
type Search struct {
	journal       *events.Journal
	conversations *Conversations
	store         *views.Store

	// What follows is owned by the engine.

	// erased are the people whose words are found no more.
	erased erasures
	// latest is the greatest id of a message, or noLatest if it is not known.
	latest int64
	// found are the messages that the batch being applied has touched, and
	// slots the last ids it gave in each millisecond.
	found map[messageKey]*indexed
	slots map[int64]int64
}

// messageKey addresses a message.
type messageKey struct {
	conversation uuid.UUID
	number       uint64
}

// indexed is a message, and what the batch being applied has changed of it.
type indexed struct {
	messageKey
	id    int64
	state decide.MessageState
	fresh bool // its row is not stored
	words []string
	moved bool // its words changed, or are no more to be found
}

// A message's id is the millisecond in which it was posted and its place among
// those of the same one, so that ids are in the order in which hits are shown
// and spans of time are ranges of ids. What exceeds a millisecond's places goes
// to the next one.
const (
	placeBits   = 10
	placesInOne = 1 << placeBits
	noLatest    = math.MinInt64
)

var searchSchema = views.Schema{
	Name:    SearchName,
	Version: 3,
	Tables: []views.Table{{
		Name: "messages",
		Columns: `id BIGINT NOT NULL,
			conversation BYTEA NOT NULL,
			number BIGINT NOT NULL,
			author BYTEA NOT NULL,
			writer BYTEA,
			retracted BIGINT NOT NULL`,
		Key: "id",
	}, saidTable, erasedTable},
	Indexes: []string{
		`CREATE UNIQUE INDEX IF NOT EXISTS messages_by_number ON messages (conversation, number)`,
	},
	Texts: []string{"messages"},
}

var searchFacts = kindsOf(new(events.MessagePosted), new(events.AttachmentShared), new(events.MessageEdited), new(events.MessageRetracted), new(events.UserErased))

// searchFact is a fact and the message it is about, if it is not UserErased.
type searchFact struct {
	events.Event
	messageKey
	words []string
}

func newSearch(journal *events.Journal, conversations *Conversations) *Search {
	s := &Search{journal: journal, conversations: conversations}
	s.reset()
	return s
}

func (s *Search) schema() views.Schema { return searchSchema }

// restMost: each transaction adds a segment to the index, and merging many small
// ones takes more time than all else a message costs.
func (s *Search) restMost() time.Duration { return time.Second }

func (s *Search) filter() events.Filter {
	return events.Filter{StreamPrefixes: []string{"messages-", "user-"}}
}

func (s *Search) prepare(ctx context.Context, recorded events.Recorded) (searchFact, bool, error) {
	event, needed, err := searchFacts.open(ctx, s.journal, recorded)
	if !needed || err != nil {
		return searchFact{}, false, err
	}
	event.Data, event.Metadata = nil, nil
	item := searchFact{Event: event}
	if posted, ok := events.PostOf(event.Fact); ok {
		item.conversation, item.words = posted.Conversation, words.Folded(posted.Text.Plain)
	}
	switch fact := event.Fact.(type) {
	case *events.MessageEdited:
		item.conversation, item.words = fact.Conversation, words.Folded(fact.Text.Plain)
	case *events.MessageRetracted:
		item.conversation = fact.Conversation
	}
	item.number, _ = events.MessageNumber(event)
	return item, true, nil
}

func (s *Search) apply(ctx context.Context, tx *views.Tx, items []searchFact) error {
	for i := range items {
		if err := s.applyOne(ctx, tx, &items[i]); err != nil {
			return err
		}
	}
	return s.flush(ctx, tx)
}

func (s *Search) applyOne(ctx context.Context, tx *views.Tx, item *searchFact) error {
	if fact, ok := item.Fact.(*events.UserErased); ok {
		return s.erase(ctx, tx, fact.User, item.Position)
	}
	_, posted := events.PostOf(item.Fact)
	m, err := s.message(ctx, tx, item.messageKey, posted)
	if err != nil {
		return err
	}
	if posted && m.state.Posted() || !decide.EvolveMessage(&m.state, item.Fact) {
		return nil
	}
	m.words, m.moved = item.words, true
	// A message can come after its writer's erasure, if it was under way.
	if gone, err := s.erased.has(ctx, tx, m.state.Writer()); gone || err != nil {
		m.words = nil
		if err != nil {
			return err
		}
	}
	if posted {
		m.id, err = s.place(ctx, tx, item.Meta.OccurredAt)
	}
	return err
}

// erase takes a person's words out of the index. They may be left in its files,
// where no query finds them, until the index writes those parts anew.
func (s *Search) erase(ctx context.Context, tx *views.Tx, person uuid.UUID, at events.Position) error {
	if first, err := s.erased.add(ctx, tx, person, at); !first || err != nil {
		return err
	}
	if err := s.flush(ctx, tx); err != nil {
		return err
	}
	clear(s.found) // all there is to change is in the table now
	messages, err := wordsIn(ctx, tx, person)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if err := m.say(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// wordsIn reads the messages that a person wrote and that are not retracted.
func wordsIn(ctx context.Context, tx *views.Tx, person uuid.UUID) ([]*indexed, error) {
	rows, err := tx.Query(ctx, `SELECT id, conversation, number, author FROM messages
		WHERE retracted = 0 AND (writer = $1 OR writer IS NULL AND author = $1) ORDER BY id`, person[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []*indexed
	for rows.Next() {
		m := new(indexed)
		var conversation, author []byte
		if err := rows.Scan(&m.id, &conversation, &m.number, &author); err != nil {
			return nil, err
		}
		if m.conversation, err = idFrom(conversation); err != nil {
			return nil, err
		}
		if m.state.Author, err = idFrom(author); err != nil {
			return nil, err
		}
		found = append(found, m)
	}
	return found, rows.Err()
}

// message is what is known of a message, which may be that it was not posted.
// One that is being posted is not looked for: its number is the event's place
// in the stream, so that nothing can have come of it before.
func (s *Search) message(ctx context.Context, tx *views.Tx, key messageKey, posted bool) (*indexed, error) {
	if m, known := s.found[key]; known {
		return m, nil
	}
	m := &indexed{messageKey: key, fresh: posted}
	if posted {
		s.found[key] = m
		return m, nil
	}
	var author, writer []byte
	err := tx.QueryRow(ctx, `SELECT id, author, writer, retracted FROM messages WHERE conversation = $1 AND number = $2`,
		[]any{key.conversation[:], int64(key.number)}, &m.id, &author, &writer, &m.state.Retracted)
	if errors.Is(err, sql.ErrNoRows) {
		m.fresh, err = true, nil
	} else if err == nil {
		err = m.by(author, writer)
	}
	s.found[key] = m
	return m, err
}

// by takes who posted a message, and who wrote it if that was another.
func (m *indexed) by(author, writer []byte) (err error) {
	if m.state.Author, err = idFrom(author); err != nil || writer == nil {
		return err
	}
	m.state.Forwarded = new(events.Forwarded)
	m.state.Forwarded.Author, err = idFrom(writer)
	return err
}

// place gives a message that was posted at some time an id that is free.
func (s *Search) place(ctx context.Context, tx *views.Tx, at time.Time) (int64, error) {
	if s.latest == noLatest {
		err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(id), $1) FROM messages`, []any{int64(noLatest + 1)}, &s.latest)
		if err != nil {
			return 0, err
		}
	}
	for millisecond := at.UnixMilli(); ; millisecond++ {
		first := millisecond << placeBits
		id := first
		if first <= s.latest {
			last, err := s.lastPlace(ctx, tx, millisecond)
			if err != nil {
				return 0, err
			}
			id = last + 1
		}
		if id < first+placesInOne {
			s.slots[millisecond] = id
			s.latest = max(s.latest, id)
			return id, nil
		}
	}
}

// lastPlace is the last id given in a millisecond, or the one before its first.
func (s *Search) lastPlace(ctx context.Context, tx *views.Tx, millisecond int64) (int64, error) {
	if last, known := s.slots[millisecond]; known {
		return last, nil
	}
	first := millisecond << placeBits
	var last int64
	err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(id), $1) FROM messages WHERE id >= $2 AND id < $3`,
		[]any{first - 1, first, first + placesInOne}, &last)
	return last, err
}

// flush stores what the batch has changed, in the order of ids.
func (s *Search) flush(ctx context.Context, tx *views.Tx) error {
	var changed []*indexed
	for _, m := range s.found {
		if m.moved {
			changed = append(changed, m)
		}
	}
	slices.SortFunc(changed, func(a, b *indexed) int { return cmp.Compare(a.id, b.id) })
	for _, m := range changed {
		if err := m.store(ctx, tx); err != nil {
			return fmt.Errorf("message %d of %s: %w", m.number, m.conversation, err)
		}
	}
	return nil
}

func (m *indexed) store(ctx context.Context, tx *views.Tx) error {
	var writer []byte
	if m.state.Forwarded != nil {
		writer = m.state.Forwarded.Author[:]
	}
	err := tx.Queue(ctx, `INSERT INTO messages (id, conversation, number, author, writer, retracted) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET retracted = excluded.retracted`,
		m.id, m.conversation[:], int64(m.number), m.state.Author[:], writer, m.state.Retracted)
	switch {
	case err != nil:
		return err
	case m.state.Retracted && m.fresh:
		return nil
	case m.state.Retracted:
		err := tx.Queue(ctx, `DELETE FROM said WHERE conversation = $1 AND id = $2`, m.conversation[:], m.id)
		if err != nil {
			return err
		}
		return tx.RemoveText(ctx, "messages", m.id)
	}
	return m.say(ctx, tx)
}

// say stores a message's words.
func (m *indexed) say(ctx context.Context, tx *views.Tx) error {
	err := tx.Queue(ctx, `INSERT INTO said (conversation, id, number, author, words) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (conversation, id) DO UPDATE SET words = excluded.words`,
		m.conversation[:], m.id, int64(m.number), m.state.Author[:], line(m.words))
	if err != nil {
		return err
	}
	return tx.PutText(ctx, "messages", m.id, views.Text{Words: m.words, Marks: []string{authorMark(m.state.Author)}})
}

func authorMark(id uuid.UUID) string { return "a" + hex.EncodeToString(id[:]) }

func (s *Search) committed() {
	clear(s.found)
	clear(s.slots)
}

func (s *Search) reset() {
	s.erased.reset()
	s.latest = noLatest
	s.found, s.slots = make(map[messageKey]*indexed), make(map[int64]int64)
}

// contents are the words of each message too.
func (s *Search) contents(ctx context.Context, tx *views.Tx) []views.Contents {
	return append(views.AllContents(ctx, tx, searchSchema.Tables), views.TextContents(ctx, tx, "messages"))
}
