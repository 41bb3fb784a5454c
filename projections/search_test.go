package projections_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"parley/events"
	"parley/projections"
	"parley/projections/views/viewstest"
	"parley/projections/words"
)

// searched is what a viewer finds, as the texts of all pages.
func searched(t *testing.T, set *projections.Set, viewer uuid.UUID, text string, narrow ...func(*projections.SearchQuery)) []string {
	t.Helper()
	q := projections.SearchQuery{Limit: 2}
	if text != "" {
		var err error
		if q.Words, err = words.Parse(text); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	}
	for _, change := range narrow {
		change(&q)
	}
	found := []string{}
	for {
		page, err := set.Search.Find(t.Context(), viewer, q)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for _, hit := range page.Hits {
			found = append(found, hit.Message.Text)
		}
		if page.Next == nil {
			return found
		}
		if len(page.Hits) != q.Limit {
			t.Fatalf("%q: a page of %d with a next one", text, len(page.Hits))
		}
		q.After = *page.Next
	}
}

func wantTexts(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Errorf("%s:\n%s", what, diff)
	}
}

func TestSearchFindsWordsOfOnesOwnConversations(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		ours, theirs, mine := w.start(0, ann, bob), w.start(0, bob, cyd), w.start(0, ann)
		w.post(ours, ann, "A crème brûlée at eight?", time.Hour)
		w.post(ours, bob, "Creme, not soup", 2*time.Hour)
		w.post(theirs, cyd, "creme for us alone", 3*time.Hour)
		w.post(mine, ann, "buy cream & eggs at eight", 4*time.Hour)
		w.post(ours, ann, "??!", 5*time.Hour)
		set, _ := w.settled()

		for query, want := range map[string][]string{
			"creme":             {"Creme, not soup", "A crème brûlée at eight?"},
			"CRÈME eight":       {"A crème brûlée at eight?"},
			"cre*":              {"buy cream & eggs at eight", "Creme, not soup", "A crème brûlée at eight?"},
			`"at eight"`:        {"buy cream & eggs at eight", "A crème brûlée at eight?"},
			`"eight at"`:        {},
			"creme alone":       {},
			`"eggs at eig"*`:    {"buy cream & eggs at eight"},
			"nothing":           {},
			"NOT":               {"Creme, not soup"},
			"creme OR soup":     {},
			`"creme not" soup*`: {"Creme, not soup"},
		} {
			wantTexts(t, query, searched(t, set, ann, query), want...)
		}
		wantTexts(t, "another's view", searched(t, set, cyd, "cre*"), "creme for us alone")
		wantTexts(t, "a stranger's", searched(t, set, uuid.Max, "cre*"))

		wantTexts(t, "by author", searched(t, set, ann, "cre*", func(q *projections.SearchQuery) { q.Author = bob }), "Creme, not soup")
		wantTexts(t, "by author alone", searched(t, set, ann, "", func(q *projections.SearchQuery) { q.Author = ann }),
			"??!", "buy cream & eggs at eight", "A crème brûlée at eight?")
		wantTexts(t, "in a conversation", searched(t, set, ann, "cre*", func(q *projections.SearchQuery) { q.Conversation = mine }), "buy cream & eggs at eight")
		between := func(from, to time.Duration) func(q *projections.SearchQuery) {
			return func(q *projections.SearchQuery) { q.From, q.To = morning.Add(from), morning.Add(to) }
		}
		wantTexts(t, "between", searched(t, set, ann, "cre*", between(time.Hour, 4*time.Hour)), "Creme, not soup", "A crème brûlée at eight?")
		wantTexts(t, "between, finely", searched(t, set, ann, "cre*", between(time.Hour+1, 4*time.Hour+1)), "buy cream & eggs at eight", "Creme, not soup")
		wantTexts(t, "never", searched(t, set, ann, "cre*", between(time.Hour, time.Hour)))

		for name, change := range map[string]func(*projections.SearchQuery){
			"a conversation of others": func(q *projections.SearchQuery) { q.Conversation = theirs },
			"no conversation":          func(q *projections.SearchQuery) { q.Conversation = uuid.Max },
			"no words":                 func(q *projections.SearchQuery) { q.Words = nil },
			"no limit":                 func(q *projections.SearchQuery) { q.Limit = 0 },
			"too much":                 func(q *projections.SearchQuery) { q.Limit = projections.MaxHits + 1 },
			"no cursor":                func(q *projections.SearchQuery) { q.After = "AAAA" },
		} {
			q := projections.SearchQuery{Words: words.Query{{Words: []string{"creme"}}}, Limit: 1}
			change(&q)
			_, err := set.Search.Find(t.Context(), ann, q)
			if !errors.Is(err, projections.ErrNotParticipant) && !errors.Is(err, projections.ErrNotFound) && !errors.Is(err, projections.ErrRange) && !errors.Is(err, projections.ErrCursor) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestSearchCursorIsBoundToItsQuery(t *testing.T) {
	w := newWorld(t, viewstest.SQLite)
	room := w.start(0, ann, bob)
	w.post(room, ann, "one", 1)
	w.post(room, ann, "one", 2)
	set, _ := w.settled()
	q := projections.SearchQuery{Words: words.Query{{Words: []string{"one"}}}, Limit: 1}
	page, err := set.Search.Find(t.Context(), ann, q)
	if err != nil || page.Next == nil {
		t.Fatalf("the first page: %+v, %v", page, err)
	}
	q.After = *page.Next
	if page, err = set.Search.Find(t.Context(), ann, q); err != nil || len(page.Hits) != 1 || page.Next != nil {
		t.Errorf("the second page: %+v, %v", page, err)
	}
	if _, err := set.Search.Find(t.Context(), bob, q); !errors.Is(err, projections.ErrCursor) {
		t.Errorf("by somebody else: %v", err)
	}
	q.Author = ann
	if _, err := set.Search.Find(t.Context(), ann, q); !errors.Is(err, projections.ErrCursor) {
		t.Errorf("for another query: %v", err)
	}
}

func TestSearchFollowsWhatBecomesOfMessages(t *testing.T) {
	for _, batch := range []int{1, 1000} {
		t.Run(fmt.Sprint("batches of ", batch), func(t *testing.T) {
			everywhere(t, func(t *testing.T, w *world) {
				w.opts.BatchEvents = batch
				room := w.start(0, ann, bob)
				w.post(room, ann, "first draft", 1)
				w.post(room, bob, "first answer", 2)
				set, stop := w.settled()
				wantTexts(t, "before", searched(t, set, bob, "first"), "first answer", "first draft")

				w.edit(room, ann, 0, "second draft", 3)
				w.edit(room, ann, 1, "not ann's", 4)
				w.retract(room, bob, 1, 5)
				w.edit(room, bob, 1, "too late", 6)
				w.catchUp(set)
				wantTexts(t, "by the old text", searched(t, set, bob, "first"))
				wantTexts(t, "by the new text", searched(t, set, bob, "second"), "second draft")
				wantTexts(t, "by an edit without effect", searched(t, set, bob, "late"))
				wantTexts(t, "by the author of what was retracted", searched(t, set, bob, "", func(q *projections.SearchQuery) { q.Author = bob }))

				w.leave(room, bob, bob, 7)
				w.catchUp(set)
				wantTexts(t, "who left", searched(t, set, bob, "draft"))
				wantTexts(t, "who stayed", searched(t, set, ann, "draft"), "second draft")
				w.join(room, bob, ann, 8)
				w.catchUp(set)
				wantTexts(t, "who came back", searched(t, set, bob, "draft"), "second draft")

				stop()
				if err := w.vault.Forget(t.Context(), ann); err != nil {
					t.Fatal(err)
				}
				w.elsewhere()
				set, _ = w.settled()
				wantTexts(t, "who is forgotten", searched(t, set, bob, "draft"))
			})
		})
	}
}

// TestSearchOrdersByTime has more messages in one millisecond than it has
// places, and history that came into the log late.
func TestSearchOrdersByTime(t *testing.T) {
	w := newWorld(t, viewstest.SQLite)
	room, other := w.start(0, ann), w.start(0, ann)
	const crowd = 2100
	facts := make([]events.Fact, crowd)
	for i := range facts {
		facts[i] = &events.MessagePosted{Conversation: room, Author: ann, Text: events.Private(fmt.Sprintf("crowd %d", i))}
	}
	w.append(events.MessagesStream(room), by(ann, time.Second), facts...)
	w.post(other, ann, "crowd last", time.Second+time.Hour)
	w.post(other, ann, "crowd first", -time.Hour)
	w.post(other, ann, "crowd long ago", -200*365*24*time.Hour)
	set, _ := w.settled()

	want := []string{"crowd last"}
	for i := range crowd {
		want = append(want, fmt.Sprintf("crowd %d", crowd-1-i))
	}
	want = append(want, "crowd first", "crowd long ago")
	got := searched(t, set, ann, "crowd", func(q *projections.SearchQuery) { q.Limit = projections.MaxHits })
	if !slices.Equal(got, want) {
		t.Errorf("%d messages, the first %.5q and the last %.5q", len(got), got, got[max(0, len(got)-5):])
	}
}

// TestSearchOfManyConversations is beyond what the index is asked for at once.
func TestSearchOfManyConversations(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		var want []string
		for i := range 300 {
			room := w.start(0, ann, bob)
			w.post(room, bob, fmt.Sprintf("hello %d", i), time.Duration(i)*time.Minute)
			w.post(w.start(0, cyd), cyd, "hello to nobody", time.Duration(i)*time.Minute)
			want = append(want, fmt.Sprintf("hello %d", i))
		}
		slices.Reverse(want)
		set, _ := w.settled()
		got := searched(t, set, ann, "hello", func(q *projections.SearchQuery) { q.Limit = 70 })
		if !slices.Equal(got, want) {
			t.Errorf("%d messages were found: %.300q", len(got), got)
		}
		wantTexts(t, "one word of all", searched(t, set, ann, "17"), "hello 17")
	})
}

