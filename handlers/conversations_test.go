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

	"parley/events"
	"parley/handlers/handlertest"
	"parley/projections"
)

func TestStartGroup(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	var started, seen projections.Conversation
	answer := ada.Post("/v1/conversations", map[string]any{"kind": "group", "title": "Engines", "participants": []uuid.UUID{bob.User.ID, ada.User.ID, bob.User.ID}}).
		Want(201).Into(&started)
	want := projections.Conversation{
		ID: started.ID, Kind: "group", Title: "Engines", StartedAt: handlertest.Began,
		Pinned:           []uint64{},
		ParticipantCount: 2,
		Participants: []projections.Participant{
			{UserID: ada.User.ID, JoinedAt: handlertest.Began, Role: events.Owner},
			{UserID: bob.User.ID, JoinedAt: handlertest.Began, Role: events.Member},
		},
	}
	if diff := cmp.Diff(want, started); diff != "" {
		t.Errorf("answered (-want +got):\n%s", diff)
	}
	bob.Get("/v1/conversations/"+started.ID.String(), "Parley-Position", answer.Position()).Want(200).Into(&seen)
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
}

// A direct conversation without another person is one's own, and only one.
func TestNotesToOneself(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	var own, again projections.Conversation
	ada.Post("/v1/conversations", `{"kind":"direct","participants":[]}`).Want(201).Into(&own)
	ada.Post("/v1/conversations", `{"kind":"direct","participants":["`+ada.User.ID.String()+`"]}`).Want(200).Into(&again)
	if len(own.Participants) != 1 || own.ID != again.ID {
		t.Errorf("%+v and %+v", own, again)
	}
	said := ada.Say(own.ID, "buy milk")
	ada.Get("/v1/conversations/"+own.ID.String(), "Parley-Position", said.Position()).Want(200).Into(&again)
	if again.MessageCount != 1 || again.Unread != 0 || again.LastMessage.Text != "buy milk" {
		t.Errorf("%+v", again)
	}
	bob.Get("/v1/conversations/"+own.ID.String()).Refused(404, "")
	bob.Post("/v1/conversations/"+own.ID.String()+"/messages", `{"text":"hi"}`).Refused(404, "")
}

func TestStartRefusals(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	one := `"` + bob.User.ID.String() + `"`
	for body, field := range map[string]string{
		`{"kind":"direct","participants":[` + one + `,"` + uuid.NewString() + `"]}`:     "body.participants",
		`{"kind":"direct","title":"T","participants":[` + one + `]}`:                    "body.title",
		`{"kind":"channel","participants":[]}`:                                          "body.kind",
		`{"kind":"group"}`:                                                              "participants",
		`{"kind":"group","participants":null}`:                                          "body.participants",
		`{"kind":"group","participants":["bob"]}`:                                       "participants",
		`{"kind":"group","participants":["` + uuid.NewString() + `"]}`:                  "body.participants",
		`{"kind":"group","title":"` + strings.Repeat("t", 201) + `","participants":[]}`: "body.title",
		`{"kind":"group","title":"a\nb","participants":[]}`:                             "body.title",
		`{"kind":"group","participants":[],"owner":1}`:                                  "owner",
	} {
		ada.Post("/v1/conversations", body).Refused(422, field)
	}
}

func TestAGroupHasAtMostTenThousandParticipants(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	others := make([]uuid.UUID, 10_000)
	for i := range others {
		others[i] = uuid.New()
	}
	before := h.Node.Tip()
	ada.Post("/v1/conversations", map[string]any{"kind": "group", "participants": others}).Refused(422, "body.participants")
	if h.Node.Tip() != before {
		t.Error("the refused group left something in the log")
	}
}

