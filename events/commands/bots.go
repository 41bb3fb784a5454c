package commands

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// botPart is what only an app's message has, opened, and the app; a message
// that is retracted or not an app's has none.
func (c *Commands) botPart(ctx context.Context, conversation uuid.UUID, number uint64) (*events.BotPart, uuid.UUID, error) {
	state, err := c.messageState(ctx, conversation, number)
	if err != nil || !state.Posted() || state.Retracted {
		return nil, uuid.Nil, err
	}
	event, _, err := c.journal.Fact(ctx, events.MessagesStream(conversation), number)
	if err != nil {
		return nil, uuid.Nil, err
	}
	posted, _ := events.PostOf(event.Fact)
	return posted.Bot, posted.Author, nil
}

// admitSpeaker refuses who is not in a conversation, and apps that may not
// write in it.
func (c *Commands) admitSpeaker(ctx context.Context, conversation, who uuid.UUID) error {
	return c.withConversation(ctx, conversation, func(room *decide.Conversation) error { return room.AdmitSpeaker(who) })
}

// choose gives a message the text of the quick reply that its author chose.
func (c *Commands) choose(ctx context.Context, conversation uuid.UUID, m *decide.Message) error {
	if err := c.Admit(ctx, conversation, m.Author); err != nil {
		return err
	}
	bot, _, err := c.botPart(ctx, conversation, m.QuickReply.Number)
	if err == nil {
		m.Text, err = decide.ChooseReply(bot, m.QuickReply.Payload.Plain)
	}
	return err
}

// PressButton records a press of a button by a participant, and returns the
// ButtonPressed event.
func (c *Commands) PressButton(ctx context.Context, cause events.Cause, conversation uuid.UUID, p decide.Press) (events.Event, error) {
	if err := c.MayWrite(ctx, conversation, p.User); err != nil {
		return events.Event{}, err
	}
	button, err := c.findButton(ctx, conversation, p)
	if err != nil {
		return events.Event{}, err
	}
	var facts []events.Fact
	err = c.withConversation(ctx, conversation, func(room *decide.Conversation) error {
		facts, err = decide.PressButton(room, p, button)
		return err
	})
	if err != nil {
		return events.Event{}, err
	}
	written, err := c.journal.Append(ctx, events.MessagesStream(conversation), events.Any, cause, facts...)
	if err != nil {
		return events.Event{}, err
	}
	return written[0], nil
}

func (c *Commands) findButton(ctx context.Context, conversation uuid.UUID, p decide.Press) (button decide.ButtonOf, err error) {
	if p.Number != nil {
		bot, app, err := c.botPart(ctx, conversation, *p.Number)
		if err != nil {
			return button, err
		}
		button.App = app
		button.Title, err = decide.FindButton(bot, p.Payload)
		return button, err
	}
	pages, err := c.PagesIn(ctx, conversation)
	if err != nil {
		return button, err
	}
	for _, page := range pages {
		state, err := c.PageState(ctx, page)
		if err != nil {
			return button, err
		}
		if title, found := state.OffersAlways(p.Payload); found {
			return decide.ButtonOf{App: page.App, Title: title}, nil
		}
	}
	return button, decide.NoSuchButton()
}

// PagesIn are the pages that bots speak as in a conversation: its merchant's,
// whose App is zero here, and those of the apps that are installed.
func (c *Commands) PagesIn(ctx context.Context, conversation uuid.UUID) (pages []Page, err error) {
	err = c.withConversation(ctx, conversation, func(room *decide.Conversation) error {
		pages = nil
		if room.Merchant != uuid.Nil {
			pages = append(pages, Page{Merchant: room.Merchant})
		}
		for app := range room.Apps {
			pages = append(pages, Page{App: app})
		}
		return nil
	})
	return pages, err
}

// PageState is what bots made of a page, as the log has it now.
func (c *Commands) PageState(ctx context.Context, page Page) (state decide.PageState, err error) {
	if page.Merchant != uuid.Nil {
		_, err = c.merchants.With(ctx, events.MerchantStream(page.Merchant), func(m *decide.Merchant) error {
			state = m.Page
			return nil
		})
		return state, err
	}
	_, err = c.apps.With(ctx, events.AppStream(page.App), func(a *decide.App) error {
		state = a.Page
		return nil
	})
	return state, err
}

