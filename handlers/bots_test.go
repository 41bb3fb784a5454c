package handlers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/handlers/handlertest"
	"parley/projections"
)

// template offers one button and two answers.
const template = `{"template_type":"button","text":"Tea \u003c3?","buttons":[{"type":"postback","title":"Yes","payload":"TEA"}]}`

// sayAsBot posts a message of an app's with a template and offered answers.
func sayAsBot(h *handlertest.House, room, app uuid.UUID) events.Event {
	h.Helper()
	event, err := h.Commands.Post(h.Context(), events.Cause{Actor: "app"}, decide.Message{
		Conversation: room, Author: app, App: &events.AppCard{ID: app, Name: "Bot"}, Text: "Tea <3?",
		Bot: &events.BotPart{
			Template: events.Private(template), QuickReplies: events.Private(`[{"content_type":"text","title":"No","payload":"COFFEE"}]`),
			Metadata: events.Private("hidden"), Persona: &events.Persona{ID: room, Name: "Ned"},
		},
	})
	if err != nil {
		h.Fatal(err)
	}
	return event
}

func TestTemplatesAreShownAndAnswered(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	room := ada.Start("group", bob)
	app := bringApp(h, ada)
	install(ada, room, app)
	asked := sayAsBot(h, room, app.App.ID)
	path := "/v1/conversations/" + room.String()

	posted, err := projections.PostedJSON(asked)
	if err != nil {
		t.Fatal(err)
	}
	shown := bob.Get(fmt.Sprintf("%s/messages/%d", path, asked.Revision), "Parley-Position", fmt.Sprint(asked.Position)).Want(200)
	if diff := cmp.Diff(string(posted), string(shown.Body)); diff != "" {
		t.Errorf("answered and shown in other words (-answered +shown):\n%s", diff)
	}
	var message projections.Message
	shown.Into(&message)
	if string(message.Template) != template || message.Persona.Name != "Ned" {
		t.Errorf("the message is %+v", message)
	}

	var chosen projections.Message
	bob.Post(path+"/messages", map[string]any{"quickReply": map[string]any{"number": asked.Revision, "payload": "COFFEE"}}).Want(201).Into(&chosen)
	if chosen.Text != "No" || chosen.QuickReply == nil || *chosen.QuickReply != (projections.ChosenReply{Number: asked.Revision, Payload: "COFFEE"}) {
		t.Errorf("the chosen answer is %+v", chosen)
	}
	bob.Post(path+"/messages", map[string]any{"quickReply": map[string]any{"number": asked.Revision, "payload": "BEER"}}).Refused(422, "quickReply.payload")
	bob.Post(path+"/messages", map[string]any{"quickReply": map[string]any{"number": chosen.Number, "payload": "COFFEE"}}).Refused(422, "quickReply.payload")
	bob.Post(path+"/messages", `{"text":"x","quickReply":{"number":0,"payload":"COFFEE"}}`).Refused(422, "body.text")

	bob.Post(path+"/buttons", map[string]any{"number": asked.Revision, "payload": "TEA"}, "Idempotency-Key", "once").Want(201)
	pressed := bob.Post(path+"/buttons", map[string]any{"number": asked.Revision, "payload": "TEA"}, "Idempotency-Key", "once").Want(201)
	bob.Post(path+"/buttons", map[string]any{"number": asked.Revision, "payload": "COFFEE"}).Refused(422, "payload")
	bob.Post(path+"/buttons", map[string]any{"payload": "TEA"}).Refused(422, "payload")

	// A reaction makes the view write the message anew.
	bob.Do("PUT", fmt.Sprintf("%s/messages/%d/reactions/👍", path, asked.Revision), nil).Want(204)
	again := bob.Get(fmt.Sprintf("%s/messages/%d", path, asked.Revision), "Parley-Position", pressed.Position()).Want(200)
	again.Into(&message)
	if string(message.Template) != template {
		t.Errorf("after a reaction the template is %s", message.Template)
	}
	for _, secret := range []string{"hidden"} {
		if contains(shown.Body, secret) {
			t.Errorf("the message shows %q: %s", secret, shown.Body)
		}
	}
}

func TestPagesOfferWhatTheirProfileSays(t *testing.T) {
	h := handlertest.Open(t)
	ada, bob := h.Person("ada"), h.Person("bob")
	room := ada.Start("group")
	app := bringApp(h, ada)
	install(ada, room, app)
	_, err := h.Commands.ChangePageProfile(t.Context(), events.Cause{Actor: "app"}, pageOf(app), map[string]json.RawMessage{
		"get_started": json.RawMessage(`{"payload":"GO"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	var pages struct {
		Pages []struct {
			ID      uuid.UUID
			Profile map[string]any
		}
	}
	ada.Get("/v1/conversations/" + room.String() + "/pages").Want(200).Into(&pages)
	if len(pages.Pages) != 1 || pages.Pages[0].ID != app.App.ID || pages.Pages[0].Profile["get_started"] == nil {
		t.Errorf("the pages are %+v", pages)
	}
	ada.Post("/v1/conversations/"+room.String()+"/buttons", `{"payload":"GO"}`).Want(201)
	bob.Post("/v1/conversations/"+room.String()+"/buttons", `{"payload":"GO"}`).Want(404)
}

func contains(body []byte, text string) bool { return strings.Contains(string(body), text) }

func pageOf(app broughtApp) commands.Page { return commands.Page{App: app.App.ID} }
