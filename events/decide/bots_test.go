package decide_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// bot is what a message of the chatbot's has.
func botPart(template, quickReplies string) *events.BotPart {
	return &events.BotPart{Template: events.Private(template), QuickReplies: events.Private(quickReplies)}
}

func TestOfferedAnswersAreChosen(t *testing.T) {
	offers := botPart("", `[{"content_type":"text","title":"Tea","payload":"T"},{"content_type":"user_email"}]`)
	plain := botPart("", `[{"content_type":"text","title":"Tea","payload":"T"}]`)
	for name, c := range map[string]struct {
		bot           *events.BotPart
		payload, want string
	}{
		"by what the app knows it by":    {offers, "T", "Tea"},
		"and what is asked for is given": {offers, "ada@example.com", "ada@example.com"},
		"nothing is not":                 {offers, "", ""},
		"another is not":                 {plain, "COFFEE", ""},
		"nor where nothing is offered":   {nil, "T", ""},
		"nor what is longer than any":    {offers, strings.Repeat("x", 1001), ""},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := decide.ChooseReply(c.bot, c.payload)
			if c.want == "" {
				when(t, nil, err).thenRefused(decide.Invalid, "quickReply.payload")
			} else if err != nil || text != c.want {
				t.Errorf("%q, %v; want %q", text, err, c.want)
			}
		})
	}
}

func TestButtonsAreFound(t *testing.T) {
	for template, want := range map[string]string{
		`{"buttons":[{"type":"postback","title":"Yes","payload":"P"}]}`:               "Yes",
		`{"elements":[{"buttons":[{"type":"postback","title":"No","payload":"P"}]}]}`: "No",
		`{"buttons":[{"type":"web_url","title":"Yes","payload":"P"}]}`:                "",
		`{"buttons":[{"type":"postback","title":"Yes","payload":"Q"}]}`:               "",
		``: "",
	} {
		title, err := decide.FindButton(botPart(template, ""), "P")
		if want == "" {
			when(t, nil, err).thenRefused(decide.Invalid, "payload")
		} else if err != nil || title != want {
			t.Errorf("%s: %q, %v; want %q", template, title, err, want)
		}
	}
}

// page folds what bots did to the shop's page.
func page(past ...events.Fact) decide.PageState { return shopOf(past...).Page }

func profile(fields map[string]string) *events.PageProfileChanged {
	fact := &events.PageProfileChanged{Page: shop, App: chatbot, Fields: make(map[string]json.RawMessage)}
	for name, value := range fields {
		fact.Fields[name] = json.RawMessage(value)
	}
	return fact
}

func TestPagesOfferButtonsAlways(t *testing.T) {
	p := page(profile(map[string]string{
		"get_started":     `{"payload":"GO"}`,
		"ice_breakers":    `[{"call_to_actions":[{"question":"Where?","payload":"WHERE"}],"locale":"default"}]`,
		"persistent_menu": `[{"locale":"default","call_to_actions":[{"type":"nested","title":"More","call_to_actions":[{"type":"postback","title":"Deep","payload":"DEEP"}]}]}]`,
	}))
	for payload, want := range map[string]string{"GO": "Get Started", "WHERE": "Where?", "DEEP": "Deep", "": "", "ELSE": ""} {
		if title, found := p.OffersAlways(payload); title != want || found != (want != "") {
			t.Errorf("%q: %q, %t; want %q", payload, title, found, want)
		}
	}
	after := page(profile(map[string]string{"get_started": `{"payload":"GO"}`}), profile(map[string]string{"get_started": "null"}))
	if _, found := after.OffersAlways("GO"); found {
		t.Error("what was taken away is offered")
	}
}

func TestPagesAreChangedOnce(t *testing.T) {
	greeting := profile(map[string]string{"greeting": `[{"locale":"default","text":"Hi"}]`})
	t.Run("the profile", func(t *testing.T) {
		got, err := decide.ChangePageProfile(page(), shop, chatbot, greeting.Fields)
		when(t, got, err).then(greeting)
		got, err = decide.ChangePageProfile(page(greeting), shop, chatbot, greeting.Fields)
		when(t, got, err).then()
		got, err = decide.ChangePageProfile(page(), shop, chatbot, map[string]json.RawMessage{"greeting": json.RawMessage("null")})
		when(t, got, err).then()
	})
	t.Run("subscriptions", func(t *testing.T) {
		subscribed := &events.PageSubscribed{Page: shop, App: chatbot, Fields: []string{"messages"}}
		got, err := decide.Subscribe(page(), shop, chatbot, []string{"messages"})
		when(t, got, err).then(subscribed)
		got, err = decide.Subscribe(page(subscribed), shop, chatbot, []string{"messages"})
		when(t, got, err).then()
		gone := &events.PageUnsubscribed{Page: shop, App: chatbot}
		got, err = decide.Unsubscribe(page(subscribed), shop, chatbot)
		when(t, got, err).then(gone)
		got, err = decide.Unsubscribe(page(subscribed, gone), shop, chatbot)
		when(t, got, err).then()
	})
	t.Run("personas", func(t *testing.T) {
		ned := events.Persona{ID: room, Name: "Ned", PictureURL: "https://example.com/ned.png"}
		created := &events.PersonaCreated{Page: shop, App: chatbot, Persona: ned}
		got, err := decide.CreatePersona(page(), shop, chatbot, ned)
		when(t, got, err).then(created)
		got, err = decide.DeletePersona(page(created), shop, chatbot, room)
		when(t, got, err).then(&events.PersonaDeleted{Page: shop, App: chatbot, Persona: room})
		got, err = decide.DeletePersona(page(), shop, chatbot, room)
		when(t, got, err).thenRefused(decide.Unknown, "persona_id")
		for field, bad := range map[string]events.Persona{
			"name": {Name: strings.Repeat("N", 51), PictureURL: ned.PictureURL}, "profile_picture_url": {Name: "Ned", PictureURL: "file:///etc/passwd"},
		} {
			got, err = decide.CreatePersona(page(), shop, chatbot, bad)
			when(t, got, err).thenRefused(decide.Invalid, field)
		}
	})
}

func TestButtonsArePressedByParticipants(t *testing.T) {
	number := uint64(3)
	press := decide.Press{User: cleo, Number: &number, Payload: "P"}
	got, err := decide.PressButton(thread(nil, chatbot), press, decide.ButtonOf{App: chatbot, Title: "Yes"})
	when(t, got, err).then(&events.ButtonPressed{
		Conversation: events.BusinessID(shop, cleo), Number: &number, App: chatbot, User: cleo, Title: events.Private("Yes"), Payload: events.Private("P"),
	})
	press.User = uuid.Max
	got, err = decide.PressButton(thread(nil, chatbot), press, decide.ButtonOf{})
	when(t, got, err).thenRefused(decide.Unknown, "")
}
