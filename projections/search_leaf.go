package projections

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections/views"
)

// leavesTable has the words of messages by conversation: a leaf has those of
// some that follow each other, ready to be looked through.
var leavesTable = views.Table{
	Name: "leaves",
	Columns: `id BIGINT NOT NULL,
		conversation BYTEA NOT NULL,
		first BIGINT NOT NULL,
		oldest BIGINT NOT NULL,
		newest BIGINT NOT NULL,
		size BIGINT NOT NULL,
		state BIGINT NOT NULL,
		version BIGINT NOT NULL,
		content BYTEA NOT NULL`,
	Key:  "id",
	Wide: true,
}

// leavesByConversation has all that it takes to choose leaves.
const leavesByConversation = `CREATE UNIQUE INDEX IF NOT EXISTS leaves_by_conversation ON leaves (conversation, first, newest, oldest, state, version, id)`

const (
	leafMessages = 64
	leafBytes    = 32 << 10
	// indexedBytes bounds what the different words of a leaf take that is in
	// the index, since edits can make it longer than it began.
	indexedBytes = 128 << 10
)

// leafState says whether the index chooses a leaf.
type leafState int64

const (
	leafOpen    leafState = iota // the next message may come into it
	leafIndexed                  // it is full
	leafTooLong                  // it is full, and has more words than the index takes
)

// leaf is the words of some messages of a conversation.
type leaf struct {
	leafHead
	conversation uuid.UUID
	first        uint64
	size         int64
	// content is the entries, one after the other: the number less the
	// leaf's first as an uvarint, flags, the time in 8 bytes, the author's id,
	// the writer's if it is another, the length of the words as an uvarint,
	// and the words between spaces.
	content  []byte
	changed  bool // it is not stored as it is
	reworded bool // nor is it in the index
}

// entry is a message as its leaf has it.
type entry struct {
	number uint64
	flags  byte
	at     int64 // microseconds of the Unix epoch
	author uuid.UUID
	writer uuid.UUID // whose words they are
	words  []byte    // between spaces, or empty
}

const (
	entryRetracted = 1 << iota
	entryPassedOn  // the writer is not the author
	entryOfOrder
)

var errLeaf = errors.New("a leaf of words in the view is damaged")

// newEntry is a message that was posted.
func newEntry(number uint64, at int64, m *decide.MessageState, words []byte) entry {
	e := entry{number: number, at: at, author: m.Author, writer: m.Writer(), words: words}
	if m.Forwarded != nil {
		e.flags |= entryPassedOn
	}
	if m.Order {
		e.flags |= entryOfOrder
	}
	return e
}

func (e *entry) retracted() bool { return e.flags&entryRetracted != 0 }

// state is what decides which facts have an effect on the words.
func (e *entry) state() decide.MessageState {
	m := decide.MessageState{Author: e.author, Retracted: e.retracted(), Order: e.flags&entryOfOrder != 0}
	if e.flags&entryPassedOn != 0 {
		m.Forwarded = &events.Forwarded{Author: e.writer}
	}
	return m
}

// spaced is words as an entry has them.
func spaced(words []string) []byte {
	if len(words) == 0 {
		return nil
	}
	return []byte(" " + strings.Join(words, " ") + " ")
}

func (l *leaf) full() bool { return l.size >= leafMessages || len(l.content) >= leafBytes }

// add takes a message whose number is greater than the others'.
func (l *leaf) add(e entry) {
	if l.size == 0 {
		l.oldest, l.newest = e.at, e.at
	}
	l.oldest, l.newest = min(l.oldest, e.at), max(l.newest, e.at)
	l.content = l.appendEntry(l.content, &e)
	l.size++
	l.version++
	l.changed = true
}

func (l *leaf) appendEntry(content []byte, e *entry) []byte {
	content = append(binary.AppendUvarint(content, e.number-l.first), e.flags)
	content = binary.BigEndian.AppendUint64(content, uint64(e.at))
	content = append(content, e.author[:]...)
	if e.flags&entryPassedOn != 0 {
		content = append(content, e.writer[:]...)
	}
	return append(binary.AppendUvarint(content, uint64(len(e.words))), e.words...)
}

