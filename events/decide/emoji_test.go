package decide

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEmoji(t *testing.T) {
	for _, emoji := range []string{
		"👍", "👍🏽", "❤", "❤️", "☺️", "😀", "🫠", "©", "🏳️‍🌈", "🏴‍☠️", "👨‍👩‍👧‍👦", "👩🏽‍❤️‍💋‍👨🏿", "🧑🏽‍🚀",
		"🇩🇪", "🇺🇳", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "1️⃣", "1⃣", "#️⃣", "*️⃣",
	} {
		if err := checkEmoji("emoji", emoji); err != nil {
			t.Errorf("%s (%+q): %v", emoji, emoji, err)
		}
	}
	for _, text := range []string{
		"", " ", "a", "1", "#", "é", "ab", "👍👍", "👍a", "a👍", "👍 ", "👍\n", "\x00", "\xf0\x9f", "🇩", "🇩🇪🇩", "🏽", "한", "नि",
		"\u200d", "👍\u200d", "\u200d👍", "👍\u200da", "1\ufe0f", "\ufe0f", "\u20e3", "a\u20e3", "❤\ufe0f\ufe0f", "❤\ufe0e", "👍🏽🏽",
		"🏴\U000e0067", "🏴\U000e007f", "\U000e0067\U000e007f", "👍\u0301", strings.Repeat("👨‍", 10) + "👨",
	} {
		if checkEmoji("emoji", text) == nil {
			t.Errorf("%q (%+q) is taken for an emoji", text, text)
		}
	}
}

// FuzzEmoji: what is taken for an emoji has neither letters nor controls.
func FuzzEmoji(f *testing.F) {
	f.Add("👍🏽")
	f.Add("1️⃣")
	f.Add("🏴\U000e0067\U000e007f")
	f.Fuzz(func(t *testing.T, text string) {
		if checkEmoji("emoji", text) != nil {
			return
		}
		for _, r := range text {
			if unicode.IsLetter(r) || unicode.IsControl(r) || unicode.IsSpace(r) || r == utf8.RuneError {
				t.Errorf("%+q is taken for an emoji", text)
			}
		}
	})
}