func TestSecondDirectConversationIsTheFirst(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	ask := func(who, other *handlertest.Client) *handlertest.Answer {
		return who.Post("/v1/conversations", map[string]any{"kind": "direct", "participants": []uuid.UUID{other.User.ID}})
	}
	var first, second, third projections.Conversation
	ask(ada, bob).Want(201).Into(&first)
	said := ada.Say(first.ID, "hello")
	bob.Get("/v1/conversations", "Parley-Position", said.Position()).Want(200)
	ask(bob, ada).Want(200).Into(&second)
	ask(ada, bob).Want(200).Into(&third)
	if second.ID != first.ID || third.ID != first.ID {
		t.Errorf("ids are %s, %s and %s", first.ID, second.ID, third.ID)
	}
	if second.MessageCount != 1 || second.Unread != 1 || third.Unread != 0 || second.LastMessage == nil {
		t.Errorf("the other side saw %+v, the first side %+v", second, third)
	}
}

func TestDirectConversationStartedByBothAtOnce(t *testing.T) {
	h := handlertest.Open(t)
	people := []*handlertest.Client{h.Person("ada"), h.Person("bob")}
	answers := make([]*handlertest.Answer, 12)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			answers[i] = people[i%2].Post("/v1/conversations", map[string]any{"kind": "direct", "participants": []uuid.UUID{people[1-i%2].User.ID}})
		})
	}
	all.Wait()
	created := 0
	for _, answer := range answers {
		if answer.Status == http.StatusCreated {
			created++
		} else {
			answer.Want(http.StatusOK)
		}
	}
	if created != 1 {
		t.Errorf("%d of them started it, want 1", created)
	}
}

func TestRenameConversation(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	room, direct := ada.Start("group", bob), ada.Start("direct", bob)
	path := "/v1/conversations/" + room.String()
	renamed := ada.Do("PATCH", path, `{"title":"Engines"}`).Want(204)
	var seen projections.Conversation
	bob.Get(path, "Parley-Position", renamed.Position()).Want(200).Into(&seen)
	if seen.Title != "Engines" {
		t.Errorf("the title is %q", seen.Title)
	}
	bob.Do("PATCH", path, `{"title":"Mine"}`).Refused(403, "")
	ada.Do("PATCH", path, `{"title":"a\nb"}`).Refused(422, "body.title")
	ada.Do("PATCH", path, `{"title":"`+strings.Repeat("t", 201)+`"}`).Refused(422, "body.title")
	ada.Do("PATCH", path, `{}`).Refused(422, "body.title")
	ada.Do("PATCH", path, `{"title":null}`).Refused(422, "body.title")
	ada.Do("PATCH", path, `{"kind":"direct"}`).Refused(422, "")
	ada.Do("PATCH", "/v1/conversations/"+direct.String(), `{"title":"us"}`).Refused(409, "")
}

func TestStrangersLearnNothing(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob, eve := h.Person("ada"), h.Person("bob"), h.Person("eve")
	direct := ada.Start("direct", bob)
	ada.Get("/v1/conversations/"+direct.String(), "Parley-Position", ada.Say(direct, "hello").Position()).Want(200)
	for _, ask := range []struct{ method, rest, body string }{
		{"GET", "", ""},
		{"GET", "/messages", ""},
		{"POST", "/messages", `{"text":"x"}`},
		{"POST", "/messages", `{"text":"x","replyTo":0}`},
		{"POST", "/messages", `{"text":""}`},
		{"PUT", "/read", `{"upTo":0}`},
		{"PUT", "/read", `{"upTo":99}`},
		{"PUT", "/delivered", `{"upTo":0}`},
		{"PUT", "/mute", `{}`},
		{"DELETE", "/mute", ""},
		{"PUT", "/archive", ""},
		{"DELETE", "/archive", ""},
		{"PATCH", "", `{"title":"T"}`},
		{"GET", "/participants", ""},
		{"PUT", "/participants/" + ada.User.ID.String() + "/role", `{"role":"member"}`},
		{"POST", "/participants", fmt.Sprintf(`{"userId":%q}`, eve.User.ID)},
		{"DELETE", "/participants/" + ada.User.ID.String(), ""},
	} {
		existing := eve.Do(ask.method, "/v1/conversations/"+direct.String()+ask.rest, bodyOf(ask.body)).Refused(404, "")
		unknown := eve.Do(ask.method, "/v1/conversations/"+uuid.NewString()+ask.rest, bodyOf(ask.body)).Refused(404, "")
		if string(existing.Body) != string(unknown.Body) {
			t.Errorf("%s %s: strangers are told %s, and %s if there is none", ask.method, ask.rest, existing.Body, unknown.Body)
		}
	}
}

