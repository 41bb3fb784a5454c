package webhooks

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/projections/views"
)

// accessFacts are those that say who may be told what.
var accessFacts = kindsOf(
	new(events.WebhookConfigured), new(events.WebhookRemoved), new(events.WebhookDisabled),
	new(events.AppSuspended), new(events.AppResumed),
	new(events.AppInstalled), new(events.AppRemoved),
	new(events.AppConnected), new(events.AppDisconnected),
	new(events.ConversationStarted), new(events.ThreadControlPassed), new(events.ThreadControlTaken),
	new(events.PageSubscribed), new(events.PageUnsubscribed),
)

func kindsOf(facts ...events.Fact) map[string]bool {
	kinds := make(map[string]bool, len(facts))
	for _, fact := range facts {
		kinds[events.TypeOf(fact)] = true
	}
	return kinds
}

// admit applies a fact that says who may be told what. What waits for an app
// that may not be told any more is dropped.
func (t *term) admit(ctx context.Context, tx *views.Tx, event events.Event) error {
	switch fact := event.Fact.(type) {
	case *events.AppInstalled:
		t.routes.known.Remove(fact.Conversation)
		if !slices.Contains(fact.Grants, events.ReadMessages) {
			if err := drop(ctx, tx, "the app may not read here any more", `conversation = $2 AND merchant = $3 AND app = $4`, fact.Conversation[:], uuid.Nil[:], fact.App.ID[:]); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO installs (conversation, app, grants, since) VALUES ($1, $2, $3, $4)
			ON CONFLICT (conversation, app) DO UPDATE SET grants = excluded.grants, since = excluded.since`,
			fact.Conversation[:], fact.App.ID[:], joined(fact.Grants), int64(fact.Since))
		return err
	case *events.AppRemoved:
		t.routes.known.Remove(fact.Conversation)
		if _, err := tx.Exec(ctx, `DELETE FROM installs WHERE conversation = $1 AND app = $2`, fact.Conversation[:], fact.App[:]); err != nil {
			return err
		}
		return drop(ctx, tx, "the app was removed from the conversation",
			`conversation = $2 AND merchant = $3 AND app = $4`, fact.Conversation[:], uuid.Nil[:], fact.App[:])
	case *events.AppConnected:
		t.routes.known.Purge()
		_, err := tx.Exec(ctx, `INSERT INTO connections (merchant, app, grants, connected) VALUES ($1, $2, $3, $4)
			ON CONFLICT (merchant, app) DO UPDATE SET grants = excluded.grants`,
			fact.Merchant[:], fact.App.ID[:], joined(fact.Grants), int64(event.Position))
		return err
	case *events.AppDisconnected:
		t.routes.known.Purge()
		if _, err := tx.Exec(ctx, `DELETE FROM connections WHERE merchant = $1 AND app = $2`, fact.Merchant[:], fact.App[:]); err != nil {
			return err
		}
		return drop(ctx, tx, "the app does not speak for the merchant any more", `merchant = $2 AND app = $3`, fact.Merchant[:], fact.App[:])
	}
	return t.admitThread(ctx, tx, event)
}

// admitThread applies facts of conversations, and of who answers in them.
func (t *term) admitThread(ctx context.Context, tx *views.Tx, event events.Event) error {
	switch fact := event.Fact.(type) {
	case *events.ConversationStarted:
		if fact.Kind != events.Business {
			return nil
		}
		t.routes.known.Remove(fact.Conversation)
		customer := fact.Participants[0]
		_, err := tx.Exec(ctx, `INSERT INTO rooms (conversation, merchant, customer) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			fact.Conversation[:], fact.Merchant[:], customer[:])
		return err
	case *events.ThreadControlPassed:
		return t.hand(ctx, tx, fact.Conversation, fact.To)
	case *events.ThreadControlTaken:
		return t.hand(ctx, tx, fact.Conversation, fact.App)
	case *events.PageSubscribed:
		return t.subscribe(ctx, tx, fact.Page, fact.App, fact.Fields)
	case *events.PageUnsubscribed:
		return t.subscribe(ctx, tx, fact.Page, fact.App, nil)
	}
	return t.admitEndpoint(ctx, tx, event.Fact)
}

