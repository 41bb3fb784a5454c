package projections

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections/views"
	"parley/projections/words"
)

// Search is the read model of what words the messages have: by conversation,
// since somebody's own messages are soon looked through if they are not very
// many, and an index that says for those who have very many in which leaves to
// look. The texts are in the view of conversations, which also says who may
// read them.
type Search struct {
	journal       *events.Journal
	conversations *Conversations
	store         *views.Store
	known         knownLeaves
	lists         leafLists
	// leavesAtMost is the constant but for tests.
	leavesAtMost int

	// What follows is owned by the engine.

	// erased are the people whose words are found no more.
	erased erasures
	// latest is the greatest id of a leaf, or -1 if it is not known.
	latest int64
	// last are the last leaves of conversations, some of them.
	last map[uuid.UUID]*leaf
	// touched are the leaves that the batch being applied has read or made.
	touched map[int64]*leaf
	// scattered says that the batch has changed leaves that are not in touched.
	scattered bool
}

// messageKey addresses a message.
type messageKey struct {
	conversation uuid.UUID
	number       uint64
}

var searchSchema = views.Schema{
	Name:    SearchName,
	Version: 4,
	Tables:  []views.Table{leavesTable, erasedTable},
	Indexes: []string{leavesByConversation},
	Texts:   []string{"leaves"},
}

var searchFacts = kindsOf(new(events.MessagePosted), new(events.AttachmentShared), new(events.MessageEdited), new(events.MessageRetracted), new(events.UserErased))

// searchFact is a fact and the message it is about, if it is not UserErased.
type searchFact struct {
	events.Event
	messageKey
	words []byte // between spaces
}

func newSearch(journal *events.Journal, conversations *Conversations) *Search {
	s := &Search{journal: journal, conversations: conversations, leavesAtMost: leavesAtMost}
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
		item.conversation, item.words = posted.Conversation, spaced(words.Folded(posted.Text.Plain))
	}
	switch fact := event.Fact.(type) {
	case *events.MessageEdited:
		item.conversation, item.words = fact.Conversation, spaced(words.Folded(fact.Text.Plain))
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
	if _, posted := events.PostOf(item.Fact); posted {
		return s.post(ctx, tx, item)
	}
	if edit, ok := item.Fact.(*events.MessageEdited); ok {
		if gone, err := s.erased.has(ctx, tx, edit.By); err != nil {
			return err
		} else if gone {
			item.words = nil
		}
	}
	l, err := s.leafOf(ctx, tx, item.messageKey)
	if err != nil || l == nil {
		return err
	}
	return l.reword(func(e *entry) bool {
		state := e.state()
		if e.number != item.number || !decide.EvolveMessage(&state, item.Fact) {
			return false
		}
		e.words = item.words
		if state.Retracted {
			e.flags |= entryRetracted
		}
		return true
	})
}

// post takes a message into its conversation's last leaf, or a new one.
func (s *Search) post(ctx context.Context, tx *views.Tx, item *searchFact) error {
	var state decide.MessageState
	decide.EvolveMessage(&state, item.Fact)
	// A message can come after its writer's erasure, if it was under way.
	if gone, err := s.erased.has(ctx, tx, state.Writer()); err != nil {
		return err
	} else if gone {
		item.words = nil
	}
	l, err := s.lastLeaf(ctx, tx, item.conversation)
	if err != nil {
		return err
	}
	if l == nil || l.full() {
		if l, err = s.follow(ctx, tx, l, item); err != nil {
			return err
		}
	}
	l.add(newEntry(item.number, item.Meta.OccurredAt.UnixMicro(), &state, item.words))
	return nil
}

