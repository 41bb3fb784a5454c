package views

import (
	"context"
	"errors"
	"strings"
)

// Text is what a row of a table is found by, besides its columns.
type Text struct {
	// Words are the words of the row's text, in order: letters, digits and
	// what is beyond ASCII, folded by whoever stores them. The first MaxWords
	// count.
	Words []string
	// Marks are what the row belongs to, each of ASCII letters and digits.
	Marks []string
}

// MaxWords bounds the words of a text that are kept; no engine has places for
// many more.
const MaxWords = 16_000

// TextQuery chooses rows by their texts. It needs a phrase or a list of marks.
type TextQuery struct {
	// Phrases are all in the text.
	Phrases []Phrase
	// Marks are lists of which the row has at least one mark each.
	Marks [][]string
	// After and Before bound the rows' ids; both are exclusive.
	After, Before int64
	// Limit bounds how many rows are chosen: those with the greatest ids.
	Limit int
}

// Phrase is words that follow each other.
type Phrase struct {
	Words []string
	// Prefix says that the last word may go on.
	Prefix bool
}

var errNoTerms = errors.New("a query of texts without phrases and marks")

// dialect is how an engine keeps texts. Its statements hold {table} where the
// table's name goes; what belongs to the table is in {table}_words.
type dialect struct {
	// table is made first, if it has a name; define makes all else.
	table  Table
	define []string
	// put takes a row's id and what document makes of its text; it replaces
	// the text that the row had.
	put string
	// remove takes a row's id.
	remove string
	// match takes what expression makes of a query, the bounds of ids and the
	// limit, and gives the rows' ids, the greatest first.
	match string
	// terms gives each word and mark with the ids of its rows, in order.
	terms string
	// erase takes what was removed out of the files; tombs tells whether
	// there is anything left of it. They are empty if the database does so.
	erase, tombs string

	document   func(Text) []any
	expression func(TextQuery) string
}

func (d *dialect) on(statement, table string) string {
	return strings.ReplaceAll(statement, "{table}", table)
}

// tables are those that keep the texts of a schema, where they are ordinary.
func (d *dialect) tables(schema Schema) []Table {
	if d.table.Name == "" {
		return nil
	}
	tables := make([]Table, len(schema.Texts))
	for i, table := range schema.Texts {
		tables[i] = d.table
		tables[i].Name = d.on(d.table.Name, table)
	}
	return tables
}

// definitions are the statements that follow, for all texts of a schema.
func (d *dialect) definitions(schema Schema) []string {
	var statements []string
	for _, table := range schema.Texts {
		for _, statement := range d.define {
			statements = append(statements, d.on(statement, table))
		}
	}
	return statements
}

// PutText gives the row of a table its text, or another than it had. The table
// is one of the schema's Texts, and the row need not be there yet.
//
// It is cheapest for ids that rise.
func (t *Tx) PutText(ctx context.Context, table string, id int64, text Text) error {
	d := t.tables.dialect()
	return t.Queue(ctx, d.on(d.put, table), append([]any{id}, d.document(text)...)...)
}

// RemoveText takes a row's text away, if it has one.
func (t *Tx) RemoveText(ctx context.Context, table string, id int64) error {
	d := t.tables.dialect()
	return t.Queue(ctx, d.on(d.remove, table), id)
}

// erasedAtOnce is about how many pages of an index one step of EraseTexts
// writes.
const erasedAtOnce = 10_000

// EraseTexts takes texts that were removed or replaced out of the index for
// good. Until then their words may be left in the database's files, where no
// query finds them. It takes as long as writing the whole index.
func (t *Tx) EraseTexts(ctx context.Context, table string) error {
	d := t.tables.dialect()
	if d.erase == "" {
		return nil
	}
	for {
		var left bool
		if err := t.QueryRow(ctx, d.on(d.tombs, table), nil, &left); err != nil || !left {
			return err
		}
		if _, err := t.Exec(ctx, d.on(d.erase, table), -erasedAtOnce); err != nil {
			return err
		}
	}
}

// Match is Store.Match within the transaction.
func (t *Tx) Match(ctx context.Context, table string, query TextQuery) (*Rows, error) {
	text, args, err := matching(t.tables.dialect(), table, query)
	if err != nil {
		return nil, err
	}
	return t.Query(ctx, text, args...)
}

// Match gives the ids of the rows of one of the schema's Texts that a query
// chooses, the greatest first. Close the rows.
func (s *Store) Match(ctx context.Context, table string, query TextQuery) (*Rows, error) {
	g, err := s.hold()
	if err != nil {
		return nil, err
	}
	defer s.release(g)
	text, args, err := matching(g.tables.dialect(), table, query)
	if err != nil {
		return nil, err
	}
	return s.Query(ctx, text, args...)
}

func matching(d *dialect, table string, query TextQuery) (string, []any, error) {
	if len(query.Phrases) == 0 && len(query.Marks) == 0 {
		return "", nil, errNoTerms
	}
	return d.on(d.match, table), []any{d.expression(query), query.After, query.Before, query.Limit}, nil
}

// TextContents are the words of a table's texts and the rows they are in, in an
// order that all engines share.
func TextContents(ctx context.Context, tx *Tx, table string) Contents {
	texts := tx.tables.dialect()
	terms := []string{"term", "id"}
	return Contents{Table: table + "_words", Columns: terms, Key: terms, Rows: queried(ctx, tx, len(terms), texts.on(texts.terms, table))}
}
