package handlers_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/handlers/handlertest"
	"parley/projections"
)

func TestSearch(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob, cyd := h.Person("ada"), h.Person("bob"), h.Person("cyd")
	room := ada.Start("group", bob)
	bob.Say(room, "Kaffee um acht?")
	h.Clock.Advance(time.Hour)
	ada.Say(room, "Café <b>at</b> 8, Café at 9")
	h.Clock.Advance(time.Hour)
	position := ada.Say(room, "see you").Position()

	var page projections.SearchPage
	find := func(by *handlertest.Client, query ...string) []projections.Hit {
		t.Helper()
		values := url.Values{}
		for i := 0; i < len(query); i += 2 {
			values.Set(query[i], query[i+1])
		}
		page = projections.SearchPage{}
		by.Get("/v1/search?"+values.Encode(), "Parley-Position", position).Want(200).Into(&page)
		return page.Hits
	}
	hits := find(bob, "q", "CAFE at")
	if len(hits) != 1 || hits[0].Message.Number != 1 || hits[0].Message.Author != ada.User.ID ||
		hits[0].Snippet != "<mark>Café</mark> &lt;b&gt;<mark>at</mark>&lt;/b&gt; 8, <mark>Café</mark> <mark>at</mark> 9" {
		t.Errorf("hits: %+v", hits)
	}
	if hits := find(cyd, "q", "cafe"); len(hits) != 0 {
		t.Errorf("a stranger finds %+v", hits)
	}
	if hits := find(bob, "author", ada.User.ID.String()); len(hits) != 2 || hits[0].Message.Text != "see you" {
		t.Errorf("by author: %+v", hits)
	}
	if hits := find(bob, "q", "ka* um", "conversation", room.String(), "from", "2026-03-02", "to", "2026-03-02T09:00:00.000000001Z"); len(hits) != 1 {
		t.Errorf("with everything asked for: %+v", hits)
	}

	h.Clock.Advance(time.Minute)
	for range 4 {
		position = ada.Say(room, "one more").Position()
	}
	seen := len(find(bob, "q", "one mor*", "author", ada.User.ID.String(), "limit", "3", "from", "2026-03-02"))
	if page.Next == nil || !strings.HasPrefix(*page.Next, "/v1/search?") {
		t.Fatalf("%d hits, then %v", seen, page.Next)
	}
	page2 := projections.SearchPage{}
	bob.Get(*page.Next).Want(200).Into(&page2)
	if seen != 3 || len(page2.Hits) != 1 || page2.Next != nil {
		t.Errorf("%d hits, then %+v", seen, page2)
	}
	ada.Get(*page.Next).Refused(422, "query.after")
}

func TestSearchRefusals(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	theirs := bob.Start("group")
	for query, field := range map[string]string{
		"":                                    "query.q",
		"q=":                                  "query.q",
		"q=%3F%3F":                            "query.q",
		"q=a*":                                "query.q",
		"q=" + strings.Repeat("word+", 17):    "",
		"q=" + strings.Repeat("a+b+", 4):      "",
		"q=1+2+3+4+5+6+7+8+9+0+a+b+c+d+e+f+g": "query.q",
		"q=" + strings.Repeat("x", 1001):      "query.q",
		"q=x&author=nobody":                   "query.author",
		"q=x&conversation=1":                  "query.conversation",
		"q=x&from=yesterday":                  "query.from",
		"q=x&to=2026-02-30":                   "query.to",
		"q=x&from=2026-03-02&to=2026-03-02":   "query.to",
		"q=x&limit=0":                         "query.limit",
		"q=x&limit=101":                       "query.limit",
		"q=x&after=x":                         "query.after",
	} {
		answer := ada.Get("/v1/search?" + query)
		if field == "" {
			answer.Want(200)
		} else {
			answer.Refused(422, field)
		}
	}
	ada.Get("/v1/search?q=x&conversation="+theirs.String()).Refused(404, "conversation")
	ada.Get("/v1/search?q=x&conversation="+uuid.NewString()).Refused(404, "conversation")
}

// TestSearchTakesAnyQuery has what is syntax to the engines below.
func TestSearchTakesAnyQuery(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	ada.Say(ada.Start("group"), `"AND" OR (NOT near) words : x ^y {z} it's a\b`)
	for _, query := range []string{
		`"`, `""`, `"AND`, `a"b`, `a'b`, `'`, `\`, `AND`, `x OR`, `NOT x`, `NEAR(a b, 2)`, `words:x`, `marks:"a"`, `{words marks} : x`, `^y`, `-x`, `+x`,
		`x*`, `*x*`, `**`, `(`, `)`, `((x)`, `a & b | !c`, `a <-> b`, `x:*`, `it's`, "\x00", "a\x00b", "\xff\xfe", "a;DROP TABLE messages", `%`, `_`, `$1`, `?1`, `:a`, `@a`,
		strings.Repeat(`"a `, 300), strings.Repeat("(", 500), "\u202e", "🎉*", "東*",
	} {
		if answer := ada.Get("/v1/search?" + url.Values{"q": {query}}.Encode()); answer.Status != 200 && answer.Status != 422 {
			t.Errorf("%q: %d %s", query, answer.Status, answer.Body)
		}
	}
}
