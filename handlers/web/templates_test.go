package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
)

// asBot posts a message of an app with a template and offered answers, as the
// Messenger Platform has them.
func (s *stage) asBot(room uuid.UUID, app broughtApp, text, template, replies string) {
	s.Helper()
	id := uuid.MustParse(app.id)
	_, err := s.Commands.Post(s.Context(), events.Cause{Actor: app.id}, decide.Message{
		Conversation: room, Author: id, App: &events.AppCard{ID: id, Name: "Tea Boy"}, Text: text,
		Bot: &events.BotPart{Template: events.Private(template), QuickReplies: events.Private(replies)},
	})
	if err != nil {
		s.Fatal(err)
	}
}

func aBotOffersAnswers(t *testing.T, s *stage, browser context.Context) {
	peg, rob := s.Person("peg"), s.Person("rob")
	room := peg.Start("group", rob)
	app := s.app(rob, "Tea Boy", "Brings tea.", "messages:read", "messages:write")
	peg.Do(http.MethodPut, installed(room, app), nil).Want(http.StatusNoContent)
	s.asBot(room, app, "Green <tea>\nBlack tea", `{"template_type":"generic","elements":[
		{"title":"Green <tea>","subtitle":"From the hills","buttons":[{"type":"postback","title":"This one","payload":"GREEN"}]},
		{"title":"Black tea","default_action":{"type":"web_url","url":"https://example.org/black"},"buttons":[{"type":"web_url","title":"Read more","url":"https://example.org/more"}]}]}`, "")
	s.asBot(room, app, "With milk?", `{"template_type":"button","text":"With milk?","buttons":[{"type":"postback","title":"Surprise me","payload":"ANY"}]}`,
		`[{"content_type":"text","title":"Yes, please","payload":"MILK"},{"content_type":"user_email"}]`)
	fresh := peg.Start("group", rob)
	peg.Do(http.MethodPut, installed(fresh, app), nil).Want(http.StatusNoContent)
	s.offersAlways(app, `[{"call_to_actions":[{"type":"postback","title":"Where is my tea?","payload":"WHERE"}]}]`, `[{"question":"What is there?","payload":"LIST"}]`)

	b := s.signIn(t, browser, narrow, at(room), peg)
	b.sees(".templates .template", "Green <tea>From the hills")
	b.is("document.querySelector('.template-title a').href === 'https://example.org/black' && document.querySelector('.template-title a').rel.includes('noopener')")
	b.is("document.querySelectorAll('.quick-replies .button').length === 2 && document.documentElement.scrollWidth === innerWidth")
	b.clicks(".template .button", "This one")
	b.sees(".template .pressed", "This one")
	b.clicks(".quick-reply", "Tell your e-mail address")
	b.do(chromedp.SendKeys(chromedp.CSS("dialog input"), "peg@example.org"))
	b.clicks("dialog .button", "Cancel")
	b.clicks(".quick-reply", "Yes, please")
	b.sees(".message.own .text", "Yes, please")
	b.is("!document.querySelector('.message.sending, .quick-replies')")
	if said := messages(t, rob, room)[0]; said.Text != "Yes, please" || said.QuickReply == nil || said.QuickReply.Payload != "MILK" {
		t.Fatalf("the server has %+v, want the chosen answer", said)
	}

	b.click(".compose [aria-label=Menu]")
	b.clicks(".menu-item", "Where is my tea?")
	b.is("document.getElementById('announcer').textContent === 'Where is my tea?: told' && !document.querySelector('.beginnings').checkVisibility()")
	b.do(chromedp.Navigate(s.url + at(fresh)))
	b.clicks(".beginnings .button", "What is there?")
	b.sees(".beginnings .pressed", "What is there?")
	rob.Say(fresh, "Hello.")
	b.is("!document.querySelector('.beginnings').checkVisibility()")
}

// offersAlways gives an app's own page a menu and questions to begin with.
func (s *stage) offersAlways(app broughtApp, menu, breakers string) {
	s.Helper()
	_, err := s.Commands.ChangePageProfile(s.Context(), events.Cause{Actor: app.id}, commands.Page{App: uuid.MustParse(app.id)}, map[string]json.RawMessage{
		"persistent_menu": json.RawMessage(menu), "ice_breakers": json.RawMessage(breakers),
	})
	if err != nil {
		s.Fatal(err)
	}
}
