package decide

import (
	"encoding/json"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"

	"parley/events"
)

const (
	maxPersonas    = 500
	maxPersonaName = 50
	maxPayload     = 1_000
)

// PageState is what bots made of a page. Others may hold it as it was: what
// changes is copied.
type PageState struct {
	// Profile are the fields of the page's profile, as JSON.
	Profile  map[string]json.RawMessage
	Personas []events.Persona
	// Subscriptions tells which fields an app wants; one that is not there has
	// never said, and one with none wants nothing.
	Subscriptions map[uuid.UUID][]string
}

func (p PageState) evolve(fact events.Fact) PageState {
	switch f := fact.(type) {
	case *events.PageProfileChanged:
		p.Profile = maps.Clone(p.Profile)
		if p.Profile == nil {
			p.Profile = make(map[string]json.RawMessage)
		}
		for name, value := range f.Fields {
			if string(value) == "null" {
				delete(p.Profile, name)
			} else {
				p.Profile[name] = value
			}
		}
	case *events.PageSubscribed:
		p.subscribe(f.App, f.Fields)
	case *events.PageUnsubscribed:
		p.subscribe(f.App, []string{})
	case *events.PersonaCreated:
		p.Personas = append(slices.Clone(p.Personas), f.Persona)
	case *events.PersonaDeleted:
		p.Personas = slices.DeleteFunc(slices.Clone(p.Personas), func(persona events.Persona) bool { return persona.ID == f.Persona })
	}
	return p
}

func (p *PageState) subscribe(app uuid.UUID, fields []string) {
	p.Subscriptions = maps.Clone(p.Subscriptions)
	if p.Subscriptions == nil {
		p.Subscriptions = make(map[uuid.UUID][]string)
	}
	p.Subscriptions[app] = fields
}

// Persona finds one of the page's.
func (p PageState) Persona(id uuid.UUID) (events.Persona, bool) {
	i := slices.IndexFunc(p.Personas, func(persona events.Persona) bool { return persona.ID == id })
	if i < 0 {
		return events.Persona{}, false
	}
	return p.Personas[i], true
}

// CreatePersona gives a page a persona, on behalf of an app that speaks as it.
func CreatePersona(p PageState, page, app uuid.UUID, persona events.Persona) ([]events.Fact, error) {
	if err := checkLine("name", persona.Name, 1, maxPersonaName); err != nil {
		return nil, err
	}
	if persona.PictureURL == "" {
		return nil, refuse(Invalid, "profile_picture_url", "is required")
	}
	if err := checkURL("profile_picture_url", persona.PictureURL); err != nil {
		return nil, err
	}
	if len(p.Personas) >= maxPersonas {
		return nil, refuse(Taken, "", "a page has at most %d personas", maxPersonas)
	}
	return []events.Fact{&events.PersonaCreated{Page: page, App: app, Persona: persona}}, nil
}

// DeletePersona takes a persona away.
func DeletePersona(p PageState, page, app, persona uuid.UUID) ([]events.Fact, error) {
	if _, found := p.Persona(persona); !found {
		return nil, refuse(Unknown, "persona_id", "there is no such persona")
	}
	return []events.Fact{&events.PersonaDeleted{Page: page, App: app, Persona: persona}}, nil
}

// Subscribe says which kinds of deliveries an app wants of a page.
func Subscribe(p PageState, page, app uuid.UUID, fields []string) ([]events.Fact, error) {
	if before, said := p.Subscriptions[app]; said && slices.Equal(before, fields) {
		return nil, nil
	}
	return []events.Fact{&events.PageSubscribed{Page: page, App: app, Fields: fields}}, nil
}

// Unsubscribe ends all deliveries of a page to an app.
func Unsubscribe(p PageState, page, app uuid.UUID) ([]events.Fact, error) {
	if before, said := p.Subscriptions[app]; said && len(before) == 0 {
		return nil, nil
	}
	return []events.Fact{&events.PageUnsubscribed{Page: page, App: app}}, nil
}

// ChangePageProfile changes fields of a page's profile, whose values the caller
// has checked; null takes a field away.
func ChangePageProfile(p PageState, page, app uuid.UUID, fields map[string]json.RawMessage) ([]events.Fact, error) {
	changed := make(map[string]json.RawMessage)
	for name, value := range fields {
		before, set := p.Profile[name]
		if string(value) == "null" && !set || set && string(before) == string(value) {
			continue
		}
		changed[name] = value
	}
	if len(changed) == 0 {
		return nil, nil
	}
	return []events.Fact{&events.PageProfileChanged{Page: page, App: app, Fields: changed}}, nil
}

