package handlers_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/handlers/handlertest"
	"parley/projections"
)

func TestMute(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	room := ada.Start("group", bob)
	path := "/v1/conversations/" + room.String()
	shown := func(who *handlertest.Client, after *handlertest.Answer) (c projections.Conversation) {
		who.Get(path, "Parley-Position", after.Position()).Want(200).Into(&c)
		return c
	}
	for _, body := range []string{`{}`, `{"until":null}`} {
		if c := shown(bob, bob.Do("PUT", path+"/mute", body).Want(204)); !c.Muted || c.MutedUntil != nil {
			t.Errorf("muted with %s: %t until %v", body, c.Muted, c.MutedUntil)
		}
	}
	if c := shown(bob, bob.Do("DELETE", path+"/mute", nil).Want(204)); c.Muted {
		t.Error("it is still muted")
	}
	evening := handlertest.Began.Add(9 * time.Hour)
	muted := bob.Do("PUT", path+"/mute", map[string]time.Time{"until": evening}).Want(204)
	if c := shown(bob, muted); !c.Muted || c.MutedUntil == nil || !c.MutedUntil.Equal(evening) {
		t.Errorf("muted until the evening: %t until %v", c.Muted, c.MutedUntil)
	}
	if c := shown(ada, muted); c.Muted {
		t.Error("it is muted for others")
	}
	h.Clock.Advance(9 * time.Hour)
	if c := shown(bob, muted); c.Muted || c.MutedUntil != nil {
		t.Errorf("in the evening: %t until %v", c.Muted, c.MutedUntil)
	}
	bob.Do("PUT", path+"/mute", `{"until":"2026-03-02T09:00:00Z"}`).Refused(422, "body.until")
	bob.Do("PUT", path+"/mute", `{"until":"to-morrow"}`).Refused(422, "body.until")
	bob.Do("PUT", path+"/mute", `{"for":1}`).Refused(422, "body.for")
}

func TestArchive(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	first, second := ada.Start("group", bob), ada.Start("group", bob)
	list := func(who *handlertest.Client, query string, after *handlertest.Answer) []uuid.UUID {
		t.Helper()
		var inbox projections.Inbox
		who.Get("/v1/conversations"+query, "Parley-Position", after.Position()).Want(200).Into(&inbox)
		ids := []uuid.UUID{}
		for _, c := range inbox.Conversations {
			if c.Archived != (query != "") {
				t.Errorf("archived is %t in the list of %q", c.Archived, query)
			}
			ids = append(ids, c.ID)
		}
		return ids
	}
	check := func(what string, after *handlertest.Answer, inbox, archived []uuid.UUID) {
		t.Helper()
		if diff := cmp.Diff([][]uuid.UUID{inbox, archived}, [][]uuid.UUID{list(bob, "", after), list(bob, "?archived=true", after)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	h.Clock.Advance(time.Minute)
	ada.Say(second, "hello")
	none := []uuid.UUID{}
	path := "/v1/conversations/" + first.String() + "/archive"
	check("first archived", bob.Do("PUT", path, nil).Want(204), []uuid.UUID{second}, []uuid.UUID{first})
	check("bob posts in it", bob.Say(first, "not forgotten"), []uuid.UUID{second}, []uuid.UUID{first})
	h.Clock.Advance(time.Minute)
	check("ada posts in it", ada.Say(first, "are you there?"), []uuid.UUID{first, second}, none)
	check("archived again", bob.Do("PUT", path, nil).Want(204), []uuid.UUID{second}, []uuid.UUID{first})
	check("and taken out", bob.Do("DELETE", path, nil).Want(204), []uuid.UUID{first, second}, none)
	bob.Do("PUT", "/v1/conversations/"+second.String()+"/archive", nil).Want(204)
	all := bob.Do("PUT", path, nil).Want(204)
	check("both", all, none, []uuid.UUID{first, second})
	var page projections.Inbox
	bob.Get("/v1/conversations?archived=true&limit=1", "Parley-Position", all.Position()).Want(200).Into(&page)
	bob.Get(*page.Next).Want(200).Into(&page)
	if len(page.Conversations) != 1 || page.Conversations[0].ID != second || page.Next != nil {
		t.Errorf("the second page is %+v", page)
	}
	if got := list(ada, "", all); len(got) != 2 {
		t.Errorf("ada's inbox is %v", got)
	}
	bob.Get("/v1/conversations?archived=perhaps").Refused(422, "query.archived")
}
