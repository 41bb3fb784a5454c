package esdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"

	"parley/events"
)

// Append implements events.Log. The server knows a repeat with an exact
// revision for ever, one with Any as long as it remembers the ids.
func (l *Log) Append(ctx context.Context, stream string, expected events.Expected, proposed ...events.Proposed) (events.Appended, error) {
	data, err := eventData(stream, proposed)
	if err != nil {
		return events.Appended{}, err
	}
	revision, err := expectedRevision(expected)
	if err != nil {
		return events.Appended{}, err
	}
	options := client.AppendToStreamOptions{ExpectedRevision: revision, Deadline: &l.deadline}
	written, err := call(ctx, l, func(ctx context.Context, c *client.Client) (*client.WriteResult, error) {
		return c.AppendToStream(ctx, stream, options, data...)
	})
	switch {
	case err == nil && written.CommitPosition > 0:
		return events.Appended{Position: events.Position(written.CommitPosition), Revision: written.NextExpectedVersion}, nil
	case err == nil:
		return l.appendedAt(ctx, stream, written.NextExpectedVersion)
	case hasCode(err, client.ErrorCodeWrongExpectedVersion):
		return events.Appended{}, l.wrongRevision(ctx, stream, expected)
	case errors.Is(err, io.EOF):
		return events.Appended{}, l.brokenOff(ctx, stream, err)
	}
	return events.Appended{}, err
}

// appendedAt looks up the position of an event that a repeat was recognised by,
// which the server may leave out of its answer.
func (l *Log) appendedAt(ctx context.Context, stream string, revision uint64) (events.Appended, error) {
	for event, err := range l.Read(ctx, stream, revision, events.Forwards, 1) {
		if err != nil {
			return events.Appended{}, fmt.Errorf("reading back revision %d of %s: %w", revision, stream, err)
		}
		if event.Revision == revision {
			return events.Appended{Position: event.Position, Revision: revision}, nil
		}
	}
	return events.Appended{Revision: revision}, nil
}

// wrongRevision reads the stream's last revision, which the client keeps to
// itself.
func (l *Log) wrongRevision(ctx context.Context, stream string, expected events.Expected) error {
	wrong := &events.WrongRevision{Stream: stream, Expected: expected, Actual: events.NoStream}
	for last, err := range l.Read(ctx, stream, events.LastRevision, events.Backwards, 1) {
		if err != nil {
			return fmt.Errorf("reading the last revision of %s after a conflict: %w", stream, err)
		}
		wrong.Actual = events.At(last.Revision)
	}
	return wrong
}

// brokenOff finds out why the server stopped listening in mid-append, for the
// client loses its answer: the stream may be deleted.
func (l *Log) brokenOff(ctx context.Context, stream string, cause error) error {
	for _, err := range l.Read(ctx, stream, events.LastRevision, events.Backwards, 1) {
		if errors.Is(err, events.ErrStreamDeleted) {
			return err
		}
	}
	return cause
}

func expectedRevision(expected events.Expected) (client.ExpectedRevision, error) {
	switch expected {
	case events.Any:
		return client.Any{}, nil
	case events.NoStream:
		return client.NoStream{}, nil
	case events.StreamExists:
		return client.StreamExists{}, nil
	}
	if expected < 0 {
		return nil, fmt.Errorf("%w: expected revision %d", events.ErrInvalid, int64(expected))
	}
	return client.Revision(uint64(expected)), nil
}

// eventData checks an append before anything is sent: a server that refuses
// one half-way leaves the client without an answer.
func eventData(stream string, proposed []events.Proposed) ([]client.EventData, error) {
	switch {
	case stream == "":
		return nil, fmt.Errorf("%w: a stream needs a name", events.ErrInvalid)
	case !utf8.ValidString(stream):
		return nil, fmt.Errorf("%w: the stream's name is not UTF-8", events.ErrInvalid)
	case len(proposed) == 0:
		return nil, fmt.Errorf("%w: no events for %s", events.ErrInvalid, stream)
	}
	size := 0
	data := make([]client.EventData, len(proposed))
	for i, event := range proposed {
		switch {
		case event.ID == uuid.Nil:
			return nil, fmt.Errorf("%w: event %d for %s has no id", events.ErrInvalid, i, stream)
		case event.Type == "" || !utf8.ValidString(event.Type):
			return nil, fmt.Errorf("%w: event %d for %s has the type %q", events.ErrInvalid, i, stream, event.Type)
		}
		size += len(event.Data) + len(event.Metadata) + 2*utf16Length(event.Type)
		data[i] = client.EventData{
			EventID:     event.ID,
			EventType:   event.Type,
			ContentType: client.ContentTypeJson,
			Data:        event.Data,
			Metadata:    event.Metadata,
		}
		if event.Binary {
			data[i].ContentType = client.ContentTypeBinary
		}
	}
	if size > events.MaxAppendBytes {
		return nil, fmt.Errorf("%w: %d bytes for %s, at most %d", events.ErrTooLarge, size, stream, events.MaxAppendBytes)
	}
	return data, nil
}

// utf16Length counts as the server does, which keeps types as UTF-16.
func utf16Length(s string) int {
	length := 0
	for _, r := range s {
		length += utf16.RuneLen(r)
	}
	return length
}