// TestSearchAsksItsIndex has so few leaves looked through that the index chooses
// all others, of messages that change after they came into it.
func TestSearchAsksItsIndex(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.opts.BatchEvents = 50
		room, other := w.start(0, ann, bob), w.start(0, bob)
		for i := range 400 {
			author, text := ann, fmt.Sprintf("note %d of the day", i)
			if i%100 == 7 {
				author, text = bob, fmt.Sprintf("rare %d thing", i)
			}
			w.post(room, author, text, time.Duration(i)*time.Minute)
			w.post(other, bob, fmt.Sprintf("rare %d thing elsewhere", i), time.Duration(i)*time.Minute)
		}
		set, _ := w.settled()
		set.Search.LookThrough(0)
		byBob := func(q *projections.SearchQuery) { q.Author = bob }
		wantTexts(t, "a word", searched(t, set, ann, "rare"), "rare 307 thing", "rare 207 thing", "rare 107 thing", "rare 7 thing")
		wantTexts(t, "words", searched(t, set, ann, "thing 107"), "rare 107 thing")
		wantTexts(t, "a phrase", searched(t, set, ann, `"207 thing"`), "rare 207 thing")
		wantTexts(t, "words that are no phrase", searched(t, set, ann, `"thing 207"`))
		wantTexts(t, "a beginning", searched(t, set, ann, "thi*", byBob), "rare 307 thing", "rare 207 thing", "rare 107 thing", "rare 7 thing")
		wantTexts(t, "an author", searched(t, set, ann, "", byBob), "rare 307 thing", "rare 207 thing", "rare 107 thing", "rare 7 thing")

		w.edit(room, ann, 3, "rare after all", 1)
		w.edit(room, bob, 7, "common", 2)
		w.retract(room, bob, 107, 3)
		w.catchUp(set)
		wantTexts(t, "what changed", searched(t, set, ann, "rare"), "rare 307 thing", "rare 207 thing", "rare after all")
		wantTexts(t, "an author of what changed", searched(t, set, ann, "", byBob), "rare 307 thing", "rare 207 thing", "common")
	})
}

