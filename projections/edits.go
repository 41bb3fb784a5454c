package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// Version is a text that a message has had.
type Version struct {
	// Text is empty if the author is forgotten, and for those who may not see
	// what was retracted.
	Text string    `json:"text"`
	At   time.Time `json:"at"`
	// Actor is whose doing it was.
	Actor uuid.UUID `json:"actor"`
	// Retracted tells that the message was taken back, which is its last
	// version.
	Retracted bool `json:"retracted"`
}

// History is the versions of a message, oldest first.
type History struct {
	Versions []Version `json:"versions"`
	// Next is the URL path of the following page, or nil on the last one.
	Next *string `json:"next"`
}

// HistoryRange chooses versions of a message.
type HistoryRange struct {
	Number uint64
	// After is the revision of the last version of the page before, or -1.
	After int64
	// Limit is between 1 and MaxPage.
	Limit int
	// Unseen shows what a retracted message said.
	Unseen bool
}

// versionsTable has the revisions at which messages were edited and retracted.
// What they said is in the log.
var versionsTable = views.Table{
	Name:    "versions",
	Columns: "conversation BYTEA NOT NULL, number BIGINT NOT NULL, revision BIGINT NOT NULL",
	Key:     "conversation, number, revision",
}

func addVersion(ctx context.Context, tx *views.Tx, conversation uuid.UUID, number, revision uint64) error {
	return tx.Queue(ctx, `INSERT INTO versions (conversation, number, revision) VALUES ($1, $2, $3)`, conversation[:], int64(number), int64(revision))
}

// History returns what a message has said over time, whoever asks.
//
// Errors: ErrNotFound if the conversation has no message of that number,
// ErrRange, and the log's.
func (c *Conversations) History(ctx context.Context, conversation uuid.UUID, r HistoryRange) (History, error) {
	if r.Limit < 1 || r.Limit > MaxPage {
		return History{}, fmt.Errorf("%w: a page has 1 to %d versions", ErrRange, MaxPage)
	}
	if r.Number > newest {
		return History{}, ErrNotFound
	}
	// The revisions are read first: whatever was retracted until then is known
	// to be.
	revisions, more, err := c.versions(ctx, conversation, r)
	if err != nil {
		return History{}, err
	}
	message, err := c.message(ctx, conversation, r.Number)
	if err != nil {
		return History{}, err
	}
	found := History{Versions: make([]Version, 0, len(revisions))}
	for _, revision := range revisions {
		version, err := c.version(ctx, conversation, revision)
		if err != nil {
			return History{}, err
		}
		if message.Retracted && !r.Unseen {
			version.Text = ""
		}
		found.Versions = append(found.Versions, version)
	}
	if more {
		next := fmt.Sprintf("/v1/conversations/%s/messages/%d/history?after=%d&limit=%d", conversation, r.Number, revisions[len(revisions)-1], r.Limit)
		found.Next = &next
	}
	return found, nil
}

// versions are the revisions of a page of a message's versions, of which the
// first is the message's number.
func (c *Conversations) versions(ctx context.Context, conversation uuid.UUID, r HistoryRange) (revisions []uint64, more bool, err error) {
	if r.After < int64(r.Number) {
		revisions = append(revisions, r.Number)
	}
	rows, err := c.store.Query(ctx, `SELECT revision FROM versions WHERE conversation = $1 AND number = $2 AND revision > $3 ORDER BY revision LIMIT $4`,
		conversation[:], int64(r.Number), r.After, r.Limit+1)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	for rows.Next() {
		var revision int64
		if err := rows.Scan(&revision); err != nil {
			return nil, false, err
		}
		revisions = append(revisions, uint64(revision))
	}
	if len(revisions) > r.Limit {
		return revisions[:r.Limit], true, rows.Err()
	}
	return revisions, false, rows.Err()
}

// version reads one version from the log.
func (c *Conversations) version(ctx context.Context, conversation uuid.UUID, revision uint64) (Version, error) {
	event, _, err := c.journal.Fact(ctx, events.MessagesStream(conversation), revision)
	if err != nil {
		return Version{}, err
	}
	version := Version{At: event.Meta.OccurredAt}
	if posted, ok := events.PostOf(event.Fact); ok {
		version.Text, version.Actor = posted.Text.Plain, posted.Author
		return version, nil
	}
	switch fact := event.Fact.(type) {
	case *events.MessageEdited:
		version.Text, version.Actor = fact.Text.Plain, fact.By
	case *events.MessageRetracted:
		version.Retracted, version.Actor = true, fact.By
	default:
		return Version{}, fmt.Errorf("event %d of the messages of conversation %s is no version of a message but a %s", revision, conversation, event.Type)
	}
	return version, nil
}

// message returns one message, whoever asks.
func (c *Conversations) message(ctx context.Context, conversation uuid.UUID, number uint64) (Message, error) {
	line, err := c.MessageJSON(ctx, conversation, number)
	if err != nil {
		return Message{}, err
	}
	return messageFrom(line)
}

// messageFrom reads a line of the view.
func messageFrom(line []byte) (Message, error) {
	var m Message
	if err := json.Unmarshal(line, &m); err != nil {
		return m, fmt.Errorf("a message in the view: %w", err)
	}
	return m, nil
}