// offered is a quick reply or a button as far as it can be chosen.
type offered struct {
	Kind        string `json:"type"`
	ContentType string `json:"content_type"`
	Title       string `json:"title"`
	Payload     string `json:"payload"`
}

// askedFor are the quick replies that ask for something of the person's own,
// which is the payload then.
var askedFor = []string{"user_email", "user_phone_number"}

// ChooseReply finds what somebody chose among the quick replies of a message,
// and tells what it says.
func ChooseReply(bot *events.BotPart, payload string) (text string, err error) {
	if n := utf8.RuneCountInString(payload); n > maxPayload {
		return "", refuse(Invalid, "quickReply.payload", "must have at most %d characters, but has %d", maxPayload, n)
	}
	var replies []offered
	if bot != nil && bot.QuickReplies.Plain != "" {
		if err := json.Unmarshal([]byte(bot.QuickReplies.Plain), &replies); err != nil {
			return "", err
		}
	}
	for _, reply := range replies {
		switch {
		case reply.ContentType == "text" && reply.Payload == payload:
			return reply.Title, nil
		case slices.Contains(askedFor, reply.ContentType) && payload != "":
			text = payload
		}
	}
	if text == "" {
		return "", refuse(Invalid, "quickReply.payload", "the message offers no such answer")
	}
	return text, nil
}

// template is what buttons can be in: those of a template, or of its elements,
// and those of a page's profile.
type template struct {
	Buttons  []offered `json:"buttons"`
	Elements []struct {
		Buttons []offered `json:"buttons"`
	} `json:"elements"`
}

// Press is the intent to press a button.
type Press struct {
	User uuid.UUID
	// Number is the message's that has the button; if it is nil, a page's
	// profile offers it.
	Number  *uint64
	Payload string
}

// FindButton finds a postback button in a message's template and tells what it
// says.
func FindButton(bot *events.BotPart, payload string) (title string, err error) {
	var t template
	if bot != nil && bot.Template.Plain != "" {
		if err := json.Unmarshal([]byte(bot.Template.Plain), &t); err != nil {
			return "", err
		}
	}
	buttons := t.Buttons
	for _, element := range t.Elements {
		buttons = append(buttons, element.Buttons...)
	}
	for _, button := range buttons {
		if button.Kind == "postback" && button.Payload == payload {
			return button.Title, nil
		}
	}
	return "", refuse(Invalid, "payload", "the message has no such button")
}

// NoSuchButton is what somebody is told who presses a button that no page
// offers.
func NoSuchButton() error { return refuse(Invalid, "payload", "no page here offers such a button") }

// OffersAlways tells what a button of a page's profile says: the one to get
// started, an ice breaker, or one of the menu's.
func (p PageState) OffersAlways(payload string) (title string, found bool) {
	var started offered
	if json.Unmarshal(p.Profile["get_started"], &started) == nil && started.Payload == payload && payload != "" {
		return "Get Started", true
	}
	var any any
	for _, field := range []string{"ice_breakers", "persistent_menu"} {
		if json.Unmarshal(p.Profile[field], &any) == nil {
			if title, found := findPayload(any, payload); found {
				return title, true
			}
		}
	}
	return "", false
}

// findPayload looks for a payload in menus, which nest, and gives the title or
// question beside it.
func findPayload(value any, payload string) (string, bool) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			if title, found := findPayload(item, payload); found {
				return title, true
			}
		}
	case map[string]any:
		if v["payload"] == payload && payload != "" {
			title, _ := v["title"].(string)
			if question, ok := v["question"].(string); ok {
				title = question
			}
			return title, true
		}
		for _, item := range v {
			if title, found := findPayload(item, payload); found {
				return title, true
			}
		}
	}
	return "", false
}

// ButtonOf is where a button was found.
type ButtonOf struct {
	App   uuid.UUID
	Title string
}

// PressButton records that a participant pressed a button.
func PressButton(c *Conversation, p Press, button ButtonOf) ([]events.Fact, error) {
	if err := c.MayWrite(p.User); err != nil {
		return nil, err
	}
	return []events.Fact{&events.ButtonPressed{
		Conversation: c.ID, Number: p.Number, App: button.App, User: p.User,
		Title: events.Private(button.Title), Payload: events.Private(p.Payload),
	}}, nil
}
