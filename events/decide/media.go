package decide

import (
	"time"

	"github.com/google/uuid"

	"parley/events"
)

const (
	// UploadKept is how long a file is kept that nobody sends.
	UploadKept = 24 * time.Hour
	// AppUploadKept is how long one is kept that an app uploaded.
	AppUploadKept = 90 * 24 * time.Hour
	// sweepGrace parts the last moment at which an upload may be sent from
	// the first at which it is swept, by more than any message can take to be
	// seen.
	sweepGrace = time.Hour
	// refreshAfter is how old an upload is before the same person's next one
	// of the same file is kept as a fact of its own.
	refreshAfter = time.Hour
)

// Media is what decisions need to know of a file.
type Media struct {
	events.MediaInfo
	// Generation counts how often the file was swept.
	Generation int
	// Uploads tells who brought the file since it was last swept, and how
	// long it is kept for each of them though nobody sends it. It is empty
	// when the bytes are not there.
	Uploads map[uuid.UUID]time.Time
}

// NewMedia is a file before its first fact.
func NewMedia() *Media { return &Media{Uploads: make(map[uuid.UUID]time.Time)} }

// EvolveMedia applies a fact of a file's stream; it changes and returns what
// it is given.
func EvolveMedia(m *Media, fact events.Fact) *Media {
	switch f := fact.(type) {
	case *events.MediaUploaded:
		m.MediaInfo = f.MediaInfo
		m.Uploads[f.By] = f.KeepUntil
	case *events.MediaSwept:
		m.Generation = f.Generation + 1
		clear(m.Uploads)
	}
	return m
}

// Kept tells whether the file's bytes are there.
func (m *Media) Kept() bool { return len(m.Uploads) > 0 }

// Upload is the intent to bring a file whose bytes are stored under its
// digest and the generation it had.
type Upload struct {
	Media      events.Digest
	Generation int
	By         uuid.UUID
	Info       events.MediaInfo
	Now        time.Time
	// Kept is for how long the file is kept though nobody sends it.
	Kept time.Duration
}

// TakeUpload lets anybody bring a file. Bringing it again within the hour
// changes nothing.
func TakeUpload(m *Media, u Upload) ([]events.Fact, error) {
	if m.Generation != u.Generation {
		return nil, SweptMeanwhile()
	}
	until := u.Now.Add(u.Kept)
	if before, ok := m.Uploads[u.By]; ok && until.Sub(before) < refreshAfter {
		return nil, nil
	}
	return []events.Fact{&events.MediaUploaded{
		Media: u.Media, By: u.By, MediaInfo: u.Info, Generation: u.Generation, KeepUntil: until.UTC(),
	}}, nil
}

// SweptMeanwhile is the refusal of an upload whose bytes were stored for a
// generation that is over.
func SweptMeanwhile() error {
	return refuse(Taken, "", "the file was removed while it was uploaded; upload it again")
}

// Sendable refuses a file that the sender has not brought, or not in time.
// seen tells whether it was sent in a conversation that the sender is in.
func Sendable(m *Media, sender uuid.UUID, now time.Time, seen bool) error {
	until, brought := m.Uploads[sender]
	if m.Kept() && (seen || brought && now.Before(until)) {
		return nil
	}
	return refuse(Invalid, "attachments", "there is no such media among yours; upload it first, at most a day before")
}

// Unsendable are the times at and before which a file must have been idle, and
// must have had to be kept, to be swept now.
func Unsendable(now time.Time) (idle, kept time.Time) {
	return now.Add(-UploadKept - sweepGrace), now.Add(-sweepGrace)
}

// Sweep gives up a file. unsent tells since when no message has it.
func Sweep(m *Media, media events.Digest, unsent, now time.Time) ([]events.Fact, error) {
	idle, kept := Unsendable(now)
	if !m.Kept() || unsent.After(idle) {
		return nil, nil
	}
	for _, until := range m.Uploads {
		if until.After(kept) {
			return nil, nil
		}
	}
	return []events.Fact{&events.MediaSwept{Media: media, Generation: m.Generation}}, nil
}

// maxIcon bounds an app's icon, in bytes.
const maxIcon = 1 << 20

// Icon refuses a file that cannot stand beside messages.
func Icon(file events.MediaInfo) error {
	kind := file.Kind()
	if kind != events.ImageMedia && kind != events.AnimationMedia || file.Size > maxIcon {
		return refuse(Invalid, "icon", "must be an image of at most 1 MB")
	}
	return nil
}

// NoFiles is the refusal of files where none are kept.
func NoFiles(field string) error { return refuse(Invalid, field, "files are not kept here") }

// BadFile is the refusal of a file that is not what it claims to be.
func BadFile(reason string) error { return refuse(Invalid, "", "the file %s", reason) }
