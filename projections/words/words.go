// Package words says what the words of a text are, so that an index, a query
// and the excerpt that shows a hit agree on it, whatever engine keeps the
// index. It is pure: no clock, network or disk.
//
// A word is letters, numbers and the marks on them, without regard to case,
// accents and compatibility forms. Characters of scripts that are written
// without spaces, and emoji, are words by themselves.
package words

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Word is a word of a text.
type Word struct {
	// Folded is the form in which words are compared.
	Folded string
	// Start and End are where the word stands in the text, in bytes.
	Start, End int
}

// maxRunes bounds a word: only its beginning counts.
const maxRunes = 64

// class is what a character does to words.
type class uint8

const (
	separator class = iota
	letter          // goes on with the word before it, or begins one
	mark            // goes on with the word before it
	alone           // is a word by itself
)

// unspaced are scripts that are written without spaces between words.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.So,
}

// Signs of Japanese that are of no one script.
const (
	prolonged     = 'ー' // a long vowel
	narrowVoiced  = 'ﾞ' // these two stand for marks
	narrowPlosive = 'ﾟ'
)

func classOf(r rune) class {
	if r < utf8.RuneSelf {
		if '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return letter
		}
		return separator
	}
	switch {
	case r == utf8.RuneError:
		return separator
	case r == narrowVoiced || r == narrowPlosive || unicode.IsMark(r):
		return mark
	case r == prolonged || unicode.In(r, unspaced...):
		return alone
	case unicode.IsLetter(r) || unicode.IsNumber(r):
		return letter
	}
	return separator
}

// Split returns the words of a text in order. What Unicode takes apart into
// several words gives several that stand in the same place.
func Split(text string) []Word {
	var found []Word
	for at := range segments(text) {
		form := fold(text[at.start:at.end])
		if form == "" {
			continue
		}
		for part := range segments(form) {
			found = append(found, Word{cut(form[part.start:part.end]), at.start, at.end})
		}
	}
	return found
}

// span is a part of a text, in bytes.
type span struct{ start, end int }

// segments yields where the words of a text are.
func segments(text string) iter.Seq[span] {
	return func(yield func(span) bool) {
		for start := 0; start < len(text); {
			first, size := utf8.DecodeRuneInString(text[start:])
			end := start + size
			if c := classOf(first); c == letter || c == alone {
				end += more(text[end:], c)
				if !yield(span{start, end}) {
					return
				}
			}
			start = end
		}
	}
}

// more is how many bytes of a text go on with a word of a class.
func more(text string, begun class) int {
	for at, r := range text {
		if c := classOf(r); c != mark && (c != letter || begun != letter) {
			return at
		}
	}
	return len(text)
}

// Folded is the words of a text in order, folded.
func Folded(text string) []string { return folded(Split(text)) }

func folded(found []Word) []string {
	forms := make([]string, len(found))
	for i, word := range found {
		forms[i] = word.Folded
	}
	return forms
}

// fold gives a word the form in which words are compared, which may be empty.
func fold(word string) string {
	for i := range len(word) {
		if word[i] >= utf8.RuneSelf {
			return foldUnicode(word)
		}
	}
	return strings.ToLower(word)
}

// foldUnicode takes the marks off, and what compatibility forms become that
// are no part of a word. It folds case on both sides of that, since either may
// bring forth what the other changes.
func foldUnicode(word string) string {
	var bare strings.Builder
	for _, r := range cases.Fold().String(norm.NFKD.String(cases.Fold().String(word))) {
		switch c := classOf(r); {
		case c == separator || c == mark && unicode.In(r, accents...):
		case latin[r] != "":
			bare.WriteString(latin[r])
		default:
			bare.WriteRune(r)
		}
	}
	return norm.NFC.String(bare.String())
}

// cut is a word's first maxRunes characters.
func cut(word string) string {
	if len(word) <= maxRunes {
		return word
	}
	runes := 0
	for at := range word {
		if runes == maxRunes {
			return word[:at]
		}
		runes++
	}
	return word
}

// accents are marks that tell no word from another: those of Latin, Greek and
// Cyrillic, the points of Hebrew and Arabic, and variation selectors. Marks of
// other scripts are vowels, and stay.
var accents = []*unicode.RangeTable{{R16: []unicode.Range16{
	{Lo: 0x0300, Hi: 0x036f, Stride: 1},
	{Lo: 0x0483, Hi: 0x0489, Stride: 1},
	{Lo: 0x0591, Hi: 0x05c7, Stride: 1},
	{Lo: 0x0610, Hi: 0x061a, Stride: 1},
	{Lo: 0x064b, Hi: 0x065f, Stride: 1},
	{Lo: 0x0670, Hi: 0x0670, Stride: 1},
	{Lo: 0x06d6, Hi: 0x06ed, Stride: 1},
	{Lo: 0x1ab0, Hi: 0x1aff, Stride: 1},
	{Lo: 0x1dc0, Hi: 0x1dff, Stride: 1},
	{Lo: 0x20d0, Hi: 0x20ff, Stride: 1},
	{Lo: 0xfe00, Hi: 0xfe0f, Stride: 1},
	{Lo: 0xfe20, Hi: 0xfe2f, Stride: 1},
}, R32: []unicode.Range32{
	{Lo: 0xe0100, Hi: 0xe01ef, Stride: 1},
}}}

// latin are letters whose strokes and ligatures Unicode does not take apart.
var latin = map[rune]string{
	'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ħ': "h", 'ı': "i", 'ŧ': "t",
}
