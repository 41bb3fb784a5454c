package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/handlers/handlertest"
	"parley/projections"
)

// chat is a conversation of two people.
type chat struct {
	*handlertest.House
	ada, bob *handlertest.Client
	room     uuid.UUID
	path     string
}

func openChat(t testing.TB) *chat {
	h := handlertest.Open(t)
	c := &chat{House: h, ada: h.Person("ada"), bob: h.Person("bob")}
	c.room = c.ada.Start("direct", c.bob)
	c.path = "/v1/conversations/" + c.room.String() + "/messages"
	return c
}

func TestPost(t *testing.T) {
	c := openChat(t)
	c.ada.Say(c.room, "hello")
	c.Clock.Advance(time.Minute)
	var answered, seen projections.Message
	var page projections.Page
	answer := c.bob.Post(c.path, `{"text":"hello <you> \u00e9","replyTo":0}`).Want(201).Into(&answered)
	zero := uint64(0)
	want := projections.Message{
		ConversationID: c.room, Number: 1, Author: c.bob.User.ID, Text: "hello <you> é",
		PostedAt: handlertest.Began.Add(time.Minute), ReplyTo: &zero, Attachments: nil, Reactions: nil,
	}
	c.ada.Get(c.path, "Parley-Position", answer.Position()).Want(200).Into(&page)
	if len(page.Messages) != 2 {
		t.Fatalf("the page is %+v", page)
	}
	seen = page.Messages[0]
	for name, got := range map[string]projections.Message{"answered": answered, "seen": seen} {
		if got.Attachments == nil || got.Reactions == nil || got.Mentions == nil {
			t.Errorf("%s: lists that are empty are not null: %+v", name, got)
		}
		got.Attachments, got.Reactions, got.Mentions = nil, nil, nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTextIsBoundedInCharacters(t *testing.T) {
	c := openChat(t)
	for _, character := range []string{"a", "é", "😀", `\u0001`, `\ud83d\ude00`} {
		c.ada.Post(c.path, `{"text":"a`+strings.Repeat(character, 19_999)+`"}`).Want(201)
		c.ada.Post(c.path, `{"text":"a`+strings.Repeat(character, 20_000)+`"}`).Refused(422, "body.text")
	}
	c.ada.Post(c.path, `{"text":"`+strings.Repeat("a", 300_000)+`"}`).Refused(413, "body")
}

// A body is JSON even if it says, with curl -d, that it is a form.
func TestPostAsCurlDoes(t *testing.T) {
	c := openChat(t)
	const form = "application/x-www-form-urlencoded"
	c.ada.Post(c.path, `{"text":"a"}`, "Content-Type", form).Want(201)
	c.ada.Post(c.path+"/0/forward", `{"to":"`+c.room.String()+`"}`, "Content-Type", form).Want(201)
	c.ada.Post("/v1/conversations", `{"kind":"group","participants":[]}`, "Content-Type", form).Want(201)
}

func TestPostRefusals(t *testing.T) {
	c := openChat(t)
	before := c.Node.Tip()
	refusals := []struct {
		body   string
		status int
		field  string
	}{
		{`{"text":""}`, 422, "body.text"},
		{`{}`, 422, "body.text"},
		{`{"text":null}`, 422, "body.text"},
		{`{"text":7}`, 422, "body.text"},
		{`{"text":["a"]}`, 422, "body.text"},
		{`{"text":"a\u0000b"}`, 422, "body.text"},
		{`{"text":"a","replyTo":99}`, 422, "body.replyTo"},
		{`{"text":"a","replyTo":-1}`, 422, "body.replyTo"},
		{`{"text":"a","replyTo":1.5}`, 422, "body.replyTo"},
		{`{"text":"a","replyTo":"0"}`, 422, "body.replyTo"},
		{`{"text":"a","replyTo":18446744073709551615}`, 422, "body.replyTo"},
		{`{"text":"a","replyTo":1e400}`, 422, "body.replyTo"},
		{`{"text":"a","color":"red"}`, 422, "body.color"},
		{`{"Text":"a"}`, 422, "body.Text"},
		{`["a"]`, 422, "body"},
		{`"a"`, 422, "body"},
		{`{"text":"a","text":"b"}`, 400, "text"},
		{`{"text":"a"} {"text":"b"}`, 400, "body"},
		{`{"text":"a"`, 400, "body"},
		{`{text:"a"}`, 400, "body"},
		{"{\"text\":\"a\x00\"}", 400, "text"},
		{"{\"text\":\"a\xff\"}", 400, "text"},
		{`{"text":"\ud800"}`, 400, "text"},
		{"", 400, "body"},
		{strings.Repeat("[", 20_000), 422, "body"},
	}
	for _, refusal := range refusals {
		c.ada.Post(c.path, refusal.body).Refused(refusal.status, refusal.field)
	}
	c.ada.Post(c.path, `{"text":"a"}`, "Content-Type", "application/xml").Refused(415, "JSON")
	c.ada.Post("/v1/conversations/1/messages", `{"text":"a"}`).Refused(422, "path.id")
	if c.Node.Tip() != before {
		t.Error("a refused post left something in the log")
	}
}

func TestPostIsRepeatedWithAKey(t *testing.T) {
	c := openChat(t)
	const body = `{"text":"once"}`
	first := c.ada.Post(c.path, body, "Idempotency-Key", "k").Want(201)
	c.Clock.Advance(time.Hour)
	repeat := c.ada.Post(c.path, body, "Idempotency-Key", "k").Want(201)
	if string(first.Body) != string(repeat.Body) || first.Position() != repeat.Position() {
		t.Errorf("the repeat was answered %s at %s, the first %s at %s", repeat.Body, repeat.Position(), first.Body, first.Position())
	}
	c.ada.Post(c.path, `{"text":"twice"}`, "Idempotency-Key", "k").Refused(422, "Idempotency-Key")
	c.bob.Post(c.path, body, "Idempotency-Key", "k").Want(201)
	c.ada.Post(c.path, body, "Idempotency-Key", strings.Repeat("k", 256)).Refused(400, "Idempotency-Key")
	if texts := c.all(t, c.ada, "?after=-1"); len(texts) != 2 {
		t.Errorf("the conversation holds %q", texts)
	}
}

func TestConcurrentRepeatsPostOnce(t *testing.T) {
	c := openChat(t)
	answers := make([]*handlertest.Answer, 16)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = c.ada.Post(c.path, `{"text":"once"}`, "Idempotency-Key", "k") })
	}
	all.Wait()
	for _, answer := range answers {
		answer.Want(http.StatusCreated)
		if string(answer.Body) != string(answers[0].Body) {
			t.Errorf("answered %s and %s", answers[0].Body, answer.Body)
		}
	}
	if texts := c.all(t, c.ada, "?after=-1"); len(texts) != 1 {
		t.Errorf("the conversation holds %q", texts)
	}
}

