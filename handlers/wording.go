package handlers

import (
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// wordings say what huma finds wrong in the words of all other problems. The
// first that matches counts.
var wordings = []struct {
	said *regexp.Regexp
	say  string
}{
	{regexp.MustCompile(`^unexpected property$`), "is not a field of this request"},
	{regexp.MustCompile(`^required \w+ parameter is missing$`), "is required"},
	{regexp.MustCompile(`^expected string to be RFC 4122 uuid\b.*|^invalid value: invalid UUID\b.*`), "must be a UUID"},
	{regexp.MustCompile(`^expected string to be RFC 3339 date-time$`), "must be a time in RFC 3339, as 2026-01-31T12:00:00Z"},
	{regexp.MustCompile(`^expected integer$|^invalid integer$`), "must be a whole number"},
	{regexp.MustCompile(`^expected number$`), "must be a number"},
	{regexp.MustCompile(`^expected boolean$|^invalid boolean$`), "must be true or false"},
	{regexp.MustCompile(`^expected string$`), "must be a string"},
	{regexp.MustCompile(`^expected array$`), "must be an array"},
	{regexp.MustCompile(`^expected object$`), "must be an object"},
	{regexp.MustCompile(`^expected number <= 9\.007199254740991e\+15$`), "must be at most 9007199254740991"},
	{regexp.MustCompile(`^expected number >= (.+)$`), "must be at least $1"},
	{regexp.MustCompile(`^expected number <= (.+)$`), "must be at most $1"},
	{regexp.MustCompile(`^expected length >= 1$`), "must not be empty"},
	{regexp.MustCompile(`^expected length >= (.+)$`), "must have at least $1 characters"},
	{regexp.MustCompile(`^expected length <= (.+)$`), "must have at most $1 characters"},
	{regexp.MustCompile(`^expected array length >= (.+)$`), "must have at least $1 items"},
	{regexp.MustCompile(`^expected array length <= (.+)$`), "must have at most $1 items"},
	{regexp.MustCompile(`^expected value to be one of "(.+)"$`), "must be one of $1"},
}

// pinpoint moves the name of the field at fault from a message of huma's to
// its location, and says plainly what is wrong.
func pinpoint(detail *huma.ErrorDetail) {
	if missing, ok := strings.CutPrefix(detail.Message, "expected required property "); ok {
		detail.Location += "." + strings.TrimSuffix(missing, " to be present")
		detail.Message = "is required"
		return
	}
	// A body that jsonFormat could not read comes with all said in one message:
	// the field, a colon and the reason.
	field, reason, found := strings.Cut(detail.Message, ": ")
	if found && detail.Location == "body" && strings.HasPrefix(field, "body") {
		detail.Location, detail.Message = field, reason
		return
	}
	for _, wording := range wordings {
		if wording.said.MatchString(detail.Message) {
			detail.Message = wording.said.ReplaceAllString(detail.Message, wording.say)
			return
		}
	}
}
