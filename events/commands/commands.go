// Package commands carries intents out: it loads what a decision needs to
// know, lets package decide turn the intent into facts, and appends them. It
// is the only way to write, for HTTP, imports and the demo alike.
//
// Every method's error is a *decide.Refusal, events.ErrKeyReused,
// events.ErrConflict, one of the log's (events.ErrUnavailable,
// events.ErrTooLarge) or the vault's, or the context's.
package commands

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// How many streams' states are kept in memory for the next decision.
const (
	recentUsers         = 100_000
	recentConversations = 20_000
	recentMerchants     = 5_000
	recentOrders        = 20_000
	recentCases         = 5_000
	recentReports       = 1_000
)

// Commands carries out intents on one journal. Its methods may be called from
// any number of goroutines.
type Commands struct {
	// Messages knows what became of old messages without reading all that was
	// said since. It may be nil, and is set before the first use.
	Messages MessageView
	// Library keeps the files that messages have. It may be nil, and is set
	// before the first use.
	Library *Library

	journal       *events.Journal
	users         *events.States[decide.User]
	conversations *events.States[*decide.Conversation]
	merchants     *events.States[*decide.Merchant]
	orders        *events.States[*decide.Order]
	cases         *events.States[*decide.Case]
	reports       *events.States[decide.Report]
	apps          *events.States[*decide.App]
	heard         *hearings
}

// New makes the commands of a journal.
func New(journal *events.Journal) *Commands {
	return &Commands{
		journal: journal,
		users: events.NewStates(journal, recentUsers,
			func() decide.User { return decide.User{} }, decide.EvolveUser),
		conversations: events.NewStates(journal, recentConversations,
			decide.NewConversation, decide.EvolveConversation),
		merchants: events.NewStates(journal, recentMerchants, decide.NewMerchant, decide.EvolveMerchant),
		orders:    events.NewStatesOfEvents(journal, recentOrders, decide.NewOrder, decide.EvolveOrder),
		cases:     events.NewStates(journal, recentCases, decide.NewCase, decide.EvolveCase),
		reports: events.NewStates(journal, recentReports,
			func() decide.Report { return decide.Report{} }, decide.EvolveReport),
		apps:  events.NewStates(journal, recentApps, decide.NewApp, decide.EvolveApp),
		heard: newHearings(),
	}
}

// newID is the id of something that an intent creates: with an idempotency
// key, a repeat creates the same.
func (c *Commands) newID(cause events.Cause) uuid.UUID {
	if cause.IdempotencyKey == "" {
		return c.journal.NewID()
	}
	return uuid.NewSHA1(events.KeyedID(cause.Actor, cause.IdempotencyKey), []byte("created"))
}

// Registered tells whether there is such a user now, who was not erased.
func (c *Commands) Registered(ctx context.Context, user uuid.UUID) (bool, error) {
	var active bool
	_, err := c.users.With(ctx, events.UserStream(user), func(u decide.User) error {
		active = u.Active()
		return nil
	})
	return active, err
}

// everRegistered is Registered, but also of those who were erased.
func (c *Commands) everRegistered(ctx context.Context, user uuid.UUID) (bool, error) {
	var known bool
	_, err := c.users.With(ctx, events.UserStream(user), func(u decide.User) error {
		known = u.Registered
		return nil
	})
	return known, err
}
