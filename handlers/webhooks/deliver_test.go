package webhooks_test

import (
	"fmt"
	"testing"

	"parley/events/commands"
	"parley/events/decide"
	"parley/handlers/messenger"
)

func TestWhatPeopleDoIsDelivered(t *testing.T) {
	h := open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	room := ada.Start("group", bob)
	ada.Say(room, "before the app came")
	at := receive(t, nil)
	app := bring(ada, at, decide.AllWebhookFields...)
	install(ada, room, app)
	page := commands.Page{App: app.App.ID}
	psid := messenger.PSID(page, messenger.Person{Conversation: room, User: bob.User.ID})

	bob.Say(room, "hello <bot>")
	hello := at.next()
	if hello.Message == nil || hello.Message.Text != "hello <bot>" || hello.Message.MID != messenger.MID(room, 1) || hello.Message.IsEcho {
		t.Fatalf("a message came as %+v", hello.Message)
	}
	if hello.Sender.ID != psid || hello.Recipient.ID != app.App.ID.String() || hello.Timestamp != h.Clock.Now().UnixMilli() {
		t.Errorf("from %s to %s at %d", hello.Sender.ID, hello.Recipient.ID, hello.Timestamp)
	}
	messages := fmt.Sprintf("/v1/conversations/%s/messages", room)
	bob.Do("PATCH", messages+"/1", `{"text":"hello, bot"}`).Want(200)
	if edited := at.next(); edited.Edit == nil || edited.Edit.Text != "hello, bot" || edited.Edit.MID != hello.Message.MID {
		t.Errorf("an edit came as %+v", edited)
	}
	ada.Do("PUT", messages+"/1/reactions/%F0%9F%91%8D", nil).Want(204)
	if reacted := at.next(); reacted.Reaction == nil || reacted.Reaction.Reaction != "like" || reacted.Reaction.Action != "react" {
		t.Errorf("a reaction came as %+v", reacted)
	}
	ada.Do("DELETE", messages+"/1/reactions/%F0%9F%91%8D", nil).Want(204)
	if unreacted := at.next(); unreacted.Reaction == nil || unreacted.Reaction.Action != "unreact" {
		t.Errorf("a reaction's end came as %+v", unreacted)
	}
	ada.Do("PUT", fmt.Sprintf("/v1/conversations/%s/delivered", room), `{"upTo":1}`).Want(204)
	if reached := at.next(); reached.Delivery == nil || reached.Delivery.Watermark != hello.Timestamp || reached.Delivery.MIDs[0] != hello.Message.MID {
		t.Errorf("a delivery came as %+v", reached.Delivery)
	}
	ada.Do("PUT", fmt.Sprintf("/v1/conversations/%s/read", room), `{"upTo":1}`).Want(204)
	if read := at.next(); read.Read == nil || read.Read.Watermark != hello.Timestamp {
		t.Errorf("a read came as %+v", read.Read)
	}
	h.With(app.Token).Post(messages, `{"text":"I am a bot"}`).Want(201)
	if echo := at.next(); echo.Message == nil || !echo.Message.IsEcho || echo.Message.AppID != app.App.ID.String() || echo.Sender.ID != app.App.ID.String() || echo.Recipient.ID != room.String() {
		t.Errorf("an echo came as %+v", echo)
	}
	bob.Do("DELETE", messages+"/1", nil).Want(204)
	if retracted := at.next(); retracted.Message == nil || !retracted.Message.IsDeleted || retracted.Message.Text != "" {
		t.Errorf("a retraction came as %+v", retracted.Message)
	}
}
