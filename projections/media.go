package projections

import (
	"context"
	"time"

	"parley/events"
	"parley/projections/views"
)

// Media is the read model of files: which of them nobody sends.
type Media struct {
	journal *events.Journal
	store   *views.Store
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

// Times are Unix microseconds. A file that a message has is not in idle.
var mediaSchema = views.Schema{
	Name:    MediaName,
	Version: 1,
	Tables: []views.Table{{
		Name: "idle",
		Columns: `media BYTEA NOT NULL,
			since BIGINT NOT NULL,
			keep_until BIGINT NOT NULL`,
		Key: "media",
	}},
	Indexes: []string{`CREATE INDEX IF NOT EXISTS idle_by_end ON idle (keep_until)`},
}

var mediaFacts = kindsOf(new(events.MediaUploaded), new(events.MediaSwept))

func (m *Media) schema() views.Schema { return mediaSchema }

func (m *Media) filter() events.Filter {
	return events.Filter{StreamPrefixes: []string{"media-"}}
}

func (m *Media) prepare(ctx context.Context, recorded events.Recorded) (events.Event, bool, error) {
	return mediaFacts.open(ctx, m.journal, recorded)
}

func (m *Media) apply(ctx context.Context, tx *views.Tx, items []events.Event) error {
	for _, event := range items {
		var err error
		switch fact := event.Fact.(type) {
		case *events.MediaUploaded:
			err = m.upload(ctx, tx, fact, event.Meta.OccurredAt)
		case *events.MediaSwept:
			err = tx.Queue(ctx, `DELETE FROM idle WHERE media = $1`, fact.Media[:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *Media) upload(ctx context.Context, tx *views.Tx, fact *events.MediaUploaded, at time.Time) error {
	err := tx.Queue(ctx, `INSERT INTO idle (media, since, keep_until) VALUES ($1, $2, $3)
		ON CONFLICT (media) DO UPDATE SET since = excluded.since,
			keep_until = CASE WHEN excluded.keep_until > idle.keep_until THEN excluded.keep_until ELSE idle.keep_until END`,
		fact.Media[:], at.UnixMicro(), fact.KeepUntil.UnixMicro())
	return err
}

func (m *Media) committed() {}

func (m *Media) reset() {}

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
