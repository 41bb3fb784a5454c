package decide

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// checkText refuses what is not valid UTF-8, holds a NUL, or has fewer or more
// characters (code points) than it may.
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
	}
	return nil
}

// checkLine is checkText for a text that stands on one line.
func checkLine(field, text string, least, most int) error {
	if err := checkText(field, text, least, most); err != nil {
		return err
	}
	if strings.IndexFunc(text, unicode.IsControl) >= 0 {
		return refuse(Invalid, field, "must not contain control characters")
	}
	if least > 0 && strings.TrimSpace(text) == "" {
		return refuse(Invalid, field, "must not be blank")
	}
	return nil
}

// FoldHandle is the form in which two handles are the same: without case and
// compatibility differences.
func FoldHandle(handle string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(handle)))
}
