package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

// group is a conversation of three people that ada looks after.
type group struct {
	*chat
	cleo *handlertest.Client
}

func openGroup(t testing.TB) *group {
	h := handlertest.Open(t)
	g := &group{&chat{House: h, ada: h.Person("ada"), bob: h.Person("bob")}, h.Person("cleo")}
	g.room = g.ada.Start("group", g.bob, g.cleo)
	g.path = "/v1/conversations/" + g.room.String() + "/messages"
	return g
}

// message is one message as somebody sees it once all that was written is
// shown.
func (c *chat) message(who *handlertest.Client, number int) (m projections.Message) {
	c.Helper()
	who.Get(fmt.Sprint(c.path, "/", number), "Parley-Position", fmt.Sprint(c.Node.Tip())).Want(200).Into(&m)
	return m
}

// history is the texts of a message's versions.
func (c *chat) history(who *handlertest.Client, number int) []string {
	c.Helper()
	var history projections.History
	who.Get(fmt.Sprint(c.path, "/", number, "/history"), "Parley-Position", fmt.Sprint(c.Node.Tip())).Want(200).Into(&history)
	texts := []string{}
	for _, version := range history.Versions {
		if version.Retracted {
			version.Text += "(retracted)"
		}
		texts = append(texts, version.Text)
	}
	return texts
}

func TestEdit(t *testing.T) {
	c := openChat(t)
	c.ada.Say(c.room, "helo")
	c.Clock.Advance(time.Minute)
	var answered projections.Message
	first := c.ada.Do("PATCH", c.path+"/0", `{"text":"hello"}`).Want(200).Into(&answered)
	edited := handlertest.Began.Add(time.Minute)
	if answered.Text != "hello" || answered.EditedAt == nil || !answered.EditedAt.Equal(edited) {
		t.Errorf("answered %+v", answered)
	}
	if diff := cmp.Diff(answered, c.message(c.bob, 0)); diff != "" {
		t.Error(diff)
	}
	before := c.Node.Tip()
	again := c.ada.Do("PATCH", c.path+"/0", `{"text":"hello"}`).Want(200)
	if c.Node.Tip() != before || string(again.Body) != string(first.Body) || again.Position() != first.Position() {
		t.Errorf("the same edit again: %s at %s", again.Body, again.Position())
	}
	if diff := cmp.Diff([]string{"helo", "hello"}, c.history(c.bob, 0)); diff != "" {
		t.Error(diff)
	}
	var inbox projections.Inbox
	c.bob.Get("/v1/conversations", "Parley-Position", first.Position()).Want(200).Into(&inbox)
	if got := inbox.Conversations[0].LastMessage; got.Text != "hello" {
		t.Errorf("the inbox shows %+v", got)
	}
}

func TestEditRefusals(t *testing.T) {
	c := openChat(t)
	c.ada.Say(c.room, "mine")
	c.ada.Say(c.room, "gone")
	c.ada.Do("DELETE", c.path+"/1", nil).Want(204)
	c.ada.Post(c.path+"/0/forward", `{"to":"`+c.room.String()+`"}`).Want(201)
	cleo := c.Person("cleo")
	before := c.Node.Tip()
	c.bob.Do("PATCH", c.path+"/0", `{"text":"yours"}`).Refused(403, "author")
	cleo.Do("PATCH", c.path+"/0", `{"text":"yours"}`).Refused(404, "")
	c.ada.Do("PATCH", c.path+"/1", `{"text":"back"}`).Refused(409, "retracted")
	c.ada.Do("PATCH", c.path+"/2", `{"text":"the retraction"}`).Refused(404, "message 2")
	c.ada.Do("PATCH", c.path+"/3", `{"text":"forwarded"}`).Refused(409, "forwarded")
	c.ada.Do("PATCH", c.path+"/9", `{"text":"nothing"}`).Refused(404, "message 9")
	c.ada.Do("PATCH", c.path+"/x", `{"text":"nothing"}`).Refused(422, "path.number")
	c.ada.Do("PATCH", c.path+"/9007199254740992", `{"text":"nothing"}`).Refused(422, "path.number")
	c.ada.Do("PATCH", c.path+"/0", `{"text":""}`).Refused(422, "body.text")
	c.ada.Do("PATCH", c.path+"/0", `{"text":"`+strings.Repeat("a", 20_001)+`"}`).Refused(422, "body.text")
	c.ada.Do("PATCH", c.path+"/0", `{"text":"a","replyTo":1}`).Refused(422, "body.replyTo")
	c.ada.Do("PATCH", c.path+"/0", `{"text":"a","mentions":["`+uuid.NewString()+`"]}`).Refused(422, "body.mentions")
	c.ada.Do("PATCH", c.path+"/0", `{"text":"a","mentions":"ada"}`).Refused(422, "body.mentions")
	if c.Node.Tip() != before {
		t.Error("a refused edit left something in the log")
	}
}