// all follows a page's next to the end and returns the texts in the order in
// which they came.
func (c *chat) all(t *testing.T, who *handlertest.Client, query string) []string {
	t.Helper()
	tip := fmt.Sprint(c.Node.Tip())
	var texts []string
	for next, pages := c.path+query, 0; next != ""; pages++ {
		if pages > 100 {
			t.Fatal("the pages do not end")
		}
		var page projections.Page
		who.Get(next, "Parley-Position", tip).Want(200).Into(&page)
		for _, message := range page.Messages {
			texts = append(texts, message.Text)
		}
		next = ""
		if page.Next != nil {
			next = *page.Next
		}
	}
	return texts
}

func TestPagesInBothDirections(t *testing.T) {
	c := openChat(t)
	var rising, falling []string
	for i := range 23 {
		text := fmt.Sprint("message ", i)
		c.ada.Say(c.room, text)
		rising = append(rising, text)
		falling = append([]string{text}, falling...)
	}
	for query, want := range map[string][]string{
		"":                    falling,
		"?limit=5":            falling,
		"?limit=23":           falling,
		"?limit=5&before=7":   falling[16:],
		"?before=0":           nil,
		"?before=1000":        falling,
		"?after=-1":           rising,
		"?after=-1&limit=5":   rising,
		"?after=19&limit=2":   rising[20:],
		"?after=22":           nil,
		"?after=1000&limit=1": nil,
	} {
		if diff := cmp.Diff(want, c.all(t, c.bob, query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestPageRefusals(t *testing.T) {
	c := openChat(t)
	for query, field := range map[string]string{
		"limit=0": "query.limit", "limit=201": "query.limit", "limit=-5": "query.limit", "limit=x": "query.limit",
		"limit=99999999999999999999999": "query.limit",
		"before=-1":                     "query.before", "before=x": "query.before", "before=99999999999999999999999": "query.before",
		"after=-2": "query.after", "after=x": "query.after", "after=1&before=5": "query.after", "after=1%00": "query.after",
	} {
		c.ada.Get(c.path+"?"+query).Refused(422, field)
	}
	c.ada.Get(c.path, "Parley-Position", "soon").Refused(422, "Parley-Position")
	c.ada.Get("/v1/conversations/1/messages").Refused(422, "path.id")
}

func TestUnchangedPageIsNotSentAgain(t *testing.T) {
	c := openChat(t)
	said := c.ada.Say(c.room, "hello")
	page := c.ada.Get(c.path, "Parley-Position", said.Position()).Want(200)
	tag := page.Header.Get("ETag")
	if tag == "" || page.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("headers are %v", page.Header)
	}
	same := c.ada.Get(c.path, "If-None-Match", `"other", `+tag).Want(304)
	if len(same.Body) != 0 {
		t.Errorf("304 with a body: %s", same.Body)
	}
	again := c.bob.Say(c.room, "hello, ada")
	c.ada.Get(c.path, "If-None-Match", tag, "Parley-Position", again.Position()).Want(200)
}

func TestReadYourWrites(t *testing.T) {
	c := openChat(t)
	for i := range 20 {
		text := fmt.Sprint("message ", i)
		said := c.ada.Say(c.room, text)
		var page projections.Page
		c.ada.Get(c.path+"?limit=1", "Parley-Position", said.Position()).Want(200).Into(&page)
		if len(page.Messages) != 1 || page.Messages[0].Text != text {
			t.Fatalf("after %q the newest is %+v", text, page.Messages)
		}
	}
}

func TestReadMarkers(t *testing.T) {
	c := openChat(t)
	unread := func(who *handlertest.Client, position string) uint64 {
		var conversation projections.Conversation
		who.Get("/v1/conversations/"+c.room.String(), "Parley-Position", position).Want(200).Into(&conversation)
		return conversation.Unread
	}
	var last *handlertest.Answer
	for i := range 5 {
		last = c.ada.Say(c.room, fmt.Sprint(i))
	}
	read := "/v1/conversations/" + c.room.String() + "/read"
	if got := unread(c.bob, last.Position()); got != 5 {
		t.Errorf("bob has %d unread, want 5", got)
	}
	marked := c.bob.Do("PUT", read, `{"upTo":2}`).Want(204)
	if got := unread(c.bob, marked.Position()); got != 2 {
		t.Errorf("after reading up to 2, bob has %d unread, want 2", got)
	}
	if again := c.bob.Do("PUT", read, `{"upTo":2}`).Want(204); again.Position() != marked.Position() {
		t.Errorf("marking the same again is at %s, the first time at %s", again.Position(), marked.Position())
	}
	c.bob.Do("PUT", read, `{"upTo":5}`).Refused(422, "body.upTo")
	c.bob.Do("PUT", read, `{"upTo":-1}`).Refused(422, "body.upTo")
	c.bob.Do("PUT", read, `{"upTo":18446744073709551615}`).Refused(422, "body.upTo")
	c.bob.Do("PUT", read, `{}`).Refused(422, "body.upTo")
}
