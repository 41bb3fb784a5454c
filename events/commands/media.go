package commands

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/events/media"
)

const (
	recentMedia = 20_000
	// incomingUploads bounds how many files are taken in at a time; others
	// wait.
	incomingUploads = 32
)

// ErrUploadTooLarge: the file has more than media.MaxBytes.
var ErrUploadTooLarge = errors.New("the file is too large")

// Sightings knows which files were sent where.
type Sightings interface {
	// Seen tells whether a file was sent where a user or an app sees it.
	Seen(ctx context.Context, media events.Digest, viewer uuid.UUID) (bool, error)
}

// Library keeps the files that people and apps bring: their bytes in a store,
// and who brought them in the log. Its methods may be called from any number
// of goroutines.
type Library struct {
	// Sightings lets files be sent again that were sent before. It may be nil,
	// and is set before the first use.
	Sightings Sightings

	journal *events.Journal
	store   media.Store
	files   *events.States[*decide.Media]
	slots   chan struct{}
}

// NewLibrary makes the library of a journal and a store.
func NewLibrary(journal *events.Journal, store media.Store) *Library {
	return &Library{
		journal: journal,
		store:   store,
		files:   events.NewStates(journal, recentMedia, decide.NewMedia, decide.EvolveMedia),
		slots:   make(chan struct{}, incomingUploads),
	}
}

// File is what the log has of a file.
type File struct {
	media.Key
	events.MediaInfo
	// Kept tells whether its bytes are there.
	Kept bool
	// Brought tells whether whoever asks has uploaded it, and Until how long
	// it is kept for them though nobody sends it.
	Brought bool
	Until   time.Time
}

// Upload takes a file in for a user or an app, to be kept for a while though
// nobody sends it, and returns it as the log then has it, with the
// MediaUploaded event; there is none if the same file was brought by the same
// person within the hour.
//
// Errors: ErrUploadTooLarge, media.ErrUnavailable and those of the body
// besides the usual.
func (l *Library) Upload(ctx context.Context, cause events.Cause, by uuid.UUID, kept time.Duration, body io.Reader) (File, []events.Event, error) {
	return l.UploadChecked(ctx, cause, by, kept, body, func(events.MediaInfo) error { return nil })
}

// UploadChecked is Upload for files that accept does not refuse, knowing what
// they are; of those that it refuses nothing is kept.
func (l *Library) UploadChecked(ctx context.Context, cause events.Cause, by uuid.UUID, kept time.Duration, body io.Reader, accept func(events.MediaInfo) error) (File, []events.Event, error) {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
		return File{}, nil, ctx.Err()
	}
	upload := decide.Upload{By: by, Kept: kept}
	if err := l.takeIn(ctx, &upload, body, accept); err != nil {
		return File{}, nil, err
	}
	// The same bytes are the same upload, whatever key it comes with.
	cause.IdempotencyKey = ""
	upload.Now = l.journal.Now()
	written, err := events.Transact(ctx, l.files, events.MediaStream(upload.Media), cause,
		func(state *decide.Media) ([]events.Fact, error) { return decide.TakeUpload(state, upload) })
	if err != nil {
		return File{}, nil, err
	}
	file, err := l.File(ctx, upload.Media, by)
	return file, written, err
}

// takeIn stores a body's bytes and completes the upload with what they are.
func (l *Library) takeIn(ctx context.Context, upload *decide.Upload, body io.Reader, accept func(events.MediaInfo) error) (err error) {
	file, err := l.store.Incoming()
	if err != nil {
		return unavailable(err)
	}
	defer func() { err = errors.Join(err, media.Discard(file)) }()
	sum, source := sha256.New(), &source{Reader: body}
	size, err := io.Copy(io.MultiWriter(file, sum), io.LimitReader(source, media.MaxBytes+1))
	switch {
	case source.fault != nil:
		return source.fault
	case err != nil:
		return unavailable(err)
	case size > media.MaxBytes:
		return ErrUploadTooLarge
	case size == 0:
		return decide.BadFile("is empty")
	}
	upload.Info, err = media.Inspect(io.NewSectionReader(file, 0, size))
	if damage := (*media.Damage)(nil); errors.As(err, &damage) {
		return decide.BadFile(damage.Reason)
	}
	if err != nil {
		return err
	}
	upload.Info.Size = size
	if err := accept(upload.Info); err != nil {
		return err
	}
	upload.Media = events.Digest(sum.Sum(nil))
	before, err := l.File(ctx, upload.Media, upload.By)
	if err != nil {
		return err
	}
	upload.Generation = before.Generation
	// Bytes that are there already are put again, which mends a store that
	// has lost them.
	if err := l.store.Put(ctx, before.Key, file); err != nil {
		return unavailable(err)
	}
	return nil
}

