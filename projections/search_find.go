package projections

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"

	"parley/projections/views"
)

// spot is where a message stands among all, in the order of time.
type spot struct {
	at int64 // microseconds of the Unix epoch
	messageKey
}

func (s spot) compare(other spot) int {
	return cmp.Or(cmp.Compare(s.at, other.at), bytes.Compare(s.conversation[:], other.conversation[:]), cmp.Compare(s.number, other.number))
}

// finding is a search under way. It goes from the message posted last to the
// first.
type finding struct {
	search *Search
	query  SearchQuery
	// after and before bound what is looked for; before is exclusive.
	after  int64
	before spot
	// needles are what the terms are in an entry's words.
	needles [][]byte
	// found is what the words say are hits, the last one at the end.
	found []spot

	hits  []Hit
	spots []spot // of the hits
}

const (
	// leavesAtOnce bounds how many leaves are read by one statement.
	leavesAtOnce = 64
	// leavesAtMost is how many leaves are looked through before the index is
	// asked which of the others are worth it.
	leavesAtMost = 4096
	// matchesAtMost bounds what the index is asked for; older leaves are
	// looked through whatever they have.
	matchesAtMost = 1 << 17
)

// run finds one hit more than the page has, if there are so many. It looks
// through the viewer's leaves, the newest first, until no other can have a
// later message.
func (f *finding) run(ctx context.Context, rooms []uuid.UUID) error {
	for _, term := range f.query.Words {
		needle := " " + strings.Join(term.Words, " ")
		if !term.Prefix {
			needle += " "
		}
		f.needles = append(f.needles, []byte(needle))
	}
	leaves, err := f.leaves(ctx, rooms)
	if err != nil {
		return err
	}
	asked := false
	for looked, step := 0, 4; ; looked, step = looked+step, min(2*step, leavesAtOnce) {
		if !asked && looked >= f.search.leavesAtMost && len(leaves) > f.search.leavesAtMost {
			asked = true
			if leaves, err = f.worthwhile(ctx, leaves); err != nil {
				return err
			}
		}
		step = min(step, len(leaves))
		if err := f.look(ctx, leaves[:step]); err != nil {
			return err
		}
		leaves = leaves[step:]
		if done, err := f.settle(ctx, leaves); done || err != nil {
			return err
		}
	}
}

func (f *finding) full() bool { return len(f.hits) > f.query.Limit }

// settle takes the hits that nothing in the leaves that are left can come
// before, and tells whether that is all.
func (f *finding) settle(ctx context.Context, left []leafHead) (done bool, err error) {
	slices.SortFunc(f.found, spot.compare)
	for len(f.found) > 0 && !f.full() {
		last := f.found[len(f.found)-1]
		if len(left) > 0 && last.at <= left[0].newest {
			return false, nil
		}
		f.found = f.found[:len(f.found)-1]
		if err := f.take(ctx, last); err != nil {
			return false, err
		}
	}
	return f.full() || len(left) == 0, nil
}

