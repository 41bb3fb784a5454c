package projections

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections/views"
)

// Media is the read model of files: who sees which, and which of them nobody
// sends.
type Media struct {
	journal *events.Journal
	store   *views.Store
	erased  erasures
}

func newMedia(journal *events.Journal) *Media { return &Media{journal: journal} }

// Attachment is a file in a message.
type Attachment struct {
	Type  events.MediaKind `json:"type" enum:"image,animation,video,audio,file"`
	Media events.Digest    `json:"media"`
	// URL is the path to read the file from.
	URL         string `json:"url"`
	ContentType string `json:"contentType"`
	// Size is in bytes.
	Size int64 `json:"size"`
	// Width, Height and Frames are null for what is no image.
	Width  *int `json:"width"`
	Height *int `json:"height"`
	Frames *int `json:"frames"`
	// Name is what the sender calls the file; it may be empty.
	Name string `json:"name"`
}

// AttachmentOf is a file as it is shown.
func AttachmentOf(media events.Digest, info events.MediaInfo, name string) Attachment {
	a := Attachment{
		Type: info.Kind(), Media: media, URL: "/v1/media/" + media.String(),
		ContentType: info.ContentType, Size: info.Size, Name: name,
	}
	if info.Frames > 0 {
		a.Width, a.Height, a.Frames = &info.Width, &info.Height, &info.Frames
	}
	return a
}

// state is what decisions know of a file that is shown.
func (a Attachment) state() decide.Attachment {
	info := events.MediaInfo{ContentType: a.ContentType, Size: a.Size}
	if a.Frames != nil {
		info.Width, info.Height, info.Frames = *a.Width, *a.Height, *a.Frames
	}
	return decide.Attachment{Media: a.Media, Name: a.Name, Info: info}
}

// Times are Unix microseconds. A file that a message has, or an app as its
// icon, is not in idle. A member sees what was sent from a number on: people
// everything, apps what came after them.
var mediaSchema = views.Schema{
	Name:    MediaName,
	Version: 2,
	Tables: []views.Table{{
		Name: "idle",
		Columns: `media BYTEA NOT NULL,
			since BIGINT NOT NULL,
			keep_until BIGINT NOT NULL`,
		Key: "media",
	}, {
		Name:    "sendings",
		Columns: `media BYTEA NOT NULL, conversation BYTEA NOT NULL, number BIGINT NOT NULL, writer BYTEA NOT NULL`,
		Key:     "media, conversation, number",
	}, {
		Name:    "icons",
		Columns: `app BYTEA NOT NULL, media BYTEA NOT NULL`,
		Key:     "app",
	}, {
		Name:    "members",
		Columns: `member BYTEA NOT NULL, conversation BYTEA NOT NULL, since BIGINT NOT NULL`,
		Key:     "member, conversation",
	}, {
		// In a business conversation the merchant is a member, and with it
		// whoever acts for it.
		Name:    "agents",
		Columns: `agent BYTEA NOT NULL, merchant BYTEA NOT NULL`,
		Key:     "agent, merchant",
	}, erasedTable, keyedTable},
	Indexes: []string{
		`CREATE INDEX IF NOT EXISTS idle_by_end ON idle (keep_until)`,
		`CREATE INDEX IF NOT EXISTS sendings_by_message ON sendings (conversation, number)`,
		`CREATE INDEX IF NOT EXISTS sendings_by_writer ON sendings (writer)`,
		`CREATE INDEX IF NOT EXISTS icons_by_media ON icons (media)`,
	},
}

var mediaFacts = kindsOf(
	new(events.MediaUploaded), new(events.MediaSwept),
	new(events.AppRegistered), new(events.AppChanged),
	new(events.ConversationStarted), new(events.ParticipantAdded), new(events.ParticipantRemoved),
	new(events.AppInstalled), new(events.AppRemoved), new(events.AgentAdded), new(events.AgentRemoved),
	new(events.MessagePosted), new(events.AttachmentShared), new(events.MessageRetracted), new(events.UserErased),
)

func (m *Media) schema() views.Schema { return mediaSchema }

func (m *Media) filter() events.Filter {
	return events.Filter{StreamPrefixes: []string{"media-", "app-", "user-", "merchant-", "conversation-", "messages-"}}
}

// withFiles is in the data of every message that has files. Texts are sealed,
// so that it is in no other's.
var withFiles = []byte(`"attachments":[`)

// prepare passes over messages without files, which are most of a log, and
// opens no personal value.
func (m *Media) prepare(_ context.Context, recorded events.Recorded) (events.Event, bool, error) {
	if _, needed := mediaFacts[recorded.Type]; !needed || recorded.Type == messagePosted && !bytes.Contains(recorded.Data, withFiles) {
		return events.Event{}, false, nil
	}
	event, err := events.Decode(recorded)
	return event, err == nil, err
}