// subscribe notes which fields an app has chosen for a page.
func (t *term) subscribe(ctx context.Context, tx *views.Tx, page, app uuid.UUID, fields []string) error {
	t.routes.chosen.Purge()
	_, err := tx.Exec(ctx, `INSERT INTO subscriptions (page, app, fields) VALUES ($1, $2, $3)
		ON CONFLICT (page, app) DO UPDATE SET fields = excluded.fields`, page[:], app[:], joined(fields))
	return err
}

// choice is which fields an app has chosen for a page.
type choice struct {
	made   bool
	fields []string
}

// takes tells whether a field is one of them: all of the webhook's are, if the
// app has not said.
func (c choice) takes(field events.WebhookField) bool {
	// The platform's names have none for orders.
	return !c.made || slices.Contains(c.fields, string(field)) || field == events.OrdersField && len(c.fields) > 0
}

// choiceFor returns what an app has chosen for a page as the store has it.
func (r *routes) choiceFor(ctx context.Context, q querier, page commands.Page) (choice, error) {
	if known, ok := r.chosen.Get(page); ok {
		return known, nil
	}
	id := page.ID()
	chosen, err := all(ctx, q, func(rows *views.Rows) (fields string, err error) {
		err = rows.Scan(&fields)
		return fields, err
	}, `SELECT fields FROM subscriptions WHERE page = $1 AND app = $2`, id[:], page.App[:])
	if err != nil {
		return choice{}, err
	}
	var found choice
	if len(chosen) > 0 {
		found = choice{true, strings.Fields(chosen[0])}
	}
	r.chosen.Add(page, found)
	return found, nil
}

func (t *term) hand(ctx context.Context, tx *views.Tx, conversation, to uuid.UUID) error {
	t.routes.known.Remove(conversation)
	_, err := tx.Exec(ctx, `INSERT INTO threads (conversation, app) VALUES ($1, $2)
		ON CONFLICT (conversation) DO UPDATE SET app = excluded.app`, conversation[:], to[:])
	return err
}

// admitEndpoint applies facts of apps' webhooks.
func (t *term) admitEndpoint(ctx context.Context, tx *views.Tx, fact events.Fact) error {
	switch fact := fact.(type) {
	case *events.WebhookConfigured:
		t.touched[fact.App] = true
		_, err := tx.Exec(ctx, `INSERT INTO endpoints (app, configuration, url, fields, state, suspended, next, succeeded_at) VALUES ($1, $2, $3, $4, $5, 0, 1, 0)
			ON CONFLICT (app) DO UPDATE SET configuration = excluded.configuration, url = excluded.url, fields = excluded.fields, state = excluded.state`,
			fact.App[:], fact.Configuration[:], fact.URL, joined(fact.Fields), on)
		return err
	case *events.WebhookRemoved:
		return t.silence(ctx, tx, fact.App, none, "the webhook was removed")
	case *events.WebhookDisabled:
		return t.silence(ctx, tx, fact.App, off, "the webhook was switched off")
	case *events.AppSuspended:
		t.touched[fact.App] = true
		if _, err := tx.Exec(ctx, `UPDATE endpoints SET suspended = 1 WHERE app = $1`, fact.App[:]); err != nil {
			return err
		}
		return drop(ctx, tx, "the app was suspended", `app = $2`, fact.App[:])
	case *events.AppResumed:
		t.touched[fact.App] = true
		_, err := tx.Exec(ctx, `UPDATE endpoints SET suspended = 0 WHERE app = $1`, fact.App[:])
		return err
	}
	return nil
}

// silence ends deliveries to an app; what waits is not delivered.
func (t *term) silence(ctx context.Context, tx *views.Tx, app uuid.UUID, state, why string) error {
	t.touched[app] = true
	if _, err := tx.Exec(ctx, `UPDATE endpoints SET state = $1 WHERE app = $2`, state, app[:]); err != nil {
		return err
	}
	return drop(ctx, tx, why, `app = $2`, app[:])
}

// drop takes out what waits and must not be delivered. The conditions are of a
// fixed set, their first parameter is $2.
func drop(ctx context.Context, tx *views.Tx, why, conditions string, args ...any) error {
	_, err := tx.Exec(ctx, `UPDATE deliveries SET state = 'dropped', answer = $1 WHERE state = 'waiting' AND `+conditions, append([]any{why}, args...)...)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM lanes WHERE NOT EXISTS
		(SELECT 1 FROM deliveries WHERE deliveries.app = lanes.app AND deliveries.conversation = lanes.conversation AND deliveries.state = 'waiting')`)
	return err
}
