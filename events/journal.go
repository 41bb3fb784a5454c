package events

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/google/uuid"
)

// Journal writes facts to a log and reads them back: it seals personal values,
// encodes, and stamps each event with its id and metadata. Its fields are set
// once, before its first use.
type Journal struct {
	Log   Log
	Keys  Keys
	Now   func() time.Time
	NewID func() uuid.UUID
}

// Event is a recorded fact with its metadata.
type Event struct {
	Recorded
	Meta Metadata
	Fact Fact
}

// ErrKeyReused: the idempotency key was used before, for something else.
var ErrKeyReused = errors.New("this idempotency key was already used for a different request")

// Decode reads an event as the log keeps it. Its personal values stay sealed
// until Open. It fails with ErrUnknownFact for names and versions that the
// catalogue lacks.
func Decode(recorded Recorded) (Event, error) {
	meta, err := DecodeMetadata(recorded.Metadata)
	if err != nil {
		return Event{}, fmt.Errorf("event %d of %s: %w", recorded.Revision, recorded.Stream, err)
	}
	fact, err := decodeFact(recorded.Type, meta.Version, recorded.Data)
	if err != nil {
		return Event{}, fmt.Errorf("event %d of %s: %w", recorded.Revision, recorded.Stream, err)
	}
	return Event{Recorded: recorded, Meta: meta, Fact: fact}, nil
}

// Open decrypts an event's personal values; those whose owner was forgotten
// are marked so.
func (j *Journal) Open(ctx context.Context, event Event) error {
	return open(ctx, j.Keys, event.ID, event.Fact)
}

// Opens tells whether an event's personal values can be opened still, which it
// leaves as they are.
func (j *Journal) Opens(ctx context.Context, event Event) (bool, error) {
	for _, secret := range event.Fact.secrets() {
		if secret.sealed == nil {
			continue
		}
		_, err := j.Keys.Open(ctx, secret.owner, event.ID, secret.sealed)
		if errors.Is(err, ErrForgotten) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("opening a value of %s: %w", secret.owner, err)
		}
	}
	return true, nil
}

// Append writes facts to a stream and returns them as recorded. With an
// idempotency key, a repeat writes nothing and returns what the first time
// wrote; ErrKeyReused if that was something else.
//
// Errors are the Log's and the vault's.
func (j *Journal) Append(ctx context.Context, stream string, expected Expected, cause Cause, facts ...Fact) ([]Event, error) {
	return j.append(ctx, stream, expected, j.entries(cause, facts))
}

// entries are facts with one cause.
func (j *Journal) entries(cause Cause, facts []Fact) []Entry {
	entries := make([]Entry, len(facts))
	for i, id := range cause.ids(len(facts), j.NewID) {
		if cause.Correlation == "" {
			cause.Correlation = id.String()
		}
		entries[i] = Entry{Cause: cause, Fact: facts[i], id: id}
	}
	return entries
}

// Entry is one fact with a cause of its own.
type Entry struct {
	Cause
	Fact Fact

	id uuid.UUID
}

// AppendEach is Append for facts that were caused one by one, as history that
// is imported.
func (j *Journal) AppendEach(ctx context.Context, stream string, expected Expected, entries ...Entry) ([]Event, error) {
	j.identify(entries)
	return j.append(ctx, stream, expected, entries)
}

// identify gives each entry an id of its own.
func (j *Journal) identify(entries []Entry) {
	for i := range entries {
		entry := &entries[i]
		entry.id = entry.ids(1, j.NewID)[0]
		if entry.Correlation == "" {
			entry.Correlation = entry.id.String()
		}
	}
}

func (j *Journal) append(ctx context.Context, stream string, expected Expected, entries []Entry) ([]Event, error) {
	d, err := j.draft(ctx, stream, expected, entries)
	if err != nil {
		return nil, err
	}
	appended, err := j.Log.Append(ctx, stream, expected, d.part.Events...)
	if err != nil {
		return nil, err
	}
	return j.settle(ctx, d, appended)
}

// draft is an append that has yet to happen.
type draft struct {
	part   Part
	events []Event
	// keyed: this may be a repeat.
	keyed bool
}

func (j *Journal) draft(ctx context.Context, stream string, expected Expected, entries []Entry) (draft, error) {
	d := draft{part: Part{Stream: stream, Expected: expected, Events: make([]Proposed, len(entries))}, events: make([]Event, len(entries))}
	for i, entry := range entries {
		var err error
		if d.events[i], err = j.prepare(ctx, stream, entry); err != nil {
			return d, err
		}
		e := d.events[i].Recorded
		d.part.Events[i] = Proposed{ID: e.ID, Type: e.Type, Data: e.Data, Metadata: e.Metadata}
		d.keyed = d.keyed || entry.IdempotencyKey != ""
	}
	return d, nil
}

