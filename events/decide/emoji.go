package decide

import (
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// maxEmojiBytes is well above the longest emoji there is: two people of
// different skin tones who kiss take 35 bytes.
const maxEmojiBytes = 64

const (
	joiner       = '\u200d'     // zero width joiner
	presentation = '\ufe0f'     // selector of emoji presentation
	keycap       = '\u20e3'     // combining enclosing keycap
	endOfTags    = '\U000e007f' // cancel tag
)

// checkEmoji refuses all but one emoji: a sequence that UTS #51 (section
// 1.4.9) calls a possible emoji, and that is seen as one character.
func checkEmoji(field, text string) error {
	if len(text) <= maxEmojiBytes && utf8.ValidString(text) && uniseg.GraphemeClusterCount(text) == 1 && isEmoji(text) {
		return nil
	}
	return refuse(Invalid, field, "must be one emoji")
}

// isEmoji tells whether a text is elements held together by joiners.
func isEmoji(text string) bool {
	for element := range strings.SplitSeq(text, string(joiner)) {
		if !isEmojiElement([]rune(element)) {
			return false
		}
	}
	return true
}

// isEmojiElement tells whether a text is a flag of two letters, a keycap, or a
// pictograph, which may have a skin tone or a selector, and then tags.
func isEmojiElement(text []rune) bool {
	if len(text) == 0 {
		return false
	}
	first, rest := text[0], text[1:]
	switch {
	case isRegional(first):
		return len(rest) == 1 && isRegional(rest[0])
	case strings.ContainsRune("0123456789#*", first):
		return string(rest) == string(keycap) || string(rest) == string([]rune{presentation, keycap})
	case !isPictograph(first):
		return false
	}
	if len(rest) > 0 && (isSkinTone(rest[0]) || rest[0] == presentation) {
		rest = rest[1:]
	}
	return len(rest) == 0 || areTags(rest)
}

func isRegional(r rune) bool { return r >= '\U0001f1e6' && r <= '\U0001f1ff' }

func isSkinTone(r rune) bool { return r >= '\U0001f3fb' && r <= '\U0001f3ff' }

// areTags tells whether a text is tag characters and their end, as they tell
// the flags of England, Scotland and Wales apart.
func areTags(text []rune) bool {
	for _, r := range text[:len(text)-1] {
		if r < '\U000e0020' || r >= endOfTags {
			return false
		}
	}
	return len(text) > 1 && text[len(text)-1] == endOfTags
}

// isPictograph tells whether a character has the property
// Extended_Pictographic: only behind such a one is a joined emoji still the
// same grapheme cluster (UAX #29, rule GB11).
func isPictograph(r rune) bool {
	return uniseg.GraphemeClusterCount(string([]rune{r, joiner, '😀'})) == 1
}

// sameEmoji compares without selectors of emoji presentation, which keyboards
// add or leave out.
func sameEmoji(a, b string) bool {
	return a == b || strings.ReplaceAll(a, string(presentation), "") == strings.ReplaceAll(b, string(presentation), "")
}