// follow begins a leaf after the one that is full, if it is not the first.
func (s *Search) follow(ctx context.Context, tx *views.Tx, full *leaf, item *searchFact) (*leaf, error) {
	if full != nil {
		full.state, full.changed, full.reworded = leafIndexed, true, true
		if err := full.write(ctx, tx); err != nil {
			return nil, err
		}
	}
	if s.latest < 0 {
		err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(id), 0) FROM leaves`, nil, &s.latest)
		if err != nil {
			return nil, err
		}
	}
	s.latest++
	l := &leaf{leafHead: leafHead{id: s.latest}, conversation: item.conversation, first: item.number}
	s.touched[l.id], s.last[item.conversation] = l, l
	return l, nil
}

// lastLeaf is the conversation's last leaf, or nil.
func (s *Search) lastLeaf(ctx context.Context, tx *views.Tx, conversation uuid.UUID) (*leaf, error) {
	l, known := s.last[conversation]
	if known {
		s.touched[l.id] = l
		return l, nil
	}
	l, err := s.find(ctx, tx, `WHERE conversation = $1 ORDER BY first DESC LIMIT 1`, conversation[:])
	if l != nil {
		s.last[conversation] = l
	}
	return l, err
}

// leafOf is the leaf that a message is in if it was posted, or nil.
func (s *Search) leafOf(ctx context.Context, tx *views.Tx, key messageKey) (*leaf, error) {
	if l := s.last[key.conversation]; l != nil && l.first <= key.number {
		s.touched[l.id] = l
		return l, nil
	}
	// All leaves but the last ones are stored.
	return s.find(ctx, tx, `WHERE conversation = $1 AND first <= $2 ORDER BY first DESC LIMIT 1`, key.conversation[:], int64(key.number))
}

// find is a leaf as the batch has left it, or nil if there is none.
func (s *Search) find(ctx context.Context, tx *views.Tx, where string, args ...any) (*leaf, error) {
	found, err := readLeaves(tx.Query(ctx, leafColumns+where, args...))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	l := found[0]
	if known, ok := s.touched[l.id]; ok {
		return known, nil
	}
	s.touched[l.id] = l
	return l, nil
}

// erasedAtOnce is how many leaves are looked through at a time for what an
// erased person wrote.
const erasedAtOnce = 256

// erase takes a person's words out of all leaves. They may be left in the files
// of the index, where no query finds them, until it writes those parts anew.
func (s *Search) erase(ctx context.Context, tx *views.Tx, person uuid.UUID, at events.Position) error {
	if first, err := s.erased.add(ctx, tx, person, at); !first || err != nil {
		return err
	}
	if err := s.flush(ctx, tx); err != nil {
		return err
	}
	s.forget() // all there is to change is in the table now
	s.scattered = true
	for after := int64(0); ; {
		leaves, err := readLeaves(tx.Query(ctx, leafColumns+`WHERE id > $1 ORDER BY id LIMIT $2`, after, erasedAtOnce))
		if err != nil || len(leaves) == 0 {
			return err
		}
		for _, l := range leaves {
			after = l.id
			if !bytes.Contains(l.content, person[:]) {
				continue
			}
			err := l.reword(func(e *entry) bool {
				theirs := e.writer == person && len(e.words) > 0
				if theirs {
					e.words = nil
				}
				return theirs
			})
			if err == nil {
				err = l.store(ctx, tx)
			}
			if err != nil {
				return err
			}
		}
	}
}

// flush stores what the batch has changed, in the order of ids.
func (s *Search) flush(ctx context.Context, tx *views.Tx) error {
	for _, l := range slices.SortedFunc(maps.Values(s.touched), func(a, b *leaf) int { return cmp.Compare(a.id, b.id) }) {
		if err := l.store(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// keptLeaves bounds how many leaves are kept for the messages that follow.
const keptLeaves = 1024

func (s *Search) committed() {
	if s.scattered {
		s.lists.clear()
		s.scattered = false
	} else {
		s.lists.committed(s.touched)
	}
	clear(s.touched)
	if len(s.last) > keptLeaves {
		clear(s.last)
	}
}

func (s *Search) forget() {
	s.last, s.touched = make(map[uuid.UUID]*leaf), make(map[int64]*leaf)
}

func (s *Search) reset() {
	s.erased.reset()
	s.latest = -1
	s.scattered = false
	s.forget()
	s.lists.clear()
}

// contents are the words of each full leaf too.
func (s *Search) contents(ctx context.Context, tx *views.Tx) []views.Contents {
	leaves := leavesTable
	// How often a leaf was changed depends on when people were erased.
	leaves.Columns = strings.Replace(leaves.Columns, "version BIGINT NOT NULL,", "", 1)
	return append(views.AllContents(ctx, tx, []views.Table{leaves, erasedTable}), views.TextContents(ctx, tx, "leaves"))
}