// onPage decides on a page in the stream that is its own.
func (c *Commands) onPage(ctx context.Context, cause events.Cause, page Page, rule func(decide.PageState) ([]events.Fact, error)) ([]events.Event, error) {
	if page.Merchant != uuid.Nil {
		return events.Transact(ctx, c.merchants, events.MerchantStream(page.Merchant), cause,
			func(m *decide.Merchant) ([]events.Fact, error) { return rule(m.Page) })
	}
	return c.transactApp(ctx, cause, page.App, func(a *decide.App) ([]events.Fact, error) { return rule(a.Page) })
}

// ChangePageProfile changes fields of a page's profile. It returns the
// PageProfileChanged event, or none if nothing changed.
func (c *Commands) ChangePageProfile(ctx context.Context, cause events.Cause, page Page, fields map[string]json.RawMessage) ([]events.Event, error) {
	return c.onPage(ctx, cause, page, func(p decide.PageState) ([]events.Fact, error) {
		return decide.ChangePageProfile(p, page.ID(), page.App, fields)
	})
}

// Subscribe says which kinds of deliveries a page's app wants. It returns the
// PageSubscribed event, or none if nothing changed.
func (c *Commands) Subscribe(ctx context.Context, cause events.Cause, page Page, fields []string) ([]events.Event, error) {
	return c.onPage(ctx, cause, page, func(p decide.PageState) ([]events.Fact, error) {
		return decide.Subscribe(p, page.ID(), page.App, fields)
	})
}

// Unsubscribe ends all deliveries of a page to its app. It returns the
// PageUnsubscribed event, or none if there were none.
func (c *Commands) Unsubscribe(ctx context.Context, cause events.Cause, page Page) ([]events.Event, error) {
	return c.onPage(ctx, cause, page, func(p decide.PageState) ([]events.Fact, error) {
		return decide.Unsubscribe(p, page.ID(), page.App)
	})
}

// CreatePersona gives a page a persona, whose id is a new one, and returns the
// PersonaCreated event.
func (c *Commands) CreatePersona(ctx context.Context, cause events.Cause, page Page, persona events.Persona) (events.Event, error) {
	persona.ID = c.newID(cause)
	written, err := c.onPage(ctx, cause, page, func(p decide.PageState) ([]events.Fact, error) {
		return decide.CreatePersona(p, page.ID(), page.App, persona)
	})
	if err != nil {
		return events.Event{}, err
	}
	return written[0], nil
}

// DeletePersona takes a persona away and returns the PersonaDeleted event.
func (c *Commands) DeletePersona(ctx context.Context, cause events.Cause, page Page, persona uuid.UUID) ([]events.Event, error) {
	return c.onPage(ctx, cause, page, func(p decide.PageState) ([]events.Fact, error) {
		return decide.DeletePersona(p, page.ID(), page.App, persona)
	})
}

// MarkSeen moves an app's read marker up to the last message of a conversation,
// if there is one.
func (c *Commands) MarkSeen(ctx context.Context, cause events.Cause, conversation, app uuid.UUID) error {
	for recorded, err := range c.journal.Log.Read(ctx, events.MessagesStream(conversation), events.LastRevision, events.Backwards, 0) {
		if err != nil {
			return err
		}
		if posts[recorded.Type] {
			_, err := c.MarkRead(ctx, cause, conversation, app, recorded.Revision)
			return err
		}
	}
	return nil
}

// UnreactAll takes back all emoji that an app gave a message.
func (c *Commands) UnreactAll(ctx context.Context, cause events.Cause, conversation uuid.UUID, number uint64, app uuid.UUID) error {
	state, err := c.messageState(ctx, conversation, number)
	if err != nil {
		return err
	}
	if !state.Posted() {
		return decide.NoSuchMessage(number)
	}
	cause.IdempotencyKey = "" // there may be several, and a repeat finds none
	for _, reaction := range state.Reactions {
		if _, err := c.Unreact(ctx, cause, conversation, number, app, reaction.Emoji); err != nil {
			return err
		}
	}
	return nil
}
