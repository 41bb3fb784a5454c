package projections

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"parley/projections/words"
)

// FuzzCursors reads what clients send back as a list's next: it is refused, or
// names a place that is the same when it is written anew.
func FuzzCursors(f *testing.F) {
	viewer := uuid.UUID{1}
	query := SearchQuery{Words: words.Query{{Words: []string{"tea"}}}}
	f.Add(inboxPlace{7, uuid.UUID{2}}.cursor(viewer))
	f.Add(query.cursor(viewer, spot{-7, messageKey{uuid.UUID{3}, 9}}))
	f.Add(casePlace{}.cursor())
	f.Add("")
	f.Add("AA==")
	f.Fuzz(func(t *testing.T, text string) {
		place, err := parseCursor(viewer, text)
		if err != nil && !errors.Is(err, ErrCursor) {
			t.Errorf("an inbox's: %v", err)
		}
		if again, againErr := parseCursor(viewer, place.cursor(viewer)); err == nil && (againErr != nil || again != place) {
			t.Errorf("%q is %+v of an inbox, and written anew %+v, %v", text, place, again, againErr)
		}
		q := query
		q.After = text
		found, err := q.place(viewer)
		if err != nil && !errors.Is(err, ErrCursor) {
			t.Errorf("a search's: %v", err)
		}
		q.After = query.cursor(viewer, found)
		if again, againErr := q.place(viewer); err == nil && (againErr != nil || again != found) {
			t.Errorf("%q is %+v of a search, and written anew %+v, %v", text, found, again, againErr)
		}
		of, err := parseCaseCursor(text)
		if err != nil && !errors.Is(err, ErrCursor) {
			t.Errorf("that of cases: %v", err)
		}
		if again, againErr := parseCaseCursor(of.cursor()); err == nil && text != "" && (againErr != nil || again != of) {
			t.Errorf("%q is %+v of cases, and written anew %+v, %v", text, of, again, againErr)
		}
	})
}
