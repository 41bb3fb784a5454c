package views

import (
	"strconv"
	"strings"
)

// vectors is an index of tsvectors. Marks are lexemes that begin with a sign
// that no word has.
var vectors = dialect{
	table:  Table{Name: "{table}_words", Columns: "id BIGINT NOT NULL, words TSVECTOR NOT NULL", Key: "id"},
	define: []string{`CREATE INDEX IF NOT EXISTS {table}_words_index ON {table}_words USING gin (words)`},
	put: `INSERT INTO {table}_words (id, words) VALUES ($1, CAST($2 AS TEXT)::tsvector)
		ON CONFLICT (id) DO UPDATE SET words = excluded.words`,
	remove: `DELETE FROM {table}_words WHERE id = $1`,
	match: `SELECT id FROM {table}_words
		WHERE words @@ CAST($1 AS TEXT)::tsquery AND id > $2 AND id < $3 ORDER BY id DESC LIMIT $4`,
	terms: `SELECT DISTINCT ltrim(u.lexeme, '#') COLLATE "C" AS term, w.id FROM {table}_words w JOIN LATERAL unnest(w.words) u ON TRUE ORDER BY 1, 2`,

	document:   func(t Text) []any { return []any{vector(t)} },
	expression: vectorExpression,
}

const markSign = "#"

// vector is a text as PostgreSQL reads it: each word with its places. It keeps
// the first 256 of a word in a text, so a phrase is not found whose first
// word has come so often before it.
func vector(t Text) string {
	var order []string
	places := make(map[string][]byte, len(t.Words))
	for i, word := range t.Words[:min(len(t.Words), MaxWords)] {
		known, found := places[word]
		if !found {
			order = append(order, word)
			known = append(known, ':')
		} else {
			known = append(known, ',')
		}
		places[word] = strconv.AppendInt(known, int64(i+1), 10)
	}
	var out strings.Builder
	for _, word := range order {
		out.WriteString(lexeme(word))
		out.Write(places[word])
		out.WriteByte(' ')
	}
	for _, mark := range t.Marks {
		out.WriteString(lexeme(markSign + mark))
		out.WriteByte(' ')
	}
	return out.String()
}

var lexemeEscapes = strings.NewReplacer("'", "''", `\`, `\\`)

func lexeme(word string) string { return "'" + lexemeEscapes.Replace(word) + "'" }

func vectorExpression(q TextQuery) string {
	var operands []string
	for _, phrase := range q.Phrases {
		words := make([]string, len(phrase.Words))
		for i, word := range phrase.Words {
			words[i] = lexeme(word)
		}
		if phrase.Prefix {
			words[len(words)-1] += ":*"
		}
		operands = append(operands, "("+strings.Join(words, " <-> ")+")")
	}
	for _, list := range q.Marks {
		marks := make([]string, len(list))
		for i, mark := range list {
			marks[i] = lexeme(markSign + mark)
		}
		operands = append(operands, "("+strings.Join(marks, " | ")+")")
	}
	return strings.Join(operands, " & ")
}