// settle returns a draft's events as they are recorded. Without a key, Created
// is as much as the append answered with.
func (j *Journal) settle(ctx context.Context, d draft, at Appended) ([]Event, error) {
	first := at.Revision + 1 - uint64(len(d.events))
	if d.keyed {
		return j.readBack(ctx, d.part.Stream, first, d.events)
	}
	for i := range d.events {
		d.events[i].Revision = first + uint64(i)
		d.events[i].Position, d.events[i].Created = at.Position, at.Created
	}
	return d.events, nil
}

// prepare seals and encodes a fact. Its position and revision are still open.
func (j *Journal) prepare(ctx context.Context, stream string, entry Entry) (Event, error) {
	now := j.Now().UTC()
	if entry.OccurredAt.IsZero() {
		entry.OccurredAt = now
	}
	if err := seal(ctx, j.Keys, entry.id, entry.Fact); err != nil {
		return Event{}, err
	}
	form := shapeByType[reflect.TypeOf(entry.Fact)]
	data, err := json.Marshal(entry.Fact)
	if err != nil {
		return Event{}, fmt.Errorf("encoding %s: %w", form.name, err)
	}
	meta := Metadata{
		Correlation: entry.Correlation,
		Causation:   entry.Causation,
		Actor:       entry.Actor,
		OccurredAt:  entry.OccurredAt.UTC().Round(0), // as it is read back
		Version:     form.version,
	}
	metadata, err := json.Marshal(meta)
	if err != nil {
		return Event{}, fmt.Errorf("encoding the metadata of %s: %w", form.name, err)
	}
	recorded := Recorded{Stream: stream, ID: entry.id, Type: form.name, Created: now, Data: data, Metadata: metadata}
	return Event{Recorded: recorded, Meta: meta, Fact: entry.Fact}, nil
}

// readBack returns the events that a keyed append found or left in the log,
// which are the first time's if this was a repeat.
func (j *Journal) readBack(ctx context.Context, stream string, first uint64, asked []Event) ([]Event, error) {
	stored := make([]Event, 0, len(asked))
	for recorded, err := range j.Log.Read(ctx, stream, first, Forwards, len(asked)) {
		if err != nil {
			return nil, err
		}
		event, err := j.recognise(ctx, recorded, asked[len(stored)])
		if err != nil {
			return nil, err
		}
		stored = append(stored, event)
	}
	if !sameFacts(stored, asked) {
		return nil, ErrKeyReused
	}
	return stored, nil
}

// recognise reads an event, unless it is byte for byte the one that was asked
// for, as it is when this was no repeat.
func (j *Journal) recognise(ctx context.Context, recorded Recorded, asked Event) (Event, error) {
	if recorded.ID == asked.ID && bytes.Equal(recorded.Data, asked.Data) && bytes.Equal(recorded.Metadata, asked.Metadata) {
		asked.Recorded = recorded
		return asked, nil
	}
	event, err := Decode(recorded)
	if err != nil {
		return Event{}, err
	}
	return event, j.Open(ctx, event)
}

func sameFacts(stored, asked []Event) bool {
	if len(stored) != len(asked) {
		return false
	}
	for i := range asked {
		if stored[i].ID != asked[i].ID || !sameFact(stored[i].Fact, asked[i].Fact) {
			return false
		}
	}
	return true
}

// sameFact compares what was said, not how it was sealed.
func sameFact(a, b Fact) bool {
	return reflect.DeepEqual(plain(a), plain(b))
}

func plain(fact Fact) Fact {
	original := reflect.ValueOf(fact).Elem()
	clone := reflect.New(original.Type())
	clone.Elem().Set(original)
	copied := clone.Interface().(Fact)
	for _, secret := range copied.secrets() {
		secret.sealed = nil
	}
	return copied
}

// History yields a stream's facts in order, from a revision on, with personal
// values still sealed.
func (j *Journal) History(ctx context.Context, stream string, from uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for recorded, err := range j.Log.Read(ctx, stream, from, Forwards, 0) {
			if err != nil {
				yield(Event{}, err)
				return
			}
			event, err := Decode(recorded)
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Fact reads one event of a stream and opens it. The boolean is false if there
// is no such revision.
func (j *Journal) Fact(ctx context.Context, stream string, revision uint64) (Event, bool, error) {
	recorded, found, err := j.Recorded(ctx, stream, revision)
	if !found || err != nil {
		return Event{}, false, err
	}
	event, err := Decode(recorded)
	if err != nil {
		return Event{}, false, err
	}
	return event, true, j.Open(ctx, event)
}

// Recorded reads one event of a stream as the log keeps it. The boolean is
// false if there is no such revision.
func (j *Journal) Recorded(ctx context.Context, stream string, revision uint64) (Recorded, bool, error) {
	for recorded, err := range j.Log.Read(ctx, stream, revision, Forwards, 1) {
		return recorded, err == nil && recorded.Revision == revision, err
	}
	return Recorded{}, false, nil
}
