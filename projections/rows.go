package projections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// kinds are the facts a projection needs, by the name they are stored under.
type kinds map[string]struct{}

func kindsOf(facts ...events.Fact) kinds {
	names := make(kinds, len(facts))
	for _, fact := range facts {
		names[events.TypeOf(fact)] = struct{}{}
	}
	return names
}

// open reads a fact with its personal values. The boolean is false for facts
// that are not needed; they are not even decoded.
func (k kinds) open(ctx context.Context, journal *events.Journal, recorded events.Recorded) (events.Event, bool, error) {
	if _, needed := k[recorded.Type]; !needed {
		return events.Event{}, false, nil
	}
	event, err := events.Decode(recorded)
	if err != nil {
		return events.Event{}, false, err
	}
	return event, true, journal.Open(ctx, event)
}

// keyedTable remembers the events that can come twice. An event store may hold
// the same event again after a writer's retry, with a revision of its own; only
// ids made from an idempotency key are ever retried later, so only they are
// kept. A key may be used once in each stream.
var keyedTable = views.Table{
	Name:    "keyed",
	Columns: "entity BYTEA NOT NULL, stream BIGINT NOT NULL, id BYTEA NOT NULL",
	Key:     "entity, stream, id",
}

// Streams of an entity, as keyedTable tells them apart.
const (
	lifecycleStream = iota
	messagesStream
)

// keyedVersion is the version of UUIDs made from an idempotency key.
const keyedVersion = 5

// repeated tells whether an event of an entity's stream was applied before,
// and remembers it.
func repeated(ctx context.Context, tx *views.Tx, entity uuid.UUID, stream int64, id uuid.UUID) (bool, error) {
	if id.Version() != keyedVersion {
		return false, nil
	}
	added, err := tx.Exec(ctx, `INSERT INTO keyed (entity, stream, id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		entity[:], stream, id[:])
	return added == 0, err
}

// streamEntity is what an event's stream is about, and which of its streams it
// is, as keyedTable tells them apart.
func streamEntity(event *events.Event) (uuid.UUID, int64, error) {
	family, id, _ := strings.Cut(event.Stream, "-")
	entity, err := uuid.Parse(id)
	if err != nil {
		return uuid.Nil, 0, fmt.Errorf("the stream's name has no id: %w", err)
	}
	if family == "messages" {
		return entity, messagesStream, nil
	}
	return entity, lifecycleStream, nil
}

// Times are stored as text where they are only shown, to keep every digit.
func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func parseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("a time in the view: %w", err)
	}
	return t, nil
}

// idFrom takes an id from a column.
func idFrom(column []byte) (uuid.UUID, error) {
	id, err := uuid.FromBytes(column)
	if err != nil {
		return uuid.Nil, fmt.Errorf("an id in the view: %w", err)
	}
	return id, nil
}
