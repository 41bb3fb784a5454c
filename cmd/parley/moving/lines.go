package moving

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/vault"
)

// An export is JSON lines: a header, the vault's keys, the events in order,
// and an end by which a reader knows that nothing is missing.
type line struct {
	Header *header           `json:"parley,omitempty"`
	Key    *vault.WrappedKey `json:"key,omitempty"`
	Event  *exported         `json:"event,omitempty"`
	End    *end              `json:"end,omitempty"`
}

const exportFormat = 1

type header struct {
	Format int `json:"format"`
	// Keys tells whether the vault's keys travel along.
	Keys bool `json:"keys"`
}

type end struct {
	Events uint64 `json:"events"`
	Keys   int    `json:"keys"`
	Digest string `json:"digest"`
}

func (e *end) String() string {
	return fmt.Sprintf("%d events and %d keys with the digest %s", e.Events, e.Keys, e.Digest)
}

// exported is an event. Data and metadata stand as JSON where that gives the
// very bytes back, and as base64 otherwise.
type exported struct {
	Position    events.Position `json:"position"`
	Stream      string          `json:"stream"`
	Revision    uint64          `json:"revision"`
	ID          uuid.UUID       `json:"id"`
	Type        string          `json:"type"`
	Created     time.Time       `json:"created"`
	Binary      bool            `json:"binary,omitempty"`
	Data        json.RawMessage `json:"data,omitempty"`
	DataB64     []byte          `json:"dataBase64,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	MetadataB64 []byte          `json:"metadataBase64,omitempty"`
}

func exportEvent(r events.Recorded) *exported {
	e := &exported{
		Position: r.Position, Stream: r.Stream, Revision: r.Revision,
		ID: r.ID, Type: r.Type, Created: r.Created, Binary: r.Binary,
	}
	e.Data, e.DataB64 = split(r.Data)
	e.Metadata, e.MetadataB64 = split(r.Metadata)
	return e
}

func split(value []byte) (json.RawMessage, []byte) {
	var compact bytes.Buffer
	if json.Compact(&compact, value) == nil && bytes.Equal(compact.Bytes(), value) {
		return value, nil
	}
	return nil, value
}

func (e *exported) recorded() events.Recorded {
	join := func(plain json.RawMessage, encoded []byte) []byte {
		if plain != nil {
			return plain
		}
		return encoded
	}
	return events.Recorded{
		Position: e.Position, Stream: e.Stream, Revision: e.Revision,
		ID: e.ID, Type: e.Type, Created: e.Created, Binary: e.Binary,
		Data: join(e.Data, e.DataB64), Metadata: join(e.Metadata, e.MetadataB64),
	}
}

// Export writes a log and the keys of its vault as JSON lines; without keys,
// personal values stay unreadable wherever the export goes. It returns the
// digest of the events written.
func Export(ctx context.Context, log events.Log, keys iter.Seq2[vault.WrappedKey, error], w io.Writer, progress func(uint64)) (*Digest, error) {
	buffered := bufio.NewWriterSize(w, 1<<20)
	out := json.NewEncoder(buffered)
	out.SetEscapeHTML(false)
	if err := out.Encode(line{Header: &header{exportFormat, keys != nil}}); err != nil {
		return nil, err
	}
	last := end{}
	if keys != nil {
		for key, err := range keys {
			if err != nil {
				return nil, fmt.Errorf("reading the vault: %w", err)
			}
			if err := out.Encode(line{Key: &key}); err != nil {
				return nil, err
			}
			last.Keys++
		}
	}
	digest := NewDigest()
	for recorded, err := range log.ReadAll(ctx, events.Beginning, events.Forwards, 0) {
		if err != nil {
			return nil, fmt.Errorf("reading the log: %w", err)
		}
		if err := out.Encode(line{Event: exportEvent(recorded)}); err != nil {
			return nil, err
		}
		digest.Add(recorded)
		progress(digest.Count())
	}
	last.Events, last.Digest = digest.Count(), digest.String()
	if err := out.Encode(line{End: &last}); err != nil {
		return nil, err
	}
	return digest, buffered.Flush()
}

// ErrIncomplete: an export ends before its end, or is not one.
var ErrIncomplete = errors.New("this is not a whole export")

// Lines reads an export. Keys come before events; call Keys first, if they are
// wanted.
type Lines struct {
	in     *json.Decoder
	ahead  *line // read, but not taken yet
	keys   int
	digest *Digest
	// HasKeys tells whether the vault's keys travel along.
	HasKeys bool
}

// OpenLines reads an export's header.
func OpenLines(r io.Reader) (*Lines, error) {
	l := &Lines{in: json.NewDecoder(bufio.NewReaderSize(r, 1<<20)), digest: NewDigest()}
	first, err := l.next()
	if err != nil {
		return nil, err
	}
	if first.Header == nil {
		return nil, fmt.Errorf("%w: its first line is no header", ErrIncomplete)
	}
	if first.Header.Format != exportFormat {
		return nil, fmt.Errorf("the export has format %d and this program reads %d", first.Header.Format, exportFormat)
	}
	l.HasKeys = first.Header.Keys
	return l, nil
}

func (l *Lines) next() (line, error) {
	if l.ahead != nil {
		taken := *l.ahead
		l.ahead = nil
		return taken, nil
	}
	var read line
	err := l.in.Decode(&read)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return line{}, fmt.Errorf("%w: it stops after %d events", ErrIncomplete, l.digest.Count())
	}
	if err != nil {
		return line{}, fmt.Errorf("after %d events: %w", l.digest.Count(), err)
	}
	return read, nil
}

// Keys yields the vault's keys.
func (l *Lines) Keys() iter.Seq2[vault.WrappedKey, error] {
	return func(yield func(vault.WrappedKey, error) bool) {
		for {
			read, err := l.next()
			if err != nil {
				yield(vault.WrappedKey{}, err)
				return
			}
			if read.Key == nil {
				l.ahead = &read
				return
			}
			l.keys++
			if !yield(*read.Key, nil) {
				return
			}
		}
	}
}

// Events yields the events in order. It ends without an error only if all
// that was exported came, unchanged.
func (l *Lines) Events() iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		for {
			read, err := l.next()
			switch {
			case err != nil:
				yield(events.Recorded{}, err)
				return
			case read.Key != nil:
				l.keys++
			case read.Event != nil:
				recorded := read.Event.recorded()
				l.digest.Add(recorded)
				if !yield(recorded, nil) {
					return
				}
			case read.End != nil:
				if want := (end{l.digest.Count(), l.keys, l.digest.String()}); *read.End != want {
					yield(events.Recorded{}, fmt.Errorf("%w: its last line counts %s, but it holds %s", ErrIncomplete, read.End, &want))
				}
				return
			default:
				yield(events.Recorded{}, fmt.Errorf("%w: a line is neither key, event nor end", ErrIncomplete))
				return
			}
		}
	}
}

// Import appends an export's events to a log, and returns the digest that the
// export and the log share. Events that are there already are recognised by
// their ids, so an import that was stopped can be run again.
func Import(ctx context.Context, l *Lines, to events.Log, progress func(uint64)) (*Digest, error) {
	c := copier{to: newTarget(to), progress: progress}
	if err := c.run(ctx, l.Events()); err != nil {
		return nil, err
	}
	arrived, err := DigestLog(ctx, to, events.End)
	if err != nil {
		return nil, err
	}
	if arrived.String() != l.digest.String() {
		return nil, fmt.Errorf("%w: %d events with digest %s in the export, %d with %s in the log",
			ErrDiffers, l.digest.Count(), l.digest, arrived.Count(), arrived)
	}
	return arrived, nil
}