func (m *Media) apply(ctx context.Context, tx *views.Tx, items []events.Event) error {
	for i := range items {
		if err := m.applyOne(ctx, tx, &items[i]); err != nil {
			return fmt.Errorf("%s: %w", items[i].Type, err)
		}
	}
	return nil
}

func (m *Media) applyOne(ctx context.Context, tx *views.Tx, event *events.Event) error {
	at := event.Meta.OccurredAt
	switch fact := event.Fact.(type) {
	case *events.MediaUploaded:
		return m.upload(ctx, tx, fact, at)
	case *events.MediaSwept:
		return tx.Queue(ctx, `DELETE FROM idle WHERE media = $1`, fact.Media[:])
	case *events.AppRegistered:
		return m.setIcon(ctx, tx, fact.App, fact.Icon, at)
	case *events.AppChanged:
		return m.setIcon(ctx, tx, fact.App, fact.Icon, at)
	case *events.MessageRetracted:
		return m.withdraw(ctx, tx, at, `conversation = $1 AND number = $2`, fact.Conversation[:], int64(min(fact.Number, newest)))
	case *events.UserErased:
		if _, err := m.erased.add(ctx, tx, fact.User, event.Position); err != nil {
			return err
		}
		return m.withdraw(ctx, tx, at, `writer = $1`, fact.User[:])
	}
	if posted, ok := events.PostOf(event.Fact); ok {
		return m.send(ctx, tx, posted, event.Revision)
	}
	return m.move(ctx, tx, event)
}

// move lets people, apps and agents in and out, once each.
func (m *Media) move(ctx context.Context, tx *views.Tx, event *events.Event) error {
	entity, _, err := streamEntity(event)
	if err != nil {
		return err
	}
	if repeat, err := repeated(ctx, tx, entity, lifecycleStream, event.ID); repeat || err != nil {
		return err
	}
	switch fact := event.Fact.(type) {
	case *events.ConversationStarted:
		members := fact.Participants
		if fact.Kind == events.Business {
			members = append(members, fact.Merchant)
		}
		for _, member := range members {
			if err := m.enter(ctx, tx, fact.Conversation, member, 0); err != nil {
				return err
			}
		}
	case *events.ParticipantAdded:
		return m.enter(ctx, tx, fact.Conversation, fact.User, 0)
	case *events.ParticipantRemoved:
		return m.leave(ctx, tx, fact.Conversation, fact.User)
	case *events.AppInstalled:
		if !slices.Contains(fact.Grants, events.ReadMessages) {
			return m.leave(ctx, tx, fact.Conversation, fact.App.ID)
		}
		return m.enter(ctx, tx, fact.Conversation, fact.App.ID, fact.Since)
	case *events.AppRemoved:
		return m.leave(ctx, tx, fact.Conversation, fact.App)
	case *events.AgentAdded:
		return tx.Queue(ctx, `INSERT INTO agents (agent, merchant) VALUES ($1, $2) ON CONFLICT DO NOTHING`, fact.User[:], fact.Merchant[:])
	case *events.AgentRemoved:
		return tx.Queue(ctx, `DELETE FROM agents WHERE agent = $1 AND merchant = $2`, fact.User[:], fact.Merchant[:])
	}
	return nil
}

func (m *Media) enter(ctx context.Context, tx *views.Tx, conversation, member uuid.UUID, since uint64) error {
	return tx.Queue(ctx, `INSERT INTO members (member, conversation, since) VALUES ($1, $2, $3)
		ON CONFLICT (member, conversation) DO UPDATE SET since = excluded.since`, member[:], conversation[:], int64(since))
}

func (m *Media) leave(ctx context.Context, tx *views.Tx, conversation, member uuid.UUID) error {
	return tx.Queue(ctx, `DELETE FROM members WHERE member = $1 AND conversation = $2`, member[:], conversation[:])
}

func (m *Media) upload(ctx context.Context, tx *views.Tx, fact *events.MediaUploaded, at time.Time) error {
	if used, err := m.used(ctx, tx, fact.Media); used || err != nil {
		return err
	}
	return m.idle(ctx, tx, fact.Media, at, fact.KeepUntil)
}

func (m *Media) idle(ctx context.Context, tx *views.Tx, media events.Digest, since, keepUntil time.Time) error {
	return tx.Queue(ctx, `INSERT INTO idle (media, since, keep_until) VALUES ($1, $2, $3)
		ON CONFLICT (media) DO UPDATE SET since = excluded.since,
			keep_until = CASE WHEN excluded.keep_until > idle.keep_until THEN excluded.keep_until ELSE idle.keep_until END`,
		media[:], since.UnixMicro(), keepUntil.UnixMicro())
}

