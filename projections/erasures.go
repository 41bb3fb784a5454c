package projections

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// erasedTable remembers who is erased: what is told of them afterwards has no
// personal values, whether their key was destroyed by then or not.
var erasedTable = views.Table{
	Name:    "erased",
	Columns: "person BYTEA NOT NULL, position BIGINT NOT NULL",
	Key:     "person",
}

// erasures is erasedTable in memory. It is owned by a projection's engine.
type erasures struct {
	people map[uuid.UUID]struct{} // nil until it is read
}

func (e *erasures) reset() { e.people = nil }

// has tells whether a person is erased.
func (e *erasures) has(ctx context.Context, tx *views.Tx, person uuid.UUID) (bool, error) {
	if e.people == nil {
		if err := e.read(ctx, tx); err != nil {
			return false, err
		}
	}
	_, is := e.people[person]
	return is, nil
}

func (e *erasures) read(ctx context.Context, tx *views.Tx) error {
	ids, err := idsOf(tx.Query(ctx, `SELECT person FROM erased`))
	if err != nil {
		return err
	}
	e.people = make(map[uuid.UUID]struct{}, len(ids))
	for _, id := range ids {
		e.people[id] = struct{}{}
	}
	return nil
}

// add remembers a person, and tells whether they were not erased before.
func (e *erasures) add(ctx context.Context, tx *views.Tx, person uuid.UUID, at events.Position) (bool, error) {
	if is, err := e.has(ctx, tx, person); is || err != nil {
		return false, err
	}
	e.people[person] = struct{}{}
	return true, tx.Queue(ctx, `INSERT INTO erased (person, position) VALUES ($1, $2)`, person[:], int64(at))
}

