package viewstest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/projections/views"
)

// notes is a schema with texts.
var notes = views.Schema{
	Name:    "notes",
	Version: 1,
	Tables:  []views.Table{{Name: "notes", Columns: "id BIGINT NOT NULL, about TEXT NOT NULL", Key: "id"}},
	Texts:   []string{"notes"},
}

func put(t *testing.T, tx *views.Tx, id int64, text string, marks ...string) error {
	t.Helper()
	if err := tx.Queue(t.Context(), `INSERT INTO notes (id, about) VALUES ($1, $2) ON CONFLICT DO NOTHING`, id, fmt.Sprint("note ", id)); err != nil {
		return err
	}
	return tx.PutText(t.Context(), "notes", id, views.Text{Words: strings.Fields(text), Marks: marks})
}

// matches are the ids of the notes that a query chooses.
func matches(t *testing.T, rows *views.Rows, err error) []int64 {
	t.Helper()
	if err != nil {
		t.Error(err)
		return nil
	}
	defer rows.Close()
	found := []int64{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Error(err)
		}
		found = append(found, id)
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
	return found
}

func words(of string) views.Phrase {
	before, prefix := strings.CutSuffix(of, "*")
	return views.Phrase{Words: strings.Fields(before), Prefix: prefix}
}

// all is a query without bounds.
func all(query views.TextQuery) views.TextQuery {
	if query.Before == 0 {
		query.Before = 1 << 60
	}
	if query.After == 0 {
		query.After = -1 << 60
	}
	if query.Limit == 0 {
		query.Limit = 100
	}
	return query
}

func textsAreFound(t *testing.T, opener Opener) {
	store := open(t, opener(t), notes)
	update(t, store, func(tx *views.Tx) error {
		for _, err := range []error{
			put(t, tx, -5, "hello old world", "r1", "u1"),
			put(t, tx, 1, "to be or not to be", "r1", "u2"),
			put(t, tx, 2, "be to", "r2", "u1"),
			put(t, tx, 3, "help the world café 東 京 🎉 o'neill", "r2", "u2"),
			put(t, tx, 4, "hel", "r3", "u1"),
			put(t, tx, 5, "", "r3", "u3"),
			put(t, tx, 6, strings.Repeat("and on it goes ", 250)+"to end", "r3", "u3"),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range []struct {
		name  string
		query views.TextQuery
		want  []int64
	}{
		{"a word", views.TextQuery{Phrases: []views.Phrase{words("world")}}, []int64{3, -5}},
		{"a word and a mark", views.TextQuery{Phrases: []views.Phrase{words("world")}, Marks: [][]string{{"r1"}}}, []int64{-5}},
		{"two words", views.TextQuery{Phrases: []views.Phrase{words("world"), words("hello")}}, []int64{-5}},
		{"a phrase", views.TextQuery{Phrases: []views.Phrase{words("to be")}}, []int64{1}},
		{"a longer phrase", views.TextQuery{Phrases: []views.Phrase{words("be or not to")}}, []int64{1}},
		{"a phrase across what no text has", views.TextQuery{Phrases: []views.Phrase{words("be not")}}, []int64{}},
		{"prefixes", views.TextQuery{Phrases: []views.Phrase{words("he*")}}, []int64{4, 3, -5}},
		{"a longer prefix", views.TextQuery{Phrases: []views.Phrase{words("hell*")}}, []int64{-5}},
		{"a prefix at a phrase's end", views.TextQuery{Phrases: []views.Phrase{words("the wor*")}}, []int64{3}},
		{"beyond ASCII", views.TextQuery{Phrases: []views.Phrase{words("café"), words("東 京"), words("🎉")}}, []int64{3}},
		{"marks alone", views.TextQuery{Marks: [][]string{{"r3"}}}, []int64{6, 5, 4}},
		{"one mark of several lists", views.TextQuery{Marks: [][]string{{"r1", "r2", "r9"}, {"u2"}}}, []int64{3, 1}},
		{"a mark that is a word", views.TextQuery{Phrases: []views.Phrase{words("r1")}}, []int64{}},
		{"a word that is a mark", views.TextQuery{Marks: [][]string{{"world"}}}, []int64{}},
		{"no such word", views.TextQuery{Phrases: []views.Phrase{words("nothing")}}, []int64{}},
		{"before", views.TextQuery{Phrases: []views.Phrase{words("world")}, Before: 3}, []int64{-5}},
		{"after", views.TextQuery{Phrases: []views.Phrase{words("world")}, After: -5}, []int64{3}},
		{"limited", views.TextQuery{Phrases: []views.Phrase{words("he*")}, Limit: 2}, []int64{4, 3}},
		{"a phrase far behind", views.TextQuery{Phrases: []views.Phrase{words("goes to end")}}, []int64{6}},
	} {
		rows, err := store.Match(t.Context(), "notes", all(c.query))
		if diff := cmp.Diff(c.want, matches(t, rows, err)); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
	if _, err := store.Match(t.Context(), "notes", all(views.TextQuery{})); err == nil {
		t.Error("a query for nothing was answered")
	}
}

// digestOf is of the notes' texts alone.
func digestOf(t *testing.T, store *views.Store) string {
	t.Helper()
	digest := views.NewDigest()
	err := store.Snapshot(t.Context(), func(tx *views.Tx) error {
		return digest.AddContents(views.TextContents(t.Context(), tx, "notes"))
	})
	if err != nil {
		t.Error(err)
	}
	return digest.Sum()
}

func textsChange(t *testing.T, opener Opener) {
	engine := opener(t)
	store := open(t, engine, notes)
	find := func(word string) []int64 {
		rows, err := store.Match(t.Context(), "notes", all(views.TextQuery{Phrases: []views.Phrase{words(word)}}))
		return matches(t, rows, err)
	}
	for id := range int64(20) {
		update(t, store, func(tx *views.Tx) error { return put(t, tx, id, "common first", "r1") })
	}
	update(t, store, func(tx *views.Tx) error {
		for id := range int64(19) {
			if err := tx.RemoveText(t.Context(), "notes", id); err != nil {
				return err
			}
		}
		if err := put(t, tx, 19, "common second", "r1"); err != nil {
			return err
		}
		rows, err := tx.Match(t.Context(), "notes", all(views.TextQuery{Marks: [][]string{{"r1"}}}))
		if got := matches(t, rows, err); !slices.Equal(got, []int64{19}) {
			t.Errorf("within the update: %v", got)
		}
		return tx.RemoveText(t.Context(), "notes", 4711)
	})
	if got := find("first"); len(got) > 0 {
		t.Errorf("a text that is gone was found: %v", got)
	}
	if got := find("common"); !slices.Equal(got, []int64{19}) {
		t.Errorf("what is left: %v", got)
	}

	other := notes
	other.Name = "others"
	fresh := open(t, engine, other)
	update(t, fresh, func(tx *views.Tx) error { return put(t, tx, 19, "common second", "r1") })
	if digestOf(t, fresh) != digestOf(t, store) {
		t.Error("a text that was changed has another digest than one that is new")
	}
	update(t, store, func(tx *views.Tx) error { return tx.EraseTexts(t.Context(), "notes") })
	if digestOf(t, fresh) != digestOf(t, store) || !slices.Equal(find("common"), []int64{19}) {
		t.Error("erasing what was removed changed what is left")
	}
}
