package handlers_test

import (
	"testing"
	"time"

	"parley/handlers/handlertest"
	"parley/projections"
)

func TestTypingIsToldToTheOthers(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob, eve := h.Person("ada"), h.Person("bob"), h.Person("eve")
	room := ada.Start("direct", bob)
	path := "/v1/conversations/" + room.String()
	h.CatchUp()
	before := h.Node.Tip()
	own, talk := ada.Stream(inbox, ""), bob.Stream(streamOf(room), "")
	all := bob.Stream(inbox, "")
	eve.Post(path+"/typing", nil).Refused(404, "")
	ada.Post(path+"/typing", nil).Want(204)
	for _, stream := range []*handlertest.Stream{all, talk} {
		typing := stream.Want("typing")
		data := into[projections.TypingData](t, typing)
		if data.ConversationID != room || data.UserID != ada.User.ID || !data.Until.After(handlertest.Began) || typing.ID != "" {
			t.Errorf("told %+v", typing)
		}
	}
	ada.Post(path+"/typing", nil).Want(204) // too soon to be told again
	if h.Node.Tip() != before {
		t.Error("typing is in the log")
	}
	ada.Say(room, "done")
	all.Want("message")
	own.Want("message")
	h.Clock.Advance(3 * time.Second)
	ada.Post(path+"/typing", nil).Want(204)
	all.Want("typing")

	bob.Do("PUT", "/v1/users/"+ada.User.ID.String()+"/block", nil).Want(204)
	ada.Post(path+"/typing", nil).Refused(403, "")
}

func TestPresenceIsOfThoseWithAStream(t *testing.T) {
	h := handlertest.Open(t)
	h.Feed.SetGrace(time.Millisecond)
	ada, bob, cyd, eve := h.Person("ada"), h.Person("bob"), h.Person("cyd"), h.Person("eve")
	room := ada.Start("group", bob, cyd)
	ada.Start("direct", cyd)
	path := "/v1/conversations/" + room.String() + "/presence"
	h.CatchUp()
	seen := func(who *handlertest.Client) map[string]projections.PresenceData {
		t.Helper()
		var answer struct{ Participants []projections.PresenceData }
		who.Get(path).Want(200).Into(&answer)
		byName := make(map[string]projections.PresenceData)
		for name, client := range map[string]*handlertest.Client{"ada": ada, "bob": bob, "cyd": cyd} {
			for _, p := range answer.Participants {
				if p.UserID == client.User.ID {
					byName[name] = p
				}
			}
		}
		return byName
	}
	eve.Get(path).Refused(404, "")
	if now := seen(ada); len(now) != 3 || now["bob"].Online || now["bob"].LastSeen != nil {
		t.Errorf("before anybody came: %+v", now)
	}
	adas := ada.Stream(inbox, "")
	adas.Presence = true
	bobs := bob.Stream(inbox, "")
	if came := into[projections.PresenceData](t, adas.Want("presence")); came.UserID != bob.User.ID || !came.Online {
		t.Errorf("told %+v", came)
	}
	if now := seen(ada); !now["bob"].Online || !now["ada"].Online || now["cyd"].Online {
		t.Errorf("while bob is there: %+v", now)
	}
	bobs.Close()
	went := into[projections.PresenceData](t, adas.Want("presence"))
	if went.UserID != bob.User.ID || went.Online || went.LastSeen == nil || !went.LastSeen.Equal(handlertest.Began) {
		t.Errorf("told %+v", went)
	}
	if now := seen(ada); now["bob"].Online || now["bob"].LastSeen == nil {
		t.Errorf("after bob went: %+v", now)
	}
	h.CatchUp()
	cyd.Do("PUT", "/v1/users/"+ada.User.ID.String()+"/block", nil).Want(204)
	h.CatchUp()
	cyds := cyd.Stream(inbox, "")
	cyds.Presence = true
	if now := seen(ada); now["cyd"].Online || now["cyd"].LastSeen != nil {
		t.Errorf("who has blocked ada is shown to her: %+v", now)
	}
	if now := seen(bob); !now["cyd"].Online {
		t.Errorf("who has blocked ada is not shown to bob: %+v", now)
	}
	bob.Stream(inbox, "")
	if came := into[projections.PresenceData](t, cyds.Want("presence")); came.UserID != bob.User.ID {
		t.Errorf("told %+v", came)
	}
	if came := into[projections.PresenceData](t, adas.Want("presence")); came.UserID != bob.User.ID {
		t.Errorf("ada is told %+v", came)
	}
}
