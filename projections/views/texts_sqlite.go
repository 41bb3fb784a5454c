package views

import "strings"

// fullText is FTS5 without a copy of the texts. Its tokenizer only cuts at
// spaces: the words come folded. Two and three characters are indexed as
// prefixes; a longer one is few words, which are merged when it is asked for.
var fullText = dialect{
	define: []string{
		`CREATE VIRTUAL TABLE IF NOT EXISTS {table}_words USING fts5(words, marks,
			content='', contentless_delete=1, tokenize='ascii', prefix='2 3')`,
		// All of an update's words are merged into one segment.
		`INSERT INTO {table}_words ({table}_words, rank) VALUES ('hashsize', 33554432)`,
		`CREATE VIRTUAL TABLE IF NOT EXISTS {table}_terms USING fts5vocab({table}_words, 'instance')`,
	},
	put:    `REPLACE INTO {table}_words (rowid, words, marks) VALUES ($1, $2, $3)`,
	remove: `DELETE FROM {table}_words WHERE rowid = $1`,
	match: `SELECT rowid FROM {table}_words
		WHERE {table}_words MATCH $1 AND rowid > $2 AND rowid < $3 ORDER BY rowid DESC LIMIT $4`,
	terms: `SELECT DISTINCT term, doc FROM {table}_terms ORDER BY term, doc`,
	erase: `INSERT INTO {table}_words ({table}_words, rank) VALUES ('merge', $1)`,
	// The pages that tell which rows of a segment were removed have these ids.
	tombs: `SELECT EXISTS (SELECT 1 FROM {table}_words_data WHERE id >= (65537 << 37))`,

	document: func(t Text) []any {
		return []any{strings.Join(t.Words[:min(len(t.Words), MaxWords)], " "), strings.Join(t.Marks, " ")}
	},
	expression: fullTextExpression,
}

// fullTextExpression is a query as FTS5 reads it. The marks come first, since
// the rows of the first operand lead the way through those of the others.
func fullTextExpression(q TextQuery) string {
	var out strings.Builder
	for _, marks := range q.Marks {
		and(&out)
		out.WriteString("marks : (")
		out.WriteString(strings.Join(marks, " OR "))
		out.WriteByte(')')
	}
	for _, phrase := range q.Phrases {
		and(&out)
		out.WriteString(`words : "`)
		out.WriteString(strings.Join(phrase.Words, " "))
		out.WriteByte('"')
		if phrase.Prefix {
			out.WriteByte('*')
		}
	}
	return out.String()
}

func and(out *strings.Builder) {
	if out.Len() > 0 {
		out.WriteString(" AND ")
	}
}
