package projections

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// Apps is the read model of apps: the directory, where each is installed, and
// how much it is used.
type Apps struct {
	journal *events.Journal
	store   *views.Store
}

func newApps(journal *events.Journal) *Apps { return &Apps{journal: journal} }

// Days are counted from 1970-01-01 UTC. Usage has a row for each day on which
// anything happened.
var appsSchema = views.Schema{
	Name:    AppsName,
	Version: 1,
	Tables: []views.Table{{
		Name: "apps",
		Columns: `id BYTEA NOT NULL,
			owner BYTEA NOT NULL,
			name TEXT NOT NULL,
			sought TEXT NOT NULL,
			description TEXT NOT NULL,
			website TEXT NOT NULL,
			icon BYTEA,
			grants TEXT NOT NULL,
			published BIGINT NOT NULL,
			suspended TEXT NOT NULL,
			registered_at TEXT NOT NULL,
			installs BIGINT NOT NULL`,
		Key: "id",
	}, {
		Name: "installs",
		Columns: `conversation BYTEA NOT NULL,
			app BYTEA NOT NULL,
			grants TEXT NOT NULL,
			installed_by BYTEA NOT NULL,
			installed_at TEXT NOT NULL`,
		Key: "conversation, app",
	}, {
		Name: "usage",
		Columns: `app BYTEA NOT NULL,
			day BIGINT NOT NULL,
			added BIGINT NOT NULL,
			removed BIGINT NOT NULL,
			conversations BIGINT NOT NULL,
			messages BIGINT NOT NULL,
			attachments BIGINT NOT NULL`,
		Key: "app, day",
	}, {
		// spoken is where an app has said something on a day.
		Name:    "spoken",
		Columns: `app BYTEA NOT NULL, day BIGINT NOT NULL, conversation BYTEA NOT NULL`,
		Key:     "app, day, conversation",
	}, keyedTable},
	Indexes: []string{
		`CREATE INDEX IF NOT EXISTS apps_by_name ON apps (sought, id)`,
		`CREATE INDEX IF NOT EXISTS apps_by_owner ON apps (owner)`,
	},
}

var appFacts = kindsOf(
	new(events.AppRegistered), new(events.AppChanged), new(events.AppPublished),
	new(events.AppSuspended), new(events.AppResumed),
	new(events.AppInstalled), new(events.AppRemoved),
	new(events.MessagePosted), new(events.AttachmentShared),
)

func (a *Apps) schema() views.Schema { return appsSchema }

func (a *Apps) filter() events.Filter {
	return events.Filter{StreamPrefixes: []string{"app-", "conversation-", "messages-"}}
}

// fromApp is in the data of every message that an app wrote, and of none that
// a person did, whose text is sealed.
var fromApp = []byte(`"app":{`)

// prepare opens no personal value: what apps say is not counted by what it is.
func (a *Apps) prepare(_ context.Context, recorded events.Recorded) (events.Event, bool, error) {
	if _, needed := appFacts[recorded.Type]; !needed {
		return events.Event{}, false, nil
	}
	if strings.HasPrefix(recorded.Stream, "messages-") && !bytes.Contains(recorded.Data, fromApp) {
		return events.Event{}, false, nil
	}
	event, err := events.Decode(recorded)
	return event, err == nil, err
}