// look looks through leaves, of which it may know the content.
func (f *finding) look(ctx context.Context, leaves []leafHead) error {
	var unknown []any
	for i := range leaves {
		known := f.search.known.get(&leaves[i])
		if known == nil {
			unknown = append(unknown, leaves[i].id)
		} else if err := f.scan(known); err != nil {
			return err
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	text, args := listed(leafColumns+`WHERE id IN (`, unknown, `)`)
	read, err := readLeaves(f.search.store.Query(ctx, text, args...))
	if err != nil {
		return err
	}
	for _, l := range read {
		if err := f.scan(l); err != nil {
			return err
		}
		f.search.known.put(l)
	}
	return nil
}

// scan finds the entries of a leaf that have all that is asked for. Most leaves
// have nothing of it anywhere.
func (f *finding) scan(l *leaf) error {
	if !f.promises(l.content) {
		return nil
	}
	for at := 0; at < len(l.content); {
		e, end, err := l.entry(at)
		if err != nil {
			return err
		}
		at = end
		place := spot{e.at, messageKey{l.conversation, e.number}}
		if !e.retracted() && e.at >= f.after && place.compare(f.before) < 0 && f.has(&e) {
			f.found = append(f.found, place)
		}
	}
	return nil
}

// promises is false of a leaf's content in which something is nowhere. A word
// is looked for without the space before it, which is too common a byte to begin
// with.
func (f *finding) promises(content []byte) bool {
	for _, needle := range f.needles {
		if !bytes.Contains(content, needle[1:]) {
			return false
		}
	}
	return f.query.Author == uuid.Nil || bytes.Contains(content, f.query.Author[:])
}

func (f *finding) has(e *entry) bool {
	if f.query.Author != uuid.Nil && e.author != f.query.Author {
		return false
	}
	for _, needle := range f.needles {
		if !bytes.Contains(e.words, needle) {
			return false
		}
	}
	return true
}

// listed makes a statement with a list of arguments after its first part, and
// one after each other part but for the last. Lists have few lengths, since
// statements are kept: the last argument is repeated.
func listed(first string, list []any, rest ...any) (text string, args []any) {
	length := 1
	for length < len(list) {
		length *= 4
	}
	for len(list) < length {
		list = append(list, list[len(list)-1])
	}
	var out strings.Builder
	out.WriteString(first)
	for i := range list {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString("$" + strconv.Itoa(i+1))
	}
	args = list
	for _, part := range rest {
		switch part := part.(type) {
		case string:
			out.WriteString(part)
		default:
			args = append(args, part)
			out.WriteString("$" + strconv.Itoa(len(args)))
		}
	}
	return out.String(), args
}

// worthwhile leaves out what the index says has none of the hits: not all words
// are in a leaf, wherever they stand, or the author is not.
func (f *finding) worthwhile(ctx context.Context, leaves []leafHead) ([]leafHead, error) {
	match := views.TextQuery{After: -1, Before: 1 << 62, Limit: matchesAtMost}
	for _, term := range f.query.Words {
		for i, word := range term.Words {
			match.Phrases = append(match.Phrases, views.Phrase{Words: []string{word}, Prefix: term.Prefix && i == len(term.Words)-1})
		}
	}
	if f.query.Author != uuid.Nil {
		match.Marks = append(match.Marks, []string{authorMark(f.query.Author)})
	}
	rows, err := f.search.store.Match(ctx, "leaves", match)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	matched, least := make(map[int64]bool), int64(0)
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		matched[id] = true
		if len(matched) == matchesAtMost {
			least = id
		}
	}
	return slices.DeleteFunc(leaves, func(l leafHead) bool {
		return l.state == leafIndexed && l.id > least && !matched[l.id]
	}), rows.Err()
}

// knownLeaves are leaves that were looked through lately: whoever searches is
// likely to search again.
type knownLeaves struct {
	mu     sync.Mutex
	leaves map[int64]*leaf
	bytes  int
}

// knownBytes bounds what is kept of them.
const knownBytes = 32 << 20

// get returns a leaf with its content, or nil. It must not be changed.
func (k *knownLeaves) get(wanted *leafHead) *leaf {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l := k.leaves[wanted.id]; l != nil && l.version == wanted.version {
		return l
	}
	return nil
}

func (k *knownLeaves) put(l *leaf) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.leaves == nil {
		k.leaves = make(map[int64]*leaf)
	}
	k.drop(l.id)
	k.leaves[l.id] = l
	k.bytes += len(l.content)
	for id := range k.leaves {
		if k.bytes <= knownBytes {
			break
		}
		k.drop(id)
	}
}

func (k *knownLeaves) drop(id int64) {
	if l := k.leaves[id]; l != nil {
		delete(k.leaves, id)
		k.bytes -= len(l.content)
	}
}