// source tells a fault of the body from one of the store.
type source struct {
	io.Reader
	fault error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.fault = err
	}
	return n, err
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", media.ErrUnavailable, err) }

// File looks a file up for somebody.
func (l *Library) File(ctx context.Context, file events.Digest, by uuid.UUID) (File, error) {
	found := File{Key: media.Key{Media: file}}
	_, err := l.files.With(ctx, events.MediaStream(file), func(state *decide.Media) error {
		found.Generation = state.Generation
		found.MediaInfo = state.MediaInfo
		found.Kept = state.Kept()
		found.Until, found.Brought = state.Uploads[by]
		return nil
	})
	return found, err
}

// Visible is File for whoever may read it: who has brought it, and who sees a
// message that has it. The others are told media.ErrNotFound, as if there were
// none.
func (l *Library) Visible(ctx context.Context, file events.Digest, viewer uuid.UUID) (File, error) {
	found, err := l.File(ctx, file, viewer)
	if err != nil {
		return File{}, err
	}
	visible := found.Brought
	if found.Kept && !visible {
		if visible, err = l.seen(ctx, file, viewer); err != nil {
			return File{}, err
		}
	}
	if !found.Kept || !visible {
		return File{}, media.ErrNotFound
	}
	return found, nil
}

func (l *Library) seen(ctx context.Context, file events.Digest, viewer uuid.UUID) (bool, error) {
	if l.Sightings == nil {
		return false, nil
	}
	return l.Sightings.Seen(ctx, file, viewer)
}

// sendable refuses a file that somebody may not send, and tells what it is.
func (l *Library) sendable(ctx context.Context, file events.Digest, sender uuid.UUID) (events.MediaInfo, error) {
	found, err := l.File(ctx, file, sender)
	if err != nil {
		return events.MediaInfo{}, err
	}
	seen := false
	if found.Kept && !(found.Brought && l.journal.Now().Before(found.Until)) {
		if seen, err = l.seen(ctx, file, sender); err != nil {
			return events.MediaInfo{}, err
		}
	}
	_, err = l.files.With(ctx, events.MediaStream(file), func(state *decide.Media) error {
		return decide.Sendable(state, sender, l.journal.Now(), seen)
	})
	return found.MediaInfo, err
}

// Open opens a file's bytes. It fails with media.ErrNotFound if they are not
// kept, and with media.ErrUnavailable.
func (l *Library) Open(ctx context.Context, file File) (media.Blob, error) {
	if !file.Kept {
		return nil, media.ErrNotFound
	}
	blob, err := l.store.Open(ctx, file.Key)
	if err != nil && !errors.Is(err, media.ErrNotFound) {
		err = unavailable(err)
	}
	return blob, err
}

// Check tells whether files can be stored and read now.
func (l *Library) Check(ctx context.Context) error { return l.store.Check(ctx) }

// sweeper is who acts when files are swept.
const sweeper = "sweeper"

// Sweep gives up a file that no message has had since a time, if it is time
// to, and deletes its bytes. It tells whether it did.
func (l *Library) Sweep(ctx context.Context, file events.Digest, unsent time.Time) (bool, error) {
	written, err := events.Transact(ctx, l.files, events.MediaStream(file), events.Cause{Actor: sweeper},
		func(state *decide.Media) ([]events.Fact, error) {
			return decide.Sweep(state, file, unsent, l.journal.Now())
		})
	if err != nil || len(written) == 0 {
		return false, err
	}
	swept := written[0].Fact.(*events.MediaSwept)
	return true, l.store.Delete(ctx, media.Key{Media: file, Generation: swept.Generation})
}

// SweepStrays deletes bytes of which the log knows nothing, as a crash can
// leave behind, once they are a day old. It returns how many there were.
func (l *Library) SweepStrays(ctx context.Context) (int, error) {
	count := 0
	for stored, err := range l.store.List(ctx) {
		if err != nil {
			return count, err
		}
		if l.journal.Now().Sub(stored.Written) < decide.UploadKept {
			continue
		}
		file, err := l.File(ctx, stored.Media, uuid.Nil)
		if err != nil {
			return count, err
		}
		if file.Kept && file.Generation == stored.Generation || stored.Generation > file.Generation {
			continue
		}
		if err := l.store.Delete(ctx, stored.Key); err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}
