package decide

import (
	"slices"

	"github.com/google/uuid"

	"parley/events"
)

// maxMetadata bounds what a bot tells another one, or itself, in characters.
const maxMetadata = 1_000

// ThreadOwner is the app that answers a merchant's customer now, and zero if
// it is the merchant's agents, or if no app speaks for the merchant. A thread
// is the merchant's first app's until it is passed on, and again when the app
// that has it is disconnected.
func (c *Conversation) ThreadOwner() uuid.UUID {
	if c.Business == nil {
		return uuid.Nil
	}
	if c.control != nil {
		if _, connected := c.Business.Connection(*c.control); connected || *c.control == uuid.Nil {
			return *c.control
		}
	}
	return c.Business.primary()
}

// primary is the app that was connected first, or zero.
func (m *Merchant) primary() uuid.UUID {
	if len(m.Connected) == 0 {
		return uuid.Nil
	}
	return m.Connected[0].ID
}

// Speaks refuses a merchant's app that does not have the thread.
func (c *Conversation) Speaks(app uuid.UUID) error {
	if _, guest := c.Apps[app]; guest || c.Business == nil {
		return nil
	}
	if c.ThreadOwner() != app {
		return because(ErrNotThreadOwner, Forbidden, "another app controls this thread now")
	}
	return nil
}

// admitConnected refuses an app that does not speak for the conversation's
// merchant.
func (c *Conversation) admitConnected(app uuid.UUID) error {
	if _, connected := c.Business.Connection(app); !connected {
		return NoSuchConversation()
	}
	return nil
}

// Handing is the intent of an app to hand a thread over.
type Handing struct {
	// App is whose intent it is.
	App uuid.UUID
	// To is the app that is to have the thread, or zero for the agents.
	To uuid.UUID
	// Metadata is for whoever has the thread then, or now.
	Metadata string
}

// PassThread gives the thread away that an app has.
func PassThread(c *Conversation, h Handing) ([]events.Fact, error) {
	if err := c.checkHanding(h); err != nil {
		return nil, err
	}
	if err := c.Speaks(h.App); err != nil {
		return nil, err
	}
	if _, connected := c.Business.Connection(h.To); !connected && h.To != uuid.Nil {
		return nil, refuse(Invalid, "target_app_id", "this app does not speak for the page")
	}
	if h.To == h.App {
		return nil, nil
	}
	return []events.Fact{&events.ThreadControlPassed{Conversation: c.ID, App: h.App, To: h.To, Metadata: events.Private(h.Metadata)}}, nil
}

// TakeThread gives a thread back to the merchant's first app, which alone may
// take it.
func TakeThread(c *Conversation, h Handing) ([]events.Fact, error) {
	if err := c.checkHanding(h); err != nil {
		return nil, err
	}
	if h.App != c.Business.primary() {
		return nil, refuse(Forbidden, "", "only the page's primary app may take a thread")
	}
	owner := c.ThreadOwner()
	if owner == h.App {
		return nil, nil
	}
	return []events.Fact{&events.ThreadControlTaken{Conversation: c.ID, App: h.App, From: owner, Metadata: events.Private(h.Metadata)}}, nil
}

// RequestThread asks whoever has a thread for it.
func RequestThread(c *Conversation, h Handing) ([]events.Fact, error) {
	if err := c.checkHanding(h); err != nil {
		return nil, err
	}
	owner := c.ThreadOwner()
	if owner == h.App {
		return nil, nil
	}
	return []events.Fact{&events.ThreadControlRequested{Conversation: c.ID, App: h.App, Owner: owner, Metadata: events.Private(h.Metadata)}}, nil
}

func (c *Conversation) checkHanding(h Handing) error {
	if err := c.admitConnected(h.App); err != nil {
		return err
	}
	return checkText("metadata", h.Metadata, 0, maxMetadata)
}

// Directing is the intent of an agent to say who answers a thread.
type Directing struct {
	By uuid.UUID
	// To is an app that speaks for the merchant, or zero for the agents.
	To uuid.UUID
}

// DirectThread gives a thread to an app or to the agents, whoever has it. An
// app that had it is told that it was taken, also where another one gets it.
func DirectThread(c *Conversation, d Directing) ([]events.Fact, error) {
	if err := c.AdmitAgent(d.By); err != nil {
		return nil, err
	}
	if _, connected := c.Business.Connection(d.To); !connected && d.To != uuid.Nil {
		return nil, refuse(Invalid, "appId", "this app does not speak for the merchant")
	}
	owner := c.ThreadOwner()
	if owner == d.To {
		return nil, nil
	}
	var facts []events.Fact
	if owner != uuid.Nil {
		facts = append(facts, &events.ThreadControlTaken{Conversation: c.ID, From: owner, By: d.By})
	}
	if d.To != uuid.Nil {
		facts = append(facts, &events.ThreadControlPassed{Conversation: c.ID, To: d.To, By: d.By})
	}
	return facts, nil
}

// AdmitAgent refuses everybody in a conversation who does not act for its
// merchant, and strangers as Admit does.
func (c *Conversation) AdmitAgent(user uuid.UUID) error {
	if err := c.Admit(user); err != nil {
		return err
	}
	if !c.employs(user) {
		return refuse(Forbidden, "", "only the agents of the conversation's merchant see to who answers")
	}
	return nil
}

// ThreadRequests are the apps that have asked for the thread since it was given
// to who has it, in the order in which they did.
func (c *Conversation) ThreadRequests() []uuid.UUID {
	return slices.DeleteFunc(slices.Clone(c.requests), func(app uuid.UUID) bool {
		_, connected := c.Business.Connection(app)
		return !connected || app == c.ThreadOwner()
	})
}

func (c *Conversation) request(app uuid.UUID) {
	if !slices.Contains(c.requests, app) {
		c.requests = append(c.requests, app)
	}
}