func TestRetract(t *testing.T) {
	g := openGroup(t)
	g.bob.Say(g.room, "secret")
	g.bob.Do("PATCH", g.path+"/0", `{"text":"more secret"}`).Want(200)
	g.bob.Say(g.room, "another")
	g.cleo.Do("DELETE", g.path+"/0", nil).Refused(403, "author")
	g.cleo.Do("PUT", g.path+"/0/pin", nil).Want(204)
	g.cleo.Do("PUT", g.path+"/0/reactions/👍", nil).Want(204)
	first := g.bob.Do("DELETE", g.path+"/0", nil).Want(204)
	want := projections.Message{ConversationID: g.room, Author: g.bob.User.ID, Retracted: true, PostedAt: handlertest.Began}
	want.EditedAt = &want.PostedAt
	if diff := cmp.Diff(want, g.message(g.cleo, 0), cmpEmpty); diff != "" {
		t.Error(diff)
	}
	if pinned := g.conversation(g.cleo).Pinned; len(pinned) != 0 {
		t.Errorf("pinned are %v", pinned)
	}
	before := g.Node.Tip()
	if again := g.bob.Do("DELETE", g.path+"/0", nil).Want(204); g.Node.Tip() != before || again.Position() == "" {
		t.Errorf("a second retraction is at %q, the first at %s", again.Position(), first.Position())
	}
	// Who looks after the group may retract what others wrote.
	g.ada.Do("DELETE", g.path+"/2", nil).Want(204)
	if got := g.conversation(g.cleo).LastMessage; !got.Retracted || got.Text != "" || got.Number != 2 {
		t.Errorf("the last message is %+v", got)
	}
	for who, want := range map[*handlertest.Client][]string{
		g.cleo: {"", "", "(retracted)"}, g.bob: {"", "", "(retracted)"},
		g.Scoped(handlers.Auditor): {"secret", "more secret", "(retracted)"},
	} {
		if diff := cmp.Diff(want, g.history(who, 0)); diff != "" {
			t.Error(diff)
		}
	}
}

// Facts of messages are appended at any revision, so an edit may reach the log
// after the retraction that its writer had not seen.
func TestEditsThatComeTooLateChangeNothing(t *testing.T) {
	c := openChat(t)
	c.ada.Say(c.room, "first")
	c.ada.Do("DELETE", c.path+"/0", nil).Want(204)
	_, err := c.Journal.Append(t.Context(), events.MessagesStream(c.room), events.Any, events.Cause{Actor: c.ada.User.ID.String()},
		&events.MessageEdited{Conversation: c.room, Number: 0, By: c.ada.User.ID, Text: events.Private("late")},
		&events.ReactionAdded{Conversation: c.room, Number: 0, User: c.bob.User.ID, Emoji: "👍"})
	if err != nil {
		t.Fatal(err)
	}
	if m := c.message(c.bob, 0); m.Text != "" || !m.Retracted || m.EditedAt != nil || len(m.Reactions) > 0 {
		t.Errorf("the message is %+v", m)
	}
	if diff := cmp.Diff([]string{"first", "(retracted)"}, c.history(c.Scoped(handlers.Auditor), 0)); diff != "" {
		t.Error(diff)
	}
	c.bob.Do("DELETE", c.path+"/0/reactions/👍", nil).Want(204)
	c.bob.Do("PUT", c.path+"/0/reactions/👍", nil).Refused(409, "retracted")
}

func TestHistoryIsPaged(t *testing.T) {
	c := openChat(t)
	c.ada.Say(c.room, "0")
	want := []string{"0"}
	for i := 1; i < 8; i++ {
		want = append(want, fmt.Sprint(i))
		c.ada.Do("PATCH", c.path+"/0", `{"text":"`+want[i]+`"}`).Want(200)
		c.bob.Say(c.room, "between")
	}
	var got []string
	for next := c.path + "/0/history?limit=3"; next != ""; {
		var page projections.History
		c.bob.Get(next, "Parley-Position", fmt.Sprint(c.Node.Tip())).Want(200).Into(&page)
		for _, version := range page.Versions {
			got = append(got, version.Text)
		}
		if next = ""; page.Next != nil {
			next = *page.Next
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	c.bob.Get(c.path+"/0/history?limit=201").Refused(422, "limit")
	c.bob.Get(c.path+"/0/history?after=-2").Refused(422, "after")
	c.bob.Get(c.path+"/1/history").Refused(404, "message 1")
	c.Person("cleo").Get(c.path+"/0/history").Refused(404, "")
	c.Scoped(handlers.Auditor).Get("/v1/conversations/"+uuid.NewString()+"/messages/0/history").Refused(404, "")
}

// Who may not write to somebody may still take back what they wrote.
func TestBlockedPeopleChangeNothingButTakeBack(t *testing.T) {
	c := openChat(t)
	c.ada.Say(c.room, "hello")
	c.ada.Do("PUT", c.path+"/0/reactions/👍", nil).Want(204)
	c.bob.Do("PUT", "/v1/users/"+c.ada.User.ID.String()+"/block", nil).Want(204)
	for _, who := range []*handlertest.Client{c.ada, c.bob} {
		who.Do("PUT", c.path+"/0/reactions/❤", nil).Want(403)
		who.Do("PUT", c.path+"/0/pin", nil).Want(403)
		who.Post(c.path+"/0/forward", `{"to":"`+c.room.String()+`"}`).Want(403)
	}
	c.ada.Do("PATCH", c.path+"/0", `{"text":"hey"}`).Want(403)
	c.ada.Do("DELETE", c.path+"/0/reactions/👍", nil).Want(204)
	c.ada.Do("DELETE", c.path+"/0", nil).Want(204)
	if m := c.message(c.bob, 0); !m.Retracted {
		t.Errorf("the message is %+v", m)
	}
}