func (a *Apps) apply(ctx context.Context, tx *views.Tx, items []events.Event) error {
	for i := range items {
		if err := a.applyOne(ctx, tx, &items[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *Apps) applyOne(ctx context.Context, tx *views.Tx, event *events.Event) error {
	entity, stream, err := streamEntity(event)
	if err != nil {
		return err
	}
	if repeat, err := repeated(ctx, tx, entity, stream, event.ID); repeat || err != nil {
		return err
	}
	switch fact := event.Fact.(type) {
	case *events.AppRegistered:
		return a.register(ctx, tx, fact, event.Meta.OccurredAt)
	case *events.AppChanged:
		return a.change(ctx, tx, fact)
	case *events.AppPublished:
		return tx.Queue(ctx, `UPDATE apps SET published = 1 WHERE id = $1`, fact.App[:])
	case *events.AppSuspended:
		return tx.Queue(ctx, `UPDATE apps SET suspended = $1 WHERE id = $2`, fact.Reason, fact.App[:])
	case *events.AppResumed:
		return tx.Queue(ctx, `UPDATE apps SET suspended = '' WHERE id = $1`, fact.App[:])
	case *events.AppInstalled:
		return a.install(ctx, tx, fact, event.Meta.OccurredAt)
	case *events.AppRemoved:
		return a.remove(ctx, tx, fact, event.Meta.OccurredAt)
	}
	if posted, ok := events.PostOf(event.Fact); ok && posted.App != nil {
		return a.speak(ctx, tx, posted, event.Meta.OccurredAt)
	}
	return nil
}

// sought is what a search looks through.
func sought(listing events.AppListing) string {
	return strings.ToLower(listing.Name + "\n" + listing.Description)
}

func (a *Apps) register(ctx context.Context, tx *views.Tx, fact *events.AppRegistered, at time.Time) error {
	grants, err := json.Marshal(fact.Grants)
	if err != nil {
		return err
	}
	err = tx.Queue(ctx, `INSERT INTO apps (id, owner, name, sought, description, website, icon, grants, published, suspended, registered_at, installs)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, '', $9, 0)`,
		fact.App[:], fact.Owner[:], fact.Name, sought(fact.AppListing), fact.Description, fact.Website, iconColumn(fact.Icon), string(grants), timeText(at))
	return err
}

func (a *Apps) change(ctx context.Context, tx *views.Tx, fact *events.AppChanged) error {
	grants, err := json.Marshal(fact.Grants)
	if err != nil {
		return err
	}
	err = tx.Queue(ctx, `UPDATE apps SET name = $1, sought = $2, description = $3, website = $4, icon = $5, grants = $6 WHERE id = $7`,
		fact.Name, sought(fact.AppListing), fact.Description, fact.Website, iconColumn(fact.Icon), string(grants), fact.App[:])
	return err
}

func iconColumn(icon *events.Digest) []byte {
	if icon == nil {
		return nil
	}
	return icon[:]
}

func (a *Apps) install(ctx context.Context, tx *views.Tx, fact *events.AppInstalled, at time.Time) error {
	grants, err := json.Marshal(fact.Grants)
	if err != nil {
		return err
	}
	app := fact.App.ID
	changed, err := tx.Exec(ctx, `UPDATE installs SET grants = $1 WHERE conversation = $2 AND app = $3`, string(grants), fact.Conversation[:], app[:])
	if err != nil || changed > 0 {
		return err
	}
	err = tx.Queue(ctx, `INSERT INTO installs (conversation, app, grants, installed_by, installed_at) VALUES ($1, $2, $3, $4, $5)`,
		fact.Conversation[:], app[:], string(grants), fact.By[:], timeText(at))
	if err != nil {
		return err
	}
	if err := tx.Queue(ctx, `UPDATE apps SET installs = installs + 1 WHERE id = $1`, app[:]); err != nil {
		return err
	}
	return count(ctx, tx, app, at, dayUse{added: 1})
}

func (a *Apps) remove(ctx context.Context, tx *views.Tx, fact *events.AppRemoved, at time.Time) error {
	gone, err := tx.Exec(ctx, `DELETE FROM installs WHERE conversation = $1 AND app = $2`, fact.Conversation[:], fact.App[:])
	if err != nil || gone == 0 {
		return err
	}
	if err := tx.Queue(ctx, `UPDATE apps SET installs = installs - 1 WHERE id = $1`, fact.App[:]); err != nil {
		return err
	}
	return count(ctx, tx, fact.App, at, dayUse{removed: 1})
}

func (a *Apps) speak(ctx context.Context, tx *views.Tx, posted *events.MessagePosted, at time.Time) error {
	app := posted.App.ID
	first, err := tx.Exec(ctx, `INSERT INTO spoken (app, day, conversation) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		app[:], int64(dayOf(at)), posted.Conversation[:])
	if err != nil {
		return err
	}
	return count(ctx, tx, app, at, dayUse{conversations: first, messages: 1, attachments: int64(len(posted.Attachments))})
}

// dayUse is what is added to a day of an app's.
type dayUse struct{ added, removed, conversations, messages, attachments int64 }

func count(ctx context.Context, tx *views.Tx, app uuid.UUID, at time.Time, use dayUse) error {
	return tx.Queue(ctx, `INSERT INTO usage (app, day, added, removed, conversations, messages, attachments) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (app, day) DO UPDATE SET added = usage.added + excluded.added, removed = usage.removed + excluded.removed,
			conversations = usage.conversations + excluded.conversations,
			messages = usage.messages + excluded.messages, attachments = usage.attachments + excluded.attachments`,
		app[:], int64(dayOf(at)), use.added, use.removed, use.conversations, use.messages, use.attachments)
}

func (a *Apps) committed() {}

func (a *Apps) reset() {}