// used tells whether a message has the file, or an app.
func (m *Media) used(ctx context.Context, tx *views.Tx, media events.Digest) (bool, error) {
	var uses int64
	err := tx.QueryRow(ctx, `SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM sendings WHERE media = $1 LIMIT 1) s)
		+ (SELECT COUNT(*) FROM icons WHERE media = $1)`, []any{media[:]}, &uses)
	return uses > 0, err
}

// use takes a file out of idle.
func (m *Media) use(ctx context.Context, tx *views.Tx, media events.Digest) error {
	return tx.Queue(ctx, `DELETE FROM idle WHERE media = $1`, media[:])
}

// release puts a file back if nothing has it any more.
func (m *Media) release(ctx context.Context, tx *views.Tx, media events.Digest, at time.Time) error {
	if used, err := m.used(ctx, tx, media); used || err != nil {
		return err
	}
	return m.idle(ctx, tx, media, at, at)
}

// send notes a message's files. Of somebody who is erased there are none, even
// if the message was under way.
func (m *Media) send(ctx context.Context, tx *views.Tx, posted *events.MessagePosted, number uint64) error {
	writer := posted.Author
	if posted.Forwarded != nil {
		writer = posted.Forwarded.Author
	}
	if gone, err := m.erased.has(ctx, tx, writer); gone || err != nil {
		return err
	}
	for _, file := range posted.Attachments {
		err := tx.Queue(ctx, `INSERT INTO sendings (media, conversation, number, writer) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			file.Media[:], posted.Conversation[:], int64(number), writer[:])
		if err != nil {
			return err
		}
		if err := m.use(ctx, tx, file.Media); err != nil {
			return err
		}
	}
	return nil
}

// withdraw takes files out of the messages that the condition chooses.
func (m *Media) withdraw(ctx context.Context, tx *views.Tx, at time.Time, condition string, args ...any) error {
	files, err := digestsOf(tx.Query(ctx, `SELECT DISTINCT media FROM sendings WHERE `+condition+` ORDER BY media`, args...))
	if err != nil || len(files) == 0 {
		return err
	}
	if err := tx.Queue(ctx, `DELETE FROM sendings WHERE `+condition, args...); err != nil {
		return err
	}
	for _, media := range files {
		if err := m.release(ctx, tx, media, at); err != nil {
			return err
		}
	}
	return nil
}

// digestsOf reads a query's only column.
func digestsOf(rows *views.Rows, err error) ([]events.Digest, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var files []events.Digest
	for rows.Next() {
		var media []byte
		if err := rows.Scan(&media); err != nil {
			return nil, err
		}
		files = append(files, events.Digest(media))
	}
	return files, rows.Err()
}

func (m *Media) setIcon(ctx context.Context, tx *views.Tx, app uuid.UUID, icon *events.Digest, at time.Time) error {
	var before []byte
	err := tx.QueryRow(ctx, `SELECT media FROM icons WHERE app = $1`, []any{app[:]}, &before)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if err := tx.Queue(ctx, `DELETE FROM icons WHERE app = $1`, app[:]); err != nil {
		return err
	}
	if icon != nil {
		if err := tx.Queue(ctx, `INSERT INTO icons (app, media) VALUES ($1, $2)`, app[:], icon[:]); err != nil {
			return err
		}
		if err := m.use(ctx, tx, *icon); err != nil {
			return err
		}
	}
	if before == nil {
		return nil
	}
	return m.release(ctx, tx, events.Digest(before), at)
}

func (m *Media) committed() {}

func (m *Media) reset() { m.erased.reset() }

// Seen tells whether a file was sent where a user or an app sees it.
func (m *Media) Seen(ctx context.Context, media events.Digest, viewer uuid.UUID) (bool, error) {
	var seen bool
	err := m.store.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM sendings s JOIN members v ON v.conversation = s.conversation
		WHERE s.media = $1 AND (v.member = $2 OR v.member IN (SELECT merchant FROM agents WHERE agent = $2)) AND s.number >= v.since)`,
		[]any{media[:], viewer[:]}, &seen)
	return seen, err
}

// Idle is a file that no message has.
type Idle struct {
	Media events.Digest
	// Since is when it was uploaded, or lost its last message.
	Since time.Time
}

// Idle returns up to limit files that no message has had since a time or
// longer, and that need not be kept any more at another.
func (m *Media) Idle(ctx context.Context, since, keepUntil time.Time, limit int) ([]Idle, error) {
	rows, err := m.store.Query(ctx, `SELECT media, since FROM idle WHERE since <= $1 AND keep_until <= $2 ORDER BY keep_until, media LIMIT $3`,
		since.UnixMicro(), keepUntil.UnixMicro(), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []Idle
	for rows.Next() {
		var media []byte
		var unsent int64
		if err := rows.Scan(&media, &unsent); err != nil {
			return nil, err
		}
		found = append(found, Idle{events.Digest(media), time.UnixMicro(unsent).UTC()})
	}
	return found, rows.Err()
}