// entry reads the entry at a place in the content, and tells where it ends. Its
// words are part of the content.
func (l *leaf) entry(at int) (e entry, end int, err error) {
	rest := l.content[at:]
	number, size := binary.Uvarint(rest)
	const fixed = 1 + 8 + len(e.author)
	if size <= 0 || len(rest) < size+fixed {
		return e, 0, errLeaf
	}
	e.number = l.first + number
	e.flags = rest[size]
	e.at = int64(binary.BigEndian.Uint64(rest[size+1:]))
	rest = rest[size+copy(e.author[:], rest[size+9:])+9:]
	e.writer = e.author
	if e.flags&entryPassedOn != 0 {
		if len(rest) < len(e.writer) {
			return e, 0, errLeaf
		}
		rest = rest[copy(e.writer[:], rest):]
	}
	length, size := binary.Uvarint(rest)
	if size <= 0 || uint64(len(rest)-size) < length {
		return e, 0, errLeaf
	}
	e.words, rest = rest[size:size+int(length)], rest[size+int(length):]
	return e, len(l.content) - len(rest), nil
}

// reword gives the entries that are chosen other words, or flags.
func (l *leaf) reword(change func(*entry) bool) error {
	for at := 0; at < len(l.content); {
		e, end, err := l.entry(at)
		if err != nil {
			return err
		}
		if change(&e) {
			l.content = slices.Replace(l.content, at, end, l.appendEntry(nil, &e)...)
			l.version++
			l.changed, l.reworded = true, l.state != leafOpen
			if _, end, err = l.entry(at); err != nil {
				return err
			}
		}
		at = end
	}
	return nil
}

// text is what the index chooses a leaf by: the different words of its
// messages, and their authors. It tells whether the index takes as many.
func (l *leaf) text() (text views.Text, taken bool, err error) {
	known, bytes := make(map[string]bool), 0
	for at := 0; at < len(l.content); {
		e, end, err := l.entry(at)
		if err != nil {
			return text, false, err
		}
		at = end
		if e.retracted() {
			continue
		}
		for word := range strings.FieldsSeq(string(e.words)) {
			if !known[word] {
				known[word] = true
				bytes += len(word)
				text.Words = append(text.Words, word)
			}
		}
		if mark := authorMark(e.author); !slices.Contains(text.Marks, mark) {
			text.Marks = append(text.Marks, mark)
		}
	}
	return text, len(text.Words) <= views.MaxWords && bytes <= indexedBytes, nil
}

func authorMark(id uuid.UUID) string { return "a" + hex.EncodeToString(id[:]) }

// store writes what has changed of a leaf.
func (l *leaf) store(ctx context.Context, tx *views.Tx) error {
	if l.reworded {
		if err := l.index(ctx, tx); err != nil {
			return err
		}
	}
	return l.write(ctx, tx)
}

// write is store but for the index.
func (l *leaf) write(ctx context.Context, tx *views.Tx) error {
	if !l.changed {
		return nil
	}
	l.changed = false
	return tx.Queue(ctx, `INSERT INTO leaves (id, conversation, first, oldest, newest, size, state, version, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (id) DO UPDATE SET oldest = excluded.oldest, newest = excluded.newest, size = excluded.size, state = excluded.state, version = excluded.version, content = excluded.content`,
		l.id, l.conversation[:], int64(l.first), l.oldest, l.newest, l.size, int64(l.state), l.version, l.content)
}

// index has the index choose a full leaf by the words it has now.
func (l *leaf) index(ctx context.Context, tx *views.Tx) error {
	text, taken, err := l.text()
	if err != nil {
		return err
	}
	l.changed, l.reworded = true, false
	if !taken {
		l.state = leafTooLong
		return tx.RemoveText(ctx, "leaves", l.id)
	}
	l.state = leafIndexed
	return tx.PutText(ctx, "leaves", l.id, text)
}

const leafColumns = `SELECT id, conversation, first, oldest, newest, size, state, version, content FROM leaves `

func scanLeaf(rows *views.Rows) (*leaf, error) {
	l := new(leaf)
	var conversation []byte
	var first, state int64
	err := rows.Scan(&l.id, &conversation, &first, &l.oldest, &l.newest, &l.size, &state, &l.version, &l.content)
	if err != nil {
		return nil, err
	}
	l.first, l.state = uint64(first), leafState(state)
	l.conversation, err = idFrom(conversation)
	return l, err
}

// readLeaves reads what leafColumns select.
func readLeaves(rows *views.Rows, err error) ([]*leaf, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var leaves []*leaf
	for rows.Next() {
		l, err := scanLeaf(rows)
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, l)
	}
	return leaves, rows.Err()
}