// TestSearchFollowsLeavesItKnows searches again and again while leaves come, grow
// and change.
func TestSearchFollowsLeavesItKnows(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		set, _ := w.run()
		room, quiet := w.start(0, ann, bob), w.start(0, ann, bob)
		for round := range 4 {
			for i := range 40 {
				w.post(room, bob, fmt.Sprintf("note %d", 40*round+i), time.Duration(i))
			}
			w.catchUp(set)
			if got := len(searched(t, set, ann, "note", func(q *projections.SearchQuery) { q.Limit = projections.MaxHits })); got != 40*(round+1) {
				t.Errorf("round %d: %d were found", round, got)
			}
		}
		w.post(quiet, ann, "note of ann", time.Hour)
		w.edit(room, bob, 5, "note well", 2*time.Hour)
		w.catchUp(set)
		wantTexts(t, "the first of a conversation", searched(t, set, bob, "ann"), "note of ann")
		wantTexts(t, "an edit of what was full", searched(t, set, bob, "well"), "note well")
		wantTexts(t, "what was edited", searched(t, set, bob, `"note 5"`))
		w.forget(bob)
		w.erase(bob, 3*time.Hour)
		w.catchUp(set)
		wantTexts(t, "after an erasure", searched(t, set, ann, "note"), "note of ann")
	})
}

// TestSearchFindsWhatPagesShow compares with looking at every message.
func TestSearchFindsWhatPagesShow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, viewstest.SQLite)
		rooms := w.talk(rt)
		set, stop := w.settled()
		defer stop()
		if rapid.Bool().Draw(rt, "index") {
			set.Search.LookThrough(0)
		}
		query, err := words.Parse(rapid.SampledFrom([]string{"edit", "7", "12", "edi*", `"edit 9"`, "edit 3"}).Draw(rt, "query"))
		if err != nil {
			rt.Fatal(err)
		}
		viewer := rapid.SampledFrom([]uuid.UUID{ann, bob, cyd}).Draw(rt, "viewer")
		want := 0
		for _, room := range rooms {
			if in, err := set.Conversations.IsParticipant(t.Context(), room, viewer); err != nil || !in {
				continue
			}
			page, err := set.Conversations.Page(t.Context(), room, projections.Range{Limit: projections.MaxPage})
			if err != nil {
				rt.Fatal(err)
			}
			for _, m := range page.Messages {
				if query.Match(m.Text) {
					want++
				}
			}
		}
		page, err := set.Search.Find(t.Context(), viewer, projections.SearchQuery{Words: query, Limit: projections.MaxHits})
		if err != nil || len(page.Hits) != min(want, projections.MaxHits) {
			rt.Errorf("%d hits for %v of %d, %v", len(page.Hits), query, want, err)
		}
	})
}
