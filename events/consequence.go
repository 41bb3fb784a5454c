package events

import (
	"context"
	"errors"
)

// Consequence is what events of one stream lead to in another one: entries to
// be appended there at any revision, or none. It may be called before the events
// are written, but their ids and revisions are known.
type Consequence func([]Event) (stream string, entries []Entry)

// AppendEachThen is AppendEach, at an exact revision, with a consequence. A
// Batcher takes both in one commit, and then both happen or none; another log
// takes one after the other, and so does a Batcher when the consequence cannot
// happen, since what it follows from happened nevertheless. Therefore an error
// that comes with events is that of the consequence alone.
func (j *Journal) AppendEachThen(ctx context.Context, stream string, expected Expected, then Consequence, entries ...Entry) (written, led []Event, err error) {
	j.identify(entries)
	return j.appendThen(ctx, stream, expected, then, entries)
}

func (j *Journal) appendThen(ctx context.Context, stream string, expected Expected, then Consequence, entries []Entry) (written, led []Event, err error) {
	if log, ok := j.Log.(Batcher); ok {
		written, led, err = j.appendTogether(ctx, log, stream, expected, then, entries)
		if !errors.Is(err, ErrForgotten) && !errors.Is(err, ErrStreamDeleted) && !errors.Is(err, ErrTooLarge) {
			return written, led, err
		}
	}
	if written, err = j.append(ctx, stream, expected, entries); err != nil {
		return nil, nil, err
	}
	led, err = j.lead(ctx, written, then)
	return written, led, err
}

// lead appends the consequence of what is written.
func (j *Journal) lead(ctx context.Context, written []Event, then Consequence) ([]Event, error) {
	stream, entries := then(written)
	if len(entries) == 0 {
		return nil, nil
	}
	return j.AppendEach(ctx, stream, Any, entries...)
}

// appendTogether has nothing written if it fails.
func (j *Journal) appendTogether(ctx context.Context, log Batcher, stream string, expected Expected, then Consequence, entries []Entry) (written, led []Event, err error) {
	first, err := j.draft(ctx, stream, expected, entries)
	if err != nil {
		return nil, nil, err
	}
	for i := range first.events {
		first.events[i].Revision = uint64(expected+1) + uint64(i)
	}
	stream, entries = then(first.events)
	if len(entries) == 0 {
		at, err := log.Append(ctx, first.part.Stream, expected, first.part.Events...)
		if err == nil {
			written, err = j.settle(ctx, first, at)
		}
		return written, nil, err
	}
	j.identify(entries)
	second, err := j.draft(ctx, stream, Any, entries)
	if err != nil {
		return nil, nil, err
	}
	// The ids of what follows are made of the ids of what it follows from: it
	// was there before only if that was.
	second.keyed = first.keyed
	places, err := log.AppendAll(ctx, first.part, second.part)
	if err != nil {
		return nil, nil, err
	}
	if written, err = j.settle(ctx, first, places[0]); err != nil {
		return nil, nil, err
	}
	led, err = j.settle(ctx, second, places[1])
	return written, led, err
}
