package views

import "strings"

// qualify writes a statement for tables that are in a schema of a PostgreSQL
// database: the names of tables get the schema's before them.
func qualify(text, schema string, tables map[string]bool) string {
	var out strings.Builder
	named := false // the next word names a table
	for len(text) > 0 {
		token := nextToken(text)
		text = text[len(token):]
		switch {
		case !isWord(token[0]):
			named = named && strings.TrimSpace(token) == ""
		case named && tables[token]:
			out.WriteString(schema + ".")
			named = false
		default:
			named = beforeTable[strings.ToUpper(token)]
		}
		out.WriteString(token)
	}
	return out.String()
}

// beforeTable are the words that a table's name follows; ON is CREATE INDEX's.
var beforeTable = map[string]bool{"FROM": true, "JOIN": true, "INTO": true, "UPDATE": true, "TABLE": true, "ON": true}

// nextToken is a word, a quoted text, space, or one other character.
func nextToken(text string) string {
	is := func(byte) bool { return false }
	switch c := text[0]; {
	case c == '\'' || c == '"':
		end := strings.IndexByte(text[1:], c)
		if end < 0 {
			return text
		}
		return text[:end+2]
	case isWord(c):
		is = isWord
	case isSpace(c):
		is = isSpace
	}
	end := 1
	for end < len(text) && is(text[end]) {
		end++
	}
	return text[:end]
}

func isWord(c byte) bool {
	return c == '_' || c == '$' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// collate makes texts compare byte by byte, as SQLite compares them.
func collate(columns string) string {
	var out strings.Builder
	for len(columns) > 0 {
		token := nextToken(columns)
		columns = columns[len(token):]
		out.WriteString(token)
		if strings.EqualFold(token, "TEXT") {
			out.WriteString(` COLLATE "C"`)
		}
	}
	return out.String()
}
