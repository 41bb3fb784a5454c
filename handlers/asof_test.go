package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

func TestMessagesAsOf(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob, cyd := h.Person("ada"), h.Person("bob"), h.Person("cyd")
	auditor := h.Scoped(handlers.Auditor)
	room := ada.Start("group", bob)
	messages := "/v1/conversations/" + room.String() + "/messages"
	first := ada.Say(room, "a secret").Position()
	h.Clock.Advance(time.Hour)
	ada.Do("PATCH", messages+"/0", `{"text":"nothing"}`)
	bob.Say(room, "what?")
	h.Clock.Advance(time.Hour)
	position := ada.Do("DELETE", messages+"/0", nil).Position()

	texts := func(by *handlertest.Client, asOf string) string {
		t.Helper()
		var page projections.Page
		by.Get(messages+"?after=-1&asOf="+asOf, "Parley-Position", position).Want(200).Into(&page)
		said := []string{}
		for _, m := range page.Messages {
			said = append(said, m.Text)
		}
		return strings.Join(said, "|")
	}
	for asOf, want := range map[string]string{
		first:                  "a secret",
		"2026-03-02T09:59:59Z": "a secret",
		"2026-03-02T10:30:00Z": "nothing|what?",
		"2026-03-02T12:00:00Z": "|what?",
		"2026-03-01":           "",
	} {
		if got := texts(auditor, asOf); got != want {
			t.Errorf("to an auditor as of %s: %q, want %q", asOf, got, want)
		}
	}
	if got := texts(bob, first); got != "" {
		t.Errorf("a participant sees %q, which was retracted", got)
	}
	if got := texts(bob, position); got != "|what?" {
		t.Errorf("a participant sees %q", got)
	}
	var page projections.Page
	auditor.Get(messages + "?limit=1&asOf=2026-03-02T10:30:00Z").Want(200).Into(&page)
	if page.Next == nil {
		t.Fatal("one message of two has no next page")
	}
	auditor.Get(*page.Next).Want(200).Into(&page)
	if len(page.Messages) != 1 || page.Messages[0].Text != "nothing" {
		t.Errorf("the next page: %+v", page)
	}
	cyd.Get(messages+"?asOf="+first).Refused(404, "conversation")
	h.Scoped(handlers.Analyst).Get(messages + "?asOf=" + first).Want(403)
	auditor.Get(messages).Want(403)
	for _, wrong := range []string{"0", "x", "2026-02-30", "-1", "99999999999999999999", fmt.Sprint(uint64(1) << 60)} {
		auditor.Get(messages+"?asOf="+wrong).Refused(422, "query.asOf")
	}
	auditor.Get(messages+"?asOf=1&limit=0").Refused(422, "query.limit")
}
