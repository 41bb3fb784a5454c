package words

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of an excerpt, in characters.
const (
	snippetRunes = 160
	// leadRunes is how much of it stands before the first hit.
	leadRunes = 40
)

const ellipsis = "…"

// Snippet is the part of a text where a query's first term is found, or its
// beginning, as HTML: what the query has found stands between <mark> and
// </mark>, and all else is escaped. It is one line; an ellipsis stands for
// what is left out.
func (q Query) Snippet(text string) string {
	hits := q.hits(text)
	first := 0
	if len(hits) > 0 {
		first = hits[0].start
	}
	start := back(text, first)
	end := start + prefixOf(text[start:], snippetRunes)
	start, end = wholeWords(text, start, end, first)

	var out strings.Builder
	if start > 0 {
		out.WriteString(ellipsis)
	}
	at := start
	for _, hit := range hits {
		from, to := max(hit.start, at), min(hit.end, end)
		if from >= to {
			continue
		}
		writeLine(&out, text[at:from])
		out.WriteString("<mark>")
		writeLine(&out, text[from:to])
		out.WriteString("</mark>")
		at = to
	}
	writeLine(&out, text[at:end])
	if end < len(text) {
		out.WriteString(ellipsis)
	}
	return out.String()
}

// hits are where a query's terms stand in a text, in order. They do not touch.
func (q Query) hits(text string) []span {
	found := Split(text)
	var hits []span
	for i := range found {
		end := 0
		for _, term := range q {
			if term.at(found[i:]) {
				end = max(end, found[i+len(term.Words)-1].End)
			}
		}
		if end == 0 {
			continue
		}
		if last := len(hits) - 1; last >= 0 && found[i].Start <= hits[last].end {
			hits[last].end = max(hits[last].end, end)
		} else {
			hits = append(hits, span{found[i].Start, end})
		}
	}
	return hits
}

// back is where an excerpt begins that leads up to a place, nearer to the
// text's beginning if what follows is short.
func back(text string, place int) int {
	lead := max(leadRunes, snippetRunes-utf8.RuneCountInString(text[place:]))
	for ; lead > 0 && place > 0; lead-- {
		_, size := utf8.DecodeLastRuneInString(text[:place])
		place -= size
	}
	return place
}

// prefixOf is how many bytes a text's first characters take.
func prefixOf(text string, runes int) int {
	for at := range text {
		if runes == 0 {
			return at
		}
		runes--
	}
	return len(text)
}

// wholeWords draws an excerpt's ends in so that they cut no word, if there are
// spaces to do so at, and keeps the place in it.
func wholeWords(text string, start, end, place int) (int, int) {
	if start > 0 {
		if space := strings.IndexFunc(text[start:place], unicode.IsSpace); space >= 0 {
			start += space
		}
	}
	if end < len(text) {
		if space := strings.LastIndexFunc(text[place:end], unicode.IsSpace); space > 0 {
			end = place + space
		}
	}
	trimmed := strings.TrimLeftFunc(text[start:end], unicode.IsSpace)
	return end - len(trimmed), end
}

// writeLine writes a text as HTML on one line.
func writeLine(out *strings.Builder, text string) {
	line := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	out.WriteString(html.EscapeString(line))
}
