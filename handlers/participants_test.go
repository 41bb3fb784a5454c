package handlers_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/handlers/handlertest"
	"parley/projections"
)

func TestParticipantsComeAndGo(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob, eve := h.Person("ada"), h.Person("bob"), h.Person("eve")
	room := ada.Start("group", bob)
	path := "/v1/conversations/" + room.String()
	add := fmt.Sprintf(`{"userId":%q}`, eve.User.ID)

	eve.Get(path).Refused(404, "")
	added := bob.Post(path+"/participants", add).Want(204)
	again := bob.Post(path+"/participants", add).Want(204)
	if added.Position() != again.Position() {
		t.Errorf("the second time nothing was written, yet the position is %s after %s", again.Position(), added.Position())
	}
	eve.Get(path, "Parley-Position", added.Position()).Want(200)
	bob.Do("DELETE", path+"/participants/"+eve.User.ID.String(), nil).Refused(403, "")
	removed := ada.Do("DELETE", path+"/participants/"+eve.User.ID.String(), nil).Want(204)
	ada.Get(path, "Parley-Position", removed.Position()).Want(200)
	eve.Get(path).Refused(404, "")
	eve.Post(path+"/messages", `{"text":"still here?"}`).Refused(404, "")
	bob.Do("DELETE", path+"/participants/"+bob.User.ID.String(), nil).Want(204)
	bob.Post(path+"/participants", add).Refused(404, "")

	ada.Post(path+"/participants", fmt.Sprintf(`{"userId":%q}`, uuid.New())).Refused(422, "body.userId")
	ada.Post(path+"/participants", `{}`).Refused(422, "body.userId")
	direct := ada.Start("direct", bob)
	ada.Post("/v1/conversations/"+direct.String()+"/participants", add).Refused(409, "")
}

// rolesIn reads the roles of a conversation's people as a viewer sees them.
func rolesIn(room uuid.UUID, viewer *handlertest.Client, position string) map[uuid.UUID]events.Role {
	var seen projections.Conversation
	viewer.Get("/v1/conversations/"+room.String(), "Parley-Position", position).Want(200).Into(&seen)
	roles := make(map[uuid.UUID]events.Role)
	for _, p := range seen.Participants {
		roles[p.UserID] = p.Role
	}
	return roles
}

func TestRoles(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob, cleo, eve := h.Person("ada"), h.Person("bob"), h.Person("cleo"), h.Person("eve")
	room := ada.Start("group", bob, cleo)
	of := func(who *handlertest.Client) string {
		return "/v1/conversations/" + room.String() + "/participants/" + who.User.ID.String()
	}
	bob.Do("PUT", of(bob)+"/role", `{"role":"admin"}`).Refused(403, "")
	made := ada.Do("PUT", of(bob)+"/role", `{"role":"admin"}`).Want(204)
	again := ada.Do("PUT", of(bob)+"/role", `{"role":"admin"}`).Want(204)
	if made.Position() != again.Position() {
		t.Errorf("the second time nothing was written, yet the position is %s after %s", again.Position(), made.Position())
	}
	bob.Do("PUT", of(cleo)+"/role", `{"role":"admin"}`).Refused(403, "")
	bob.Do("DELETE", of(ada), nil).Refused(403, "")
	cleo.Do("DELETE", of(bob), nil).Refused(403, "")
	ada.Do("PUT", of(ada)+"/role", `{"role":"member"}`).Refused(409, "body.role")
	ada.Do("PUT", of(eve)+"/role", `{"role":"admin"}`).Refused(404, "")
	ada.Do("PUT", of(bob)+"/role", `{"role":"king"}`).Refused(422, "body.role")
	ada.Do("PUT", of(bob)+"/role", `{}`).Refused(422, "body.role")
	handed := ada.Do("PUT", of(bob)+"/role", `{"role":"owner"}`).Want(204)
	want := map[uuid.UUID]events.Role{ada.User.ID: events.Admin, bob.User.ID: events.Owner, cleo.User.ID: events.Member}
	if diff := cmp.Diff(want, rolesIn(room, cleo, handed.Position())); diff != "" {
		t.Errorf("handed over (-want +got):\n%s", diff)
	}
	ada.Do("DELETE", of(bob), nil).Refused(403, "")
	left := bob.Do("DELETE", of(bob), nil).Want(204)
	want = map[uuid.UUID]events.Role{ada.User.ID: events.Owner, cleo.User.ID: events.Member}
	if diff := cmp.Diff(want, rolesIn(room, cleo, left.Position())); diff != "" {
		t.Errorf("after the owner left (-want +got):\n%s", diff)
	}
	direct := ada.Start("direct", eve)
	ada.Do("PUT", "/v1/conversations/"+direct.String()+"/participants/"+eve.User.ID.String()+"/role", `{"role":"admin"}`).Refused(409, "")
}

func TestParticipantsArePaged(t *testing.T) {
	h := handlertest.Open(t)
	people := []*handlertest.Client{h.Person("p0"), h.Person("p1"), h.Person("p2"), h.Person("p3"), h.Person("p4")}
	room := people[0].Start("group", people[1:]...)
	said := people[0].Say(room, "hello")
	read := people[1].Do("PUT", "/v1/conversations/"+room.String()+"/delivered", `{"upTo":0}`).Want(204)
	people[1].Do("PUT", "/v1/conversations/"+room.String()+"/delivered", `{"upTo":1}`).Refused(422, "body.upTo")
	people[1].Do("PUT", "/v1/conversations/"+room.String()+"/delivered", `{}`).Refused(422, "body.upTo")

	want := make([]projections.Participant, len(people))
	for i, person := range people {
		want[i] = projections.Participant{UserID: person.User.ID, JoinedAt: handlertest.Began, Role: events.Member}
	}
	want[0].Role, want[0].ReadUpTo, want[0].DeliveredUpTo = events.Owner, new(uint64), new(uint64)
	want[1].DeliveredUpTo = new(uint64)
	var got []projections.Participant
	people[4].Get("/v1/conversations", "Parley-Position", said.Position()).Want(200)
	for next := "/v1/conversations/" + room.String() + "/participants?limit=2"; next != ""; {
		var page projections.Roster
		people[4].Get(next, "Parley-Position", read.Position()).Want(200).Into(&page)
		got = append(got, page.Participants...)
		next = ""
		if page.Next != nil {
			next = *page.Next
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for query, field := range map[string]string{"limit=0": "query.limit", "limit=201": "query.limit", "after=-2": "query.after", "after=x": "query.after"} {
		people[0].Get("/v1/conversations/"+room.String()+"/participants?"+query).Refused(422, field)
	}
}
