package messenger

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
)

// inbox is the id by which the platform knows the page's people, in place of
// an app's.
const inbox = "263902037430900"

// AppID is how an app is named that has a thread; zero is the page's people.
func AppID(app uuid.UUID) string {
	if app == uuid.Nil {
		return inbox
	}
	return app.String()
}

type handing func(ctx context.Context, cause events.Cause, conversation uuid.UUID, h decide.Handing) ([]events.Event, error)

func (a *API) passThread(ctx context.Context, c *call) (any, error) {
	target, err := c.params.text("target_app_id")
	if err != nil {
		return nil, err
	}
	var to uuid.UUID
	if target != inbox {
		if to, err = uuid.Parse(target); err != nil || to == uuid.Nil {
			return nil, invalid("target_app_id", "must be an app's id, or %s for the page's people", inbox)
		}
	}
	return a.hand(ctx, c, to, a.Commands.PassThread)
}

func (a *API) takeThread(ctx context.Context, c *call) (any, error) {
	return a.hand(ctx, c, uuid.Nil, a.Commands.TakeThread)
}

func (a *API) requestThread(ctx context.Context, c *call) (any, error) {
	return a.hand(ctx, c, uuid.Nil, a.Commands.RequestThread)
}

func (a *API) hand(ctx context.Context, c *call, to uuid.UUID, hand handing) (any, error) {
	if err := mustBeMerchants(c.page); err != nil {
		return nil, err
	}
	metadata, err := c.params.text("metadata")
	if err != nil {
		return nil, err
	}
	_, person, err := a.reach(ctx, c, events.WriteMessages)
	if err != nil {
		return nil, err
	}
	_, err = hand(ctx, c.cause, person.Conversation, decide.Handing{App: c.page.App, To: to, Metadata: metadata})
	return success, err
}

func mustBeMerchants(page commands.Page) error {
	if page.Merchant == uuid.Nil {
		return invalid("access_token", "must be a merchant's page's: an app's own threads are nobody else's")
	}
	return nil
}

func (a *API) threadOwner(ctx context.Context, c *call) (any, error) {
	_, person, err := a.reach(ctx, c, events.ReadMessages)
	if err != nil {
		return nil, err
	}
	owner := c.page.App
	if c.page.Merchant != uuid.Nil {
		if owner, err = a.Commands.ThreadOwner(ctx, person.Conversation); err != nil {
			return nil, err
		}
	}
	type ownerBody struct {
		AppID string `json:"app_id"`
	}
	return listOf(map[string]ownerBody{"thread_owner": {AppID(owner)}}), nil
}

// secondaryReceivers are the apps that speak as a page besides the primary one.
func (a *API) secondaryReceivers(ctx context.Context, c *call) (any, error) {
	cards, err := a.speakers(ctx, c.page)
	if err != nil {
		return nil, err
	}
	list := listOf[map[string]string]()
	for i, card := range cards {
		if i > 0 {
			list.Data = append(list.Data, map[string]string{"id": card.ID.String(), "name": card.Name})
		}
	}
	return list, nil
}
