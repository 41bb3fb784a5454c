package commands

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"strings"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// Page is what a bot speaks as: a merchant that an agent connected an app to,
// or the app itself where it is installed.
type Page struct {
	App uuid.UUID
	// Merchant is zero if the page is the app's own.
	Merchant uuid.UUID
}

// ID is the page's: the merchant's, or the app's.
func (p Page) ID() uuid.UUID {
	if p.Merchant != uuid.Nil {
		return p.Merchant
	}
	return p.App
}

// pagePrefix begins every page access token; its merchant and its app follow
// in hex.
const pagePrefix = "page_"

// pageToken computes the token with which an app speaks for a merchant, for
// one of the app's credentials: so it is rotated along with the app's own.
func (c *Commands) pageToken(page Page, credential decide.Credential, connection decide.Connection) string {
	return pagePrefix + hex.EncodeToString(page.Merchant[:]) + hex.EncodeToString(page.App[:]) + "_" +
		c.journal.Keys.Pseudonym("page token "+credential.Seed.String()+" "+connection.Seed.String())
}

// ConnectApp lets an app speak for a merchant, on behalf of an agent, or
// changes what it may do. It returns the page access token, which is shown and
// not kept, what the app may do, and the AppConnected event, or none if nothing
// changed.
func (c *Commands) ConnectApp(ctx context.Context, cause events.Cause, page Page, by uuid.UUID, grants []events.Grant) (token string, granted []events.Grant, written []events.Event, err error) {
	if err := c.ActsFor(ctx, page.Merchant, by); err != nil {
		return "", nil, nil, err
	}
	app, err := c.App(ctx, page.App)
	if err != nil {
		return "", nil, nil, err
	}
	connecting := decide.Connecting{By: by, Grants: grants, Seed: c.newID(cause)}
	stream := events.MerchantStream(page.Merchant)
	written, err = events.Transact(ctx, c.merchants, stream, cause,
		func(m *decide.Merchant) ([]events.Fact, error) { return decide.ConnectApp(m, &app, connecting) })
	if err != nil {
		return "", nil, nil, err
	}
	connection, err := c.connection(ctx, page)
	return c.pageToken(page, app.Credentials[0], connection), connection.Grants, written, err
}

// DisconnectApp ends that an app speaks for a merchant, on behalf of an agent.
// It returns the AppDisconnected event, or none if it did not.
func (c *Commands) DisconnectApp(ctx context.Context, cause events.Cause, page Page, by uuid.UUID) ([]events.Event, error) {
	return events.Transact(ctx, c.merchants, events.MerchantStream(page.Merchant), cause,
		func(m *decide.Merchant) ([]events.Fact, error) { return decide.DisconnectApp(m, page.App, by) })
}

// ConnectedApps are those that speak for a merchant now, the first of which is
// its primary one.
func (c *Commands) ConnectedApps(ctx context.Context, merchant uuid.UUID) (connected []decide.Connection, err error) {
	_, err = c.merchants.With(ctx, events.MerchantStream(merchant), func(m *decide.Merchant) error {
		connected = m.Connected
		return nil
	})
	return connected, err
}

func (c *Commands) connection(ctx context.Context, page Page) (found decide.Connection, err error) {
	_, err = c.merchants.With(ctx, events.MerchantStream(page.Merchant), func(m *decide.Merchant) error {
		if connection, ok := m.Connection(page.App); ok {
			found = connection
			return nil
		}
		return decide.NoSuchApp("")
	})
	return found, err
}

// PageOf finds the page that a token speaks for: a page access token, or an
// app's own token. The boolean is false for tokens that are not accepted, or
// not any more.
func (c *Commands) PageOf(ctx context.Context, token string) (Page, bool, error) {
	if IsAppToken(token) {
		app, accepted, err := c.AppOf(ctx, token)
		return Page{App: app}, accepted, err
	}
	ids, _, _ := strings.Cut(strings.TrimPrefix(token, pagePrefix), "_")
	raw, err := hex.DecodeString(ids)
	if err != nil || len(raw) != 2*len(uuid.UUID{}) || !strings.HasPrefix(token, pagePrefix) {
		return Page{}, false, nil
	}
	page := Page{Merchant: uuid.UUID(raw[:16]), App: uuid.UUID(raw[16:])}
	var connection decide.Connection
	var connected bool
	_, err = c.merchants.With(ctx, events.MerchantStream(page.Merchant), func(m *decide.Merchant) error {
		connection, connected = m.Connection(page.App)
		return nil
	})
	if err != nil || !connected {
		return Page{}, false, err
	}
	accepted := 0
	_, err = c.apps.With(ctx, events.AppStream(page.App), func(a *decide.App) error {
		for _, credential := range a.Credentials {
			if credential.Holds(c.journal.Now()) && a.Suspended == "" {
				accepted |= subtle.ConstantTimeCompare([]byte(token), []byte(c.pageToken(page, credential, connection)))
			}
		}
		return nil
	})
	return page, accepted == 1, err
}

// PageMay refuses an app that was not granted something on its page: by the
// merchant, or, on a page of its own, if it does not ask for it.
func (c *Commands) PageMay(ctx context.Context, page Page, grant events.Grant) error {
	app, err := c.App(ctx, page.App)
	if err != nil {
		return err
	}
	grants := app.Listing.Grants
	if page.Merchant != uuid.Nil {
		connection, err := c.connection(ctx, page)
		if err != nil {
			return err
		}
		grants = connection.Grants
	}
	return decide.Granted(grants, grant)
}

// PageName is what a page is called: its merchant, or the app.
func (c *Commands) PageName(ctx context.Context, page Page) (name string, err error) {
	if page.Merchant == uuid.Nil {
		app, err := c.App(ctx, page.App)
		return app.Listing.Name, err
	}
	_, err = c.merchants.With(ctx, events.MerchantStream(page.Merchant), func(m *decide.Merchant) error {
		name = m.Name
		return nil
	})
	return name, err
}

// Reach is as what an app is told of a conversation, and what.
type Reach struct {
	Page   Page
	Grants []events.Grant
	// Since is the number of the first message that the app may see.
	Since uint64
	// Customer is whom a merchant's page speaks with.
	Customer uuid.UUID
	// Standby: another app answers in the thread.
	Standby bool
}

// Reach returns as what an app is told of a conversation now. The boolean is
// false if it is told nothing.
func (c *Commands) Reach(ctx context.Context, conversation, app uuid.UUID) (reach Reach, told bool, err error) {
	err = c.withConversation(ctx, conversation, func(room *decide.Conversation) error {
		if connection, connected := room.Business.Connection(app); connected {
			reach = Reach{Page{App: app, Merchant: room.Merchant}, connection.Grants, connection.Since, room.Customer(), room.ThreadOwner() != app}
			told = true
		} else if installed, ok := room.Apps[app]; ok {
			reach, told = Reach{Page: Page{App: app}, Grants: installed.Grants, Since: installed.Since}, true
		}
		return nil
	})
	return reach, told, err
}