func TestInboxIsPagedToItsEnd(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	var want []uuid.UUID
	var last *handlertest.Answer
	for range 7 {
		room := ada.Start("group")
		h.Clock.Advance(time.Minute)
		last = ada.Say(room, "hello")
		want = append([]uuid.UUID{room}, want...)
	}
	var got []uuid.UUID
	for next, pages := "/v1/conversations?limit=3", 0; next != ""; pages++ {
		if pages > 3 {
			t.Fatal("the inbox does not end")
		}
		var inbox projections.Inbox
		ada.Get(next, "Parley-Position", last.Position()).Want(200).Into(&inbox)
		for _, conversation := range inbox.Conversations {
			got = append(got, conversation.ID)
		}
		next = ""
		if inbox.Next != nil {
			next = *inbox.Next
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the inbox (-want +got):\n%s", diff)
	}
	for _, cursor := range []string{"x", "AAAA", "%00", strings.Repeat("a", 513)} {
		ada.Get("/v1/conversations?cursor="+cursor).Refused(422, "cursor")
	}
	for _, limit := range []string{"0", "201", "-1", "99999999999999999999", "many"} {
		ada.Get("/v1/conversations?limit="+limit).Refused(422, "query.limit")
	}
}

func TestStartIsRepeatedWithAKey(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	for _, kind := range []string{"group", "direct"} {
		body := map[string]any{"kind": kind, "participants": []uuid.UUID{bob.User.ID}}
		first := ada.Post("/v1/conversations", body, "Idempotency-Key", kind).Want(201)
		h.Clock.Advance(time.Minute)
		repeat := ada.Post("/v1/conversations", body, "Idempotency-Key", kind).Want(201)
		if string(first.Body) != string(repeat.Body) || first.Position() != repeat.Position() {
			t.Errorf("%s: the repeat was answered %s, the first %s", kind, repeat.Body, first.Body)
		}
	}
	other := map[string]any{"kind": "group", "title": "Other", "participants": []uuid.UUID{}}
	ada.Post("/v1/conversations", other, "Idempotency-Key", "group").Refused(422, "Idempotency-Key")
	bob.Post("/v1/conversations", other, "Idempotency-Key", "group").Want(201)
}

func TestTheInboxHasATag(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	room := ada.Start("group", bob)
	said := ada.Say(room, "hello")
	inbox := bob.Get("/v1/conversations", "Parley-Position", said.Position()).Want(200)
	tag := inbox.Header.Get("ETag")
	if same := bob.Get("/v1/conversations", "If-None-Match", tag).Want(304); len(same.Body) > 0 || same.Header.Get("ETag") != tag {
		t.Errorf("304 with ETag %s and %s, where it was %s", same.Header.Get("ETag"), same.Body, tag)
	}
	for _, change := range []func() *handlertest.Answer{
		func() *handlertest.Answer { return ada.Say(room, "hello again") },
		func() *handlertest.Answer {
			return bob.Do("PUT", "/v1/conversations/"+room.String()+"/read", `{"upTo":0}`).Want(204)
		},
		func() *handlertest.Answer {
			return bob.Do("PUT", "/v1/conversations/"+room.String()+"/mute", `{}`).Want(204)
		},
	} {
		changed := bob.Get("/v1/conversations", "If-None-Match", tag, "Parley-Position", change().Position()).Want(200)
		if changed.Header.Get("ETag") == tag {
			t.Errorf("the tag is still %s: %s", tag, changed.Body)
		}
		tag = changed.Header.Get("ETag")
	}
	for _, query := range []string{"limit=0", "limit=201", "limit=x", "archived=perhaps", "cursor=x"} {
		name, _, _ := strings.Cut(query, "=")
		bob.Get("/v1/conversations?"+query).Refused(422, "query."+name)
	}
}
