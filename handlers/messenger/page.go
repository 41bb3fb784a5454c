package messenger

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/projections"
)

// personProfile tells what a person is called. What is not known of people
// here is left out, as the platform does.
func (a *API) personProfile(ctx context.Context, c *call, psid string) (any, error) {
	person, err := a.person(ctx, c, psid, events.ReadProfiles)
	switch {
	case err != nil && faultOf(err) == errNoUser, err == nil && person.User == uuid.Nil:
		return nil, noSuchObject(psid)
	case err != nil:
		return nil, err
	}
	fields, err := c.params.words("fields")
	if err != nil {
		return nil, err
	}
	user, err := a.Users.Get(ctx, person.User)
	if errors.Is(err, projections.ErrNotFound) {
		return nil, noSuchObject(psid)
	}
	if err != nil {
		return nil, err
	}
	first, last, _ := strings.Cut(user.DisplayName, " ")
	known := map[string]string{"first_name": first, "last_name": last, "name": user.DisplayName}
	if len(fields) == 0 {
		fields = []string{"first_name", "last_name"}
	}
	answer := map[string]string{"id": psid}
	for _, field := range fields {
		if value, ok := known[field]; ok {
			answer[field] = value
		}
	}
	return answer, nil
}

// data is how the platform answers lists.
type data[T any] struct {
	Data []T `json:"data"`
}

func listOf[T any](items ...T) data[T] { return data[T]{append([]T{}, items...)} }

// subscribedApp is an app that is told of a page.
type subscribedApp struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Fields []string `json:"subscribed_fields"`
}

func (a *API) listSubscribed(ctx context.Context, c *call) (any, error) {
	cards, err := a.speakers(ctx, c.page)
	if err != nil {
		return nil, err
	}
	state, err := a.Commands.PageState(ctx, c.page)
	if err != nil {
		return nil, err
	}
	list := listOf[subscribedApp]()
	for _, card := range cards {
		if fields, said := state.Subscriptions[card.ID]; said && len(fields) > 0 {
			list.Data = append(list.Data, subscribedApp{card.ID.String(), card.Name, fields})
		}
	}
	return list, nil
}

// speakers are the apps that speak as a page, the primary one first.
func (a *API) speakers(ctx context.Context, page commands.Page) ([]events.AppCard, error) {
	if page.Merchant == uuid.Nil {
		app, err := a.Commands.App(ctx, page.App)
		return []events.AppCard{app.Card()}, err
	}
	connected, err := a.Commands.ConnectedApps(ctx, page.Merchant)
	cards := make([]events.AppCard, len(connected))
	for i, connection := range connected {
		cards[i] = connection.AppCard
	}
	return cards, err
}

const (
	maxFields = 50
	maxField  = 64
)

func (a *API) subscribe(ctx context.Context, c *call) (any, error) {
	fields, err := c.params.words("subscribed_fields")
	if err != nil {
		return nil, err
	}
	if len(fields) == 0 || len(fields) > maxFields {
		return nil, invalid("subscribed_fields", "must name 1 to %d fields", maxFields)
	}
	for _, field := range fields {
		if len(field) > maxField || strings.Trim(field, "abcdefghijklmnopqrstuvwxyz_") != "" {
			return nil, invalid("subscribed_fields", "must be names of webhook fields, such as messages")
		}
	}
	slices.Sort(fields)
	_, err = a.Commands.Subscribe(ctx, c.cause, c.page, slices.Compact(fields))
	return success, err
}

func (a *API) unsubscribe(ctx context.Context, c *call) (any, error) {
	_, err := a.Commands.Unsubscribe(ctx, c.cause, c.page)
	return success, err
}

// personaBody is a persona on the wire.
type personaBody struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	PictureURL string `json:"profile_picture_url"`
}

func personaOf(p events.Persona) personaBody {
	return personaBody{p.ID.String(), p.Name, p.PictureURL}
}

func (a *API) listPersonas(ctx context.Context, c *call) (any, error) {
	state, err := a.Commands.PageState(ctx, c.page)
	list := listOf[personaBody]()
	for _, persona := range state.Personas {
		list.Data = append(list.Data, personaOf(persona))
	}
	return list, err
}

func (a *API) createPersona(ctx context.Context, c *call) (any, error) {
	name, err := c.params.text("name")
	if err != nil {
		return nil, err
	}
	picture, err := c.params.text("profile_picture_url")
	if err != nil {
		return nil, err
	}
	if err := a.pageMay(ctx, c.page, events.WriteMessages); err != nil {
		return nil, err
	}
	event, err := a.Commands.CreatePersona(ctx, c.cause, c.page, events.Persona{Name: name, PictureURL: picture})
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": event.Fact.(*events.PersonaCreated).ID.String()}, nil
}

