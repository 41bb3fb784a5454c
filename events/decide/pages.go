package decide

import (
	"slices"

	"github.com/google/uuid"

	"parley/events"
)

// MaxConnected bounds how many apps speak for one merchant.
const MaxConnected = 20

// Connection is an app that speaks for a merchant.
type Connection struct {
	Installation
	// Seed is what its page access token is computed from.
	Seed uuid.UUID
}

// Connection finds an app that speaks for the merchant, who may be nil.
func (m *Merchant) Connection(app uuid.UUID) (Connection, bool) {
	if m == nil {
		return Connection{}, false
	}
	i := slices.IndexFunc(m.Connected, func(c Connection) bool { return c.ID == app })
	if i < 0 {
		return Connection{}, false
	}
	return m.Connected[i], true
}

// Connecting is the intent to have an app speak for a merchant.
type Connecting struct {
	By uuid.UUID
	// Grants are what the app may do; none mean all that it asks for.
	Grants []events.Grant
	Seed   uuid.UUID
}

// ConnectApp lets an app speak for a merchant, on behalf of an agent, or
// changes what it may do. An app that is not published is connected by its
// owner alone.
func ConnectApp(m *Merchant, a *App, c Connecting) ([]events.Fact, error) {
	if err := m.Admit(c.By); err != nil {
		return nil, err
	}
	if !a.Registered() || !a.Published && c.By != a.Owner {
		return nil, NoSuchApp("")
	}
	granted, err := grantsOf(a, c.Grants)
	if err != nil {
		return nil, err
	}
	before, connected := m.Connection(a.ID)
	switch {
	case a.Suspended != "":
		return nil, refuse(Taken, "", "the app is suspended: %s", a.Suspended)
	case connected && slices.Equal(before.Grants, granted):
		return nil, nil
	case connected:
		c.Seed = before.Seed
	case len(m.Connected) >= MaxConnected:
		return nil, refuse(Taken, "", "a merchant has at most %d apps", MaxConnected)
	}
	return []events.Fact{&events.AppConnected{Merchant: m.ID, App: a.Card(), By: c.By, Grants: granted, Seed: c.Seed}}, nil
}

// DisconnectApp ends that an app speaks for a merchant, on behalf of an agent.
func DisconnectApp(m *Merchant, app, by uuid.UUID) ([]events.Fact, error) {
	if err := m.Admit(by); err != nil {
		return nil, err
	}
	if _, connected := m.Connection(app); !connected {
		return nil, nil
	}
	return []events.Fact{&events.AppDisconnected{Merchant: m.ID, App: app, By: by}}, nil
}

// evolvePage applies a fact about an app that speaks for the merchant. Others
// may hold the list as it was, so that it is never changed in place.
func (m *Merchant) evolvePage(fact events.Fact) {
	switch f := fact.(type) {
	case *events.AppConnected:
		connection := Connection{Installation{AppCard: f.App, Grants: f.Grants}, f.Seed}
		m.Connected = slices.Clone(m.Connected)
		if i := slices.IndexFunc(m.Connected, func(c Connection) bool { return c.ID == f.App.ID }); i >= 0 {
			m.Connected[i] = connection
			return
		}
		m.Connected = append(m.Connected, connection)
	case *events.AppDisconnected:
		m.Connected = slices.DeleteFunc(slices.Clone(m.Connected), func(c Connection) bool { return c.ID == f.App })
	}
}
