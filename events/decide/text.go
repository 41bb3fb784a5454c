package decide

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// checkText refuses what is not valid UTF-8, holds a NUL, has fewer or more
// characters (code points) than it may, or shows nothing where something is
// required.
func checkText(field, text string, least, most int) error {
	if !utf8.ValidString(text) {
		return refuse(Invalid, field, "must be valid UTF-8")
	}
	if strings.ContainsRune(text, 0) {
		return refuse(Invalid, field, "must not contain a NUL character")
	}
	switch n := utf8.RuneCountInString(text); {
	case n < least && least == 1:
		return refuse(Invalid, field, "must not be empty")
	case n < least:
		return refuse(Invalid, field, "must have at least %d characters", least)
	case n > most:
		return refuse(Invalid, field, "must have at most %d characters, but has %d", most, n)
	case least > 0 && strings.IndexFunc(text, visible) < 0:
		return refuse(Invalid, field, "must not be blank")
	}
	return nil
}

// visible tells whether a character is one that readers see, by itself.
func visible(r rune) bool {
	return !unicode.IsSpace(r) && !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// overrides make text show in another order than it has, so that a name can
// pass for another one: LEFT-TO-RIGHT OVERRIDE and RIGHT-TO-LEFT OVERRIDE.
const overrides = "\u202d\u202e"

// checkLine is checkText for a text that stands on one line.
func checkLine(field, text string, least, most int) error {
	if err := checkText(field, text, least, most); err != nil {
		return err
	}
	if strings.IndexFunc(text, unicode.IsControl) >= 0 {
		return refuse(Invalid, field, "must not contain control characters")
	}
	if strings.ContainsAny(text, overrides) {
		return refuse(Invalid, field, "must not contain characters that override the direction of text")
	}
	return nil
}

// FoldHandle is the form in which two handles are the same: without case and
// compatibility differences.
func FoldHandle(handle string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(handle)))
}