// idsOf reads a query's only column.
func idsOf(rows *views.Rows, err error) ([]uuid.UUID, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []uuid.UUID
	for rows.Next() {
		var column []byte
		if err := rows.Scan(&column); err != nil {
			return nil, err
		}
		id, err := idFrom(column)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// voicesTable has the conversations with words of people who need not be in
// them: whose words others have passed on, and agents of a merchant.
var voicesTable = views.Table{
	Name:    "voices",
	Columns: "person BYTEA NOT NULL, conversation BYTEA NOT NULL",
	Key:     "person, conversation",
}

func (r *room) addVoice(ctx context.Context, tx *views.Tx, person uuid.UUID) error {
	if r.voices[person] {
		return nil
	}
	if r.voices == nil {
		r.voices = make(map[uuid.UUID]bool)
	}
	r.voices[person] = true
	return tx.Queue(ctx, `INSERT INTO voices (person, conversation) VALUES ($1, $2) ON CONFLICT DO NOTHING`, person[:], r.id[:])
}

// hush takes the words of who is erased out of a fact that comes after their
// erasure, as one can that was under way.
func (c *Conversations) hush(ctx context.Context, tx *views.Tx, item *roomFact) error {
	writer, words := wordsOf(item.Fact)
	posted, _ := item.Fact.(*events.MessagePosted)
	if words == nil || words.Plain == "" && (posted == nil || len(posted.Attachments) == 0) {
		return nil
	}
	gone, err := c.erased.has(ctx, tx, writer)
	if !gone || err != nil {
		return err
	}
	words.Plain = ""
	if posted != nil {
		posted.Attachments = nil
		item.line, err = appendMessage(nil, item.conversation, &item.Event, posted)
	}
	return err
}

// wordsOf is the personal value of a fact, and whose it is.
func wordsOf(fact events.Fact) (uuid.UUID, *events.Secret) {
	switch f := fact.(type) {
	case *events.ConversationStarted:
		return f.Starter, &f.Title
	case *events.ConversationRenamed:
		return f.By, &f.Title
	case *events.MessagePosted:
		if f.Forwarded != nil {
			return f.Forwarded.Author, &f.Text
		}
		return f.Author, &f.Text
	case *events.MessageEdited:
		return f.By, &f.Text
	}
	return uuid.Nil, nil
}

// erase takes all that a person said out of the view. The rows are then those
// to which a log leads whose personal values cannot be read any more.
func (c *Conversations) erase(ctx context.Context, tx *views.Tx, item *roomFact, person uuid.UUID) error {
	if first, err := c.erased.add(ctx, tx, person, item.Position); !first || err != nil {
		return err
	}
	// What the batch has not stored yet is stored: all there is to change is in
	// the tables then.
	for _, r := range c.order {
		if err := r.store(ctx, tx); err != nil {
			return err
		}
	}
	rooms, err := idsOf(tx.Query(ctx, `SELECT conversation FROM participants WHERE participant = $1
		UNION SELECT conversation FROM departures WHERE participant = $1
		UNION SELECT conversation FROM voices WHERE person = $1`, person[:]))
	if err != nil {
		return err
	}
	for _, id := range rooms {
		r, err := c.room(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := r.erase(ctx, tx, person, item.Position); err != nil {
			return err
		}
	}
	return nil
}

// runsAtOnce bounds how many runs are in memory while a conversation is
// searched for somebody's words.
const runsAtOnce = 32

// erase takes a person's words out of a conversation, all of which is stored.
func (r *room) erase(ctx context.Context, tx *views.Tx, person uuid.UUID, at events.Position) error {
	if err := tx.Queue(ctx, `UPDATE conversations SET title = '' WHERE id = $1 AND title_by = $2`, r.id[:], person[:]); err != nil {
		return err
	}
	for after := int64(-1); ; {
		runs, err := runsFrom(ctx, tx, r.id, after)
		if err != nil || len(runs) == 0 {
			return err
		}
		for _, in := range runs {
			if err := r.eraseIn(in, person, at); err != nil {
				return err
			}
			if err := in.store(ctx, tx, r.id); err != nil {
				return err
			}
		}
		after = runs[len(runs)-1].last
	}
}

// eraseIn takes a person's words out of a run.
func (r *room) eraseIn(in *run, person uuid.UUID, at events.Position) error {
	if !bytes.Contains(in.lines, appendID([]byte(`"author":`), person)) {
		return nil
	}
	var kept []byte
	for line := range bytes.Lines(in.lines) {
		m, err := messageFrom(line)
		if err != nil {
			return err
		}
		if state := m.state(); state.Writer() == person {
			m.Text, m.Attachments, m.BotParts = "", []Attachment{}, BotParts{}
			if line, err = json.Marshal(m); err != nil {
				return err
			}
			r.lines = append(r.lines, numberedLine{int64(m.Number), line})
			line = append(bytes.Clone(line), '\n')
			r.alter(at)
			in.changed = true
		}
		kept = append(kept, line...)
	}
	in.lines = kept
	return nil
}

// runsFrom reads the runs that begin after a number.
func runsFrom(ctx context.Context, tx *views.Tx, conversation uuid.UUID, after int64) ([]*run, error) {
	rows, err := tx.Query(ctx, `SELECT first, last, size, ordinal, lines FROM messages WHERE conversation = $1 AND first > $2 ORDER BY first LIMIT $3`,
		conversation[:], after, runsAtOnce)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var runs []*run
	for rows.Next() {
		r := new(run)
		if err := rows.Scan(&r.first, &r.last, &r.size, &r.ordinal, &r.lines); err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, rows.Err()
}

// Erasures is the view of who is erased, as commands.FinishErasures needs it.
type Erasures struct{ set *Set }

// Erasures is the view of who is erased.
func (s *Set) Erasures() Erasures { return Erasures{s} }

// Erased lists users who are erased, those after a user in the order of their
// ids.
func (e Erasures) Erased(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	return idsOf(e.set.Conversations.store.Query(ctx, `SELECT person FROM erased WHERE person > $1 ORDER BY person LIMIT $2`, after[:], limit))
}

// GroupsOf lists the groups that a user is in.
func (e Erasures) GroupsOf(ctx context.Context, user uuid.UUID) ([]uuid.UUID, error) {
	return idsOf(e.set.Conversations.store.Query(ctx, `SELECT p.conversation FROM participants p JOIN conversations c ON c.id = p.conversation
		WHERE p.participant = $1 AND c.kind = $2`, user[:], string(events.Group)))
}

// Passed returns when the view shows everything up to the position. Its errors
// are Set.Wait's.
func (e Erasures) Passed(ctx context.Context, position events.Position) error {
	return e.set.Wait(ctx, ConversationsName, position)
}