func (a *API) deletePersona(ctx context.Context, c *call, persona uuid.UUID) (any, error) {
	if err := a.pageMay(ctx, c.page, events.WriteMessages); err != nil {
		return nil, err
	}
	_, err := a.Commands.DeletePersona(ctx, c.cause, c.page, persona)
	return success, err
}

// personaOf is the persona that a message is sent under, or nil.
func (a *API) personaOf(ctx context.Context, c *call) (*events.Persona, error) {
	text, err := c.params.text("persona_id")
	if err != nil || text == "" {
		return nil, err
	}
	state, err := a.Commands.PageState(ctx, c.page)
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(text)
	persona, found := state.Persona(id)
	if err != nil || !found {
		return nil, invalid("persona_id", "is no persona of this page")
	}
	return &persona, nil
}

// The page's profile.

const (
	maxGreeting = 160
	maxProfile  = 32 << 10
)

// profileFields are the fields of a page's profile, and what is checked of
// each besides that it is JSON.
var profileFields = map[string]func(param string, value json.RawMessage) error{
	"greeting":            checkGreeting,
	"get_started":         checkGetStarted,
	"persistent_menu":     isList,
	"ice_breakers":        isList,
	"whitelisted_domains": checkDomains,
	"account_linking_url": checkLinkValue,
	"commands":            isList,
}

func (a *API) getProfile(ctx context.Context, c *call) (any, error) {
	fields, err := c.params.words("fields")
	if err != nil {
		return nil, err
	}
	state, err := a.Commands.PageState(ctx, c.page)
	if err != nil {
		return nil, err
	}
	found := make(map[string]json.RawMessage)
	for _, field := range fields {
		if profileFields[field] == nil {
			return nil, invalid("fields", "%.50q is no field of a page's profile", field)
		}
		if value, set := state.Profile[field]; set {
			found[field] = value
		}
	}
	list := listOf[map[string]json.RawMessage]()
	if len(found) > 0 {
		list.Data = append(list.Data, found)
	}
	return list, nil
}

// done is what changes of a page's profile answer.
var done = map[string]string{"result": "success"}

func (a *API) setProfile(ctx context.Context, c *call) (any, error) {
	fields := make(map[string]json.RawMessage)
	for name, value := range c.params.values {
		check := profileFields[name]
		if check == nil {
			continue
		}
		if len(value) > maxProfile {
			return nil, invalid(name, "must have at most %d bytes", maxProfile)
		}
		if err := check(name, value); err != nil {
			return nil, err
		}
		text, err := canonical(value)
		if err != nil {
			return nil, misread(name, err)
		}
		fields[name] = json.RawMessage(text)
	}
	if len(fields) == 0 {
		return nil, invalid("body", "must set a field of the page's profile, such as greeting")
	}
	return done, a.changeProfile(ctx, c, fields)
}

func (a *API) deleteProfile(ctx context.Context, c *call) (any, error) {
	names, err := c.params.words("fields")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, invalid("fields", "is required")
	}
	fields := make(map[string]json.RawMessage)
	for _, name := range names {
		if profileFields[name] == nil {
			return nil, invalid("fields", "%.50q is no field of a page's profile", name)
		}
		fields[name] = json.RawMessage("null")
	}
	return done, a.changeProfile(ctx, c, fields)
}

func (a *API) changeProfile(ctx context.Context, c *call, fields map[string]json.RawMessage) error {
	if err := a.pageMay(ctx, c.page, events.WriteMessages); err != nil {
		return err
	}
	_, err := a.Commands.ChangePageProfile(ctx, c.cause, c.page, fields)
	return err
}

func isList(param string, value json.RawMessage) error {
	var list []map[string]any
	if err := json.Unmarshal(value, &list); err != nil {
		return misread(param, err)
	}
	return nil
}

func checkGreeting(param string, value json.RawMessage) error {
	var greetings []struct {
		Locale string `json:"locale"`
		Text   string `json:"text"`
	}
	if err := json.Unmarshal(value, &greetings); err != nil {
		return misread(param, err)
	}
	for i, greeting := range greetings {
		if err := checkLength(at(param, i)+".text", greeting.Text, maxGreeting); err != nil {
			return err
		}
	}
	return nil
}

func checkGetStarted(param string, value json.RawMessage) error {
	var started struct {
		Payload string `json:"payload"`
	}
	if err := json.Unmarshal(value, &started); err != nil {
		return misread(param, err)
	}
	return checkLength(param+".payload", started.Payload, maxPayload)
}

func checkDomains(param string, value json.RawMessage) error {
	var domains []string
	if err := json.Unmarshal(value, &domains); err != nil {
		return misread(param, err)
	}
	for i, domain := range domains {
		if err := checkLink(at(param, i), domain, true); err != nil {
			return err
		}
	}
	return nil
}

func checkLinkValue(param string, value json.RawMessage) error {
	var link string
	if err := json.Unmarshal(value, &link); err != nil {
		return misread(param, err)
	}
	return checkLink(param, link, true)
}
