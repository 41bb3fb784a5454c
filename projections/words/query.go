package words

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// Term is what one part of a query asks for: words that follow each other.
type Term struct {
	Words []string
	// Prefix says that the last word may go on.
	Prefix bool
}

// Query is terms, all of which a text must have.
type Query []Term

const (
	// MaxWords bounds the words of a query.
	MaxWords = 16
	// LeastPrefix is how many characters a prefix has at least.
	LeastPrefix = 2
)

// Errors of Parse. Their texts are for whoever wrote the query.
var (
	ErrNoWord       = errors.New("must have a word")
	ErrTooManyWords = fmt.Errorf("must have at most %d words", MaxWords)
	ErrShortPrefix  = fmt.Errorf("must have at least %d characters before a *", LeastPrefix)
)

// Parse reads a query as people write it: words, "phrases in quotes", and
// beginnings of words with a * at their end. All else only separates words;
// what is joined without a space, as in an address, is a phrase. A quote that
// is not closed ends with the query.
//
// Errors: ErrNoWord, ErrTooManyWords, ErrShortPrefix.
func Parse(text string) (Query, error) {
	var query Query
	count := 0
	for part := range parts(text) {
		term := newTerm(part)
		if len(term.Words) == 0 || slices.ContainsFunc(query, term.equal) {
			continue
		}
		if count += len(term.Words); count > MaxWords {
			return nil, ErrTooManyWords
		}
		if term.Prefix && utf8.RuneCountInString(term.last()) < LeastPrefix {
			return nil, ErrShortPrefix
		}
		query = append(query, term)
	}
	if len(query) == 0 {
		return nil, ErrNoWord
	}
	return query, nil
}

// parts yields what stands between quotes, and else between spaces.
func parts(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest, quoted := text, false; rest != ""; quoted = !quoted {
			var part string
			part, rest = cutQuote(rest)
			if !quoted {
				for word := range strings.FieldsSeq(part) {
					if !yield(word) {
						return
					}
				}
				continue
			}
			if strings.HasPrefix(rest, "*") {
				part, rest = part+"*", rest[1:]
			}
			if !yield(part) {
				return
			}
		}
	}
}

// cutQuote cuts a text at a quote, which may be one of those that telephones
// write.
func cutQuote(text string) (before, after string) {
	at := strings.IndexAny(text, "\"“”„«»")
	if at < 0 {
		return text, ""
	}
	_, size := utf8.DecodeRuneInString(text[at:])
	return text[:at], text[at+size:]
}

func newTerm(part string) Term {
	found := Split(part)
	if len(found) == 0 {
		return Term{}
	}
	last := found[len(found)-1]
	first, _ := utf8.DecodeRuneInString(last.Folded)
	return Term{
		Words: folded(found),
		// What is a word by itself cannot go on.
		Prefix: strings.HasPrefix(part[last.End:], "*") && classOf(first) == letter,
	}
}

func (t Term) last() string { return t.Words[len(t.Words)-1] }

func (t Term) equal(other Term) bool {
	return t.Prefix == other.Prefix && slices.Equal(t.Words, other.Words)
}

// at tells whether the term is what some words begin with.
func (t Term) at(found []Word) bool {
	if len(found) < len(t.Words) {
		return false
	}
	for i, word := range t.Words {
		goesOn := t.Prefix && i == len(t.Words)-1
		if folded := found[i].Folded; folded != word && !(goesOn && strings.HasPrefix(folded, word)) {
			return false
		}
	}
	return true
}

// Match tells whether a text has all terms.
func (q Query) Match(text string) bool {
	found := Split(text)
	for _, term := range q {
		if !term.in(found) {
			return false
		}
	}
	return true
}

func (t Term) in(found []Word) bool {
	for i := range found {
		if t.at(found[i:]) {
			return true
		}
	}
	return false
}
