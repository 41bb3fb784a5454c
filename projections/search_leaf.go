package projections

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"parley/projections/views"
	"parley/projections/words"
)

// saidTable has the words of what is said in each conversation, between
// spaces. What was retracted is not in it.
var saidTable = views.Table{
	Name: "said",
	Columns: `conversation BYTEA NOT NULL,
		id BIGINT NOT NULL,
		number BIGINT NOT NULL,
		author BYTEA NOT NULL,
		words TEXT NOT NULL`,
	Key: "conversation, id",
}

// line is words as saidTable has them.
func line(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return " " + strings.Join(words, " ") + " "
}

// pattern is what LIKE finds a term by. Words have none of its signs.
func pattern(term words.Term) string {
	text := "% " + strings.Join(term.Words, " ")
	if !term.Prefix {
		text += " "
	}
	return text + "%"
}

// leafing is the statement that looks through a conversation, the last message
// first, for a query of so many terms.
func leafing(terms int, author bool) string {
	var text strings.Builder
	text.WriteString("SELECT id, number FROM said WHERE conversation = $1 AND id > $2 AND id < $3")
	next := 4
	if author {
		fmt.Fprintf(&text, " AND author = $%d", next)
		next++
	}
	for range terms {
		fmt.Fprintf(&text, " AND words LIKE $%d", next)
		next++
	}
	fmt.Fprintf(&text, " ORDER BY id DESC LIMIT $%d", next)
	return text.String()
}

// leafed is a message that the words say is a hit.
type leafed struct {
	messageKey
	id int64
}

// leaf takes hits among the viewer's messages, and tells whether there may be
// more.
func (f *finding) leaf(ctx context.Context) (more bool, err error) {
	wanted := f.query.Limit + 1 - len(f.hits)
	found, err := f.latest(ctx, wanted)
	if err != nil {
		return false, err
	}
	for _, m := range found {
		f.before = m.id
		if err := f.take(ctx, m.id, m.conversation, m.number); err != nil {
			return false, err
		}
	}
	return len(found) == wanted, nil
}

// latest are the last messages that are left with all terms, at most so many.
func (f *finding) latest(ctx context.Context, limit int) ([]leafed, error) {
	byAuthor := f.query.Author != uuid.Nil
	text := leafing(len(f.query.Words), byAuthor)
	args := []any{nil, f.after, f.before}
	if byAuthor {
		args = append(args, f.query.Author[:])
	}
	for _, term := range f.query.Words {
		args = append(args, pattern(term))
	}
	args = append(args, limit)
	var found []leafed
	for _, room := range f.rooms {
		if len(found) == limit {
			args[1] = found[limit-1].id // what is older does not count
		}
		args[0] = room[:]
		of, err := f.leafRoom(ctx, room, text, args)
		if err != nil {
			return nil, err
		}
		found = append(found, of...)
		slices.SortFunc(found, func(a, b leafed) int { return cmp.Compare(b.id, a.id) })
		found = found[:min(len(found), limit)]
	}
	return found, nil
}

func (f *finding) leafRoom(ctx context.Context, room uuid.UUID, text string, args []any) (found []leafed, err error) {
	rows, err := f.search.store.Query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		m := leafed{messageKey: messageKey{conversation: room}}
		var number int64
		if err := rows.Scan(&m.id, &number); err != nil {
			return nil, err
		}
		m.number = uint64(number)
		found = append(found, m)
	}
	return found, rows.Err()
}
