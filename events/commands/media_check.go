package commands

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"parley/events"
	"parley/events/media"
)

// kept finds the files that the log says are kept.
func (l *Library) kept(ctx context.Context) (map[media.Key]bool, error) {
	found := make(map[media.Key]bool)
	for recorded, err := range l.journal.Log.ReadAll(ctx, events.Beginning, events.Forwards, 0) {
		if err != nil {
			return nil, err
		}
		if recorded.Type != uploadedType && recorded.Type != sweptType {
			continue
		}
		event, err := events.Decode(recorded)
		if err != nil {
			return nil, err
		}
		switch fact := event.Fact.(type) {
		case *events.MediaUploaded:
			found[media.Key{Media: fact.Media, Generation: fact.Generation}] = true
		case *events.MediaSwept:
			delete(found, media.Key{Media: fact.Media, Generation: fact.Generation})
		}
	}
	return found, nil
}

var (
	uploadedType = events.TypeOf(new(events.MediaUploaded))
	sweptType    = events.TypeOf(new(events.MediaSwept))
)

// Verify reads every file that the log says is kept, reports those that are
// missing or not what their digest says, and returns how many there are.
func (l *Library) Verify(ctx context.Context, report func(finding string)) (int, error) {
	kept, err := l.kept(ctx)
	if err != nil {
		return 0, err
	}
	for key := range kept {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		digest, err := l.digest(ctx, key)
		switch {
		case errors.Is(err, media.ErrNotFound):
			report(fmt.Sprintf("the file %s is missing", key.Media))
		case err != nil:
			report(fmt.Sprintf("the file %s cannot be read: %v", key.Media, err))
		case digest != key.Media:
			report(fmt.Sprintf("the file %s holds other bytes than its name says", key.Media))
		}
	}
	return len(kept), nil
}

func (l *Library) digest(ctx context.Context, key media.Key) (events.Digest, error) {
	blob, err := l.store.Open(ctx, key)
	if err != nil {
		return events.Digest{}, err
	}
	defer blob.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, blob); err != nil {
		return events.Digest{}, err
	}
	return events.Digest(sum.Sum(nil)), nil
}
