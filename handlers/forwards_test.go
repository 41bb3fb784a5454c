package handlers_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
)

func TestForward(t *testing.T) {
	c := openChat(t)
	cleo := c.Person("cleo")
	second := c.bob.Start("direct", cleo)
	third := cleo.Start("group")
	c.ada.Say(c.room, "heard")
	c.ada.Do("PATCH", c.path+"/0", `{"text":"hearsay"}`).Want(200)
	to := func(room uuid.UUID) string { return `{"to":"` + room.String() + `"}` }

	var answered projections.Message
	first := c.bob.Post(c.path+"/0/forward", to(second), "Idempotency-Key", "k").Want(201).Into(&answered)
	want := projections.Message{ConversationID: second, Author: c.bob.User.ID, Text: "hearsay", PostedAt: answered.PostedAt, Forwarded: &events.Forwarded{Author: c.ada.User.ID}}
	if diff := cmp.Diff(want, answered, cmpEmpty); diff != "" {
		t.Error(diff)
	}
	there := &chat{House: c.House, room: second, path: "/v1/conversations/" + second.String() + "/messages"}
	if diff := cmp.Diff(want, there.message(cleo, 0), cmpEmpty); diff != "" {
		t.Error(diff)
	}
	// What was forwarded keeps its first author.
	cleo.Post(there.path+"/0/forward", to(third)).Want(201).Into(&answered)
	if answered.Forwarded.Author != c.ada.User.ID || answered.Author != cleo.User.ID {
		t.Errorf("forwarded again: %+v", answered)
	}

	c.ada.Do("PATCH", c.path+"/0", `{"text":"something else"}`).Want(200)
	repeat := c.bob.Post(c.path+"/0/forward", to(second), "Idempotency-Key", "k").Want(201)
	c.ada.Do("DELETE", c.path+"/0", nil).Want(204)
	again := c.bob.Post(c.path+"/0/forward", to(second), "Idempotency-Key", "k").Want(201)
	if string(repeat.Body) != string(first.Body) || string(again.Body) != string(first.Body) || again.Position() != first.Position() {
		t.Errorf("the first was answered %s, its repeats %s and %s", first.Body, repeat.Body, again.Body)
	}
	c.ada.Say(c.room, "another")
	c.bob.Post(c.path+"/3/forward", to(second), "Idempotency-Key", "k").Refused(422, "Idempotency-Key")
	if got := there.conversation(cleo).MessageCount; got != 1 {
		t.Errorf("%d messages were forwarded", got)
	}
}

func TestForwardRefusals(t *testing.T) {
	c := openChat(t)
	cleo := c.Person("cleo")
	foreign := cleo.Start("group")
	c.ada.Say(c.room, "hello")
	c.ada.Say(c.room, "gone")
	c.ada.Do("DELETE", c.path+"/1", nil).Want(204)
	here := `{"to":"` + c.room.String() + `"}`
	before := c.Node.Tip()
	c.bob.Post(c.path+"/1/forward", here).Refused(409, "retracted")
	c.bob.Post(c.path+"/2/forward", here).Refused(404, "message 2")
	c.bob.Post(c.path+"/9/forward", here, "Idempotency-Key", "k").Refused(404, "message 9")
	c.bob.Post(c.path+"/0/forward", `{"to":"`+foreign.String()+`"}`).Refused(422, "body.to")
	c.bob.Post(c.path+"/0/forward", `{"to":"x"}`).Refused(422, "body.to")
	c.bob.Post(c.path+"/0/forward", `{}`).Refused(422, "to")
	cleo.Post(c.path+"/0/forward", `{"to":"`+foreign.String()+`"}`).Refused(404, "")
	if c.Node.Tip() != before {
		t.Error("a refused forward left something in the log")
	}
}

func TestMentions(t *testing.T) {
	g := openGroup(t)
	ada, bob, cleo := g.ada.User.ID, g.bob.User.ID, g.cleo.User.ID
	mentioning := func(users ...uuid.UUID) map[string]any { return map[string]any{"text": "look", "mentions": users} }
	g.ada.Post(g.path, mentioning(bob, cleo, bob)).Want(201)
	if diff := cmp.Diff([]uuid.UUID{bob, cleo}, g.message(g.bob, 0).Mentions); diff != "" {
		t.Error(diff)
	}
	mentioned := func() []uint64 { return []uint64{g.conversation(g.bob).Mentioned, g.conversation(g.cleo).Mentioned} }
	for _, step := range []struct {
		what string
		do   func()
		want []uint64 // bob's and cleo's
	}{
		{"both", func() {}, []uint64{1, 1}},
		{"an edit of the text alone", func() { g.ada.Do("PATCH", g.path+"/0", `{"text":"listen"}`).Want(200) }, []uint64{1, 1}},
		{"bob no longer", func() { g.ada.Do("PATCH", g.path+"/0", mentioning(cleo)).Want(200) }, []uint64{0, 1}},
		{"cleo once more", func() { g.ada.Post(g.path, mentioning(cleo)).Want(201) }, []uint64{0, 2}},
		{"cleo reads the first", func() {
			g.cleo.Do("PUT", "/v1/conversations/"+g.room.String()+"/read", `{"upTo":0}`).Want(204)
		}, []uint64{0, 1}},
		{"it is retracted", func() { g.ada.Do("DELETE", g.path+"/3", nil).Want(204) }, []uint64{0, 0}},
	} {
		step.do()
		if got := mentioned(); !cmp.Equal(got, step.want) {
			t.Errorf("%s: mentioned are %v, want %v", step.what, got, step.want)
		}
	}
	g.ada.Post(g.path, mentioning(uuid.New())).Refused(422, "body.mentions")
	g.ada.Post(g.path, `{"text":"a","mentions":["x"]}`).Refused(422, "body.mentions")
	g.ada.Post(g.path, fmt.Sprintf(`{"text":"a","mentions":[%q]}`, ada)).Want(201)
}
