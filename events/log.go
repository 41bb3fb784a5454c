// Package events is Parley's vocabulary: the facts that can happen, the log
// that keeps them, and the one way to write them. It imports nothing else of
// Parley.
package events

import (
	"context"
	"iter"
	"math"
	"time"

	"github.com/google/uuid"
)

// Log is an append-only store of events, in streams and in one total order.
//
// Durability: when Append returns without an error, its events are on stable
// storage (fsynced) and every later Read, ReadAll and Follow shows them.
// An Append that returns an error may still have happened if the error is
// ErrUnavailable or the context's; repeating it with the same event ids never
// stores them twice.
//
// Atomicity: the events of one Append are stored together or not at all, with
// consecutive revisions, and no reader sees a part of them.
//
// Order: positions rise in the order of commits, without gaps that a reader
// could pass before they are filled. Within a stream, revisions are dense from
// 0 and rise with positions.
//
// Concurrency: all methods may be called from any number of goroutines.
// Sequences hold resources until they end; each ends with its context.
//
// System streams and events, whose names begin with '$', are not shown by
// ReadAll and Follow.
type Log interface {
	// Append adds events to a stream if the stream's last revision is as
	// expected. A repeat, recognised by its event ids, stores nothing and
	// answers with the place of the first time. An append of no events is
	// ErrInvalid.
	//
	// Errors: *WrongRevision, ErrStreamDeleted, ErrTooLarge, ErrInvalid,
	// ErrUnavailable, or the context's.
	Append(ctx context.Context, stream string, expected Expected, events ...Proposed) (Appended, error)

	// Read yields a stream's events from the revision given, itself included,
	// in the direction given; limit 0 means all. A stream that does not exist
	// yields nothing.
	//
	// Errors: ErrStreamDeleted for a tombstoned stream, ErrUnavailable, or
	// the context's; an error is yielded once and last.
	Read(ctx context.Context, stream string, from uint64, direction Direction, limit int) iter.Seq2[Recorded, error]

	// ReadAll yields the log's events after the position given (before it,
	// when backwards), itself excluded; limit 0 means all.
	ReadAll(ctx context.Context, from Position, direction Direction, limit int) iter.Seq2[Recorded, error]

	// Follow yields the events after a position that pass the filter, first
	// those that are there, then those to come, until its context ends. Each
	// time it has yielded all that is known, it yields a mark: a Recorded of
	// which only Position is set and to which IsMark answers true. A mark
	// promises that everything up to its position has been yielded or
	// filtered out; the first one is the caught-up signal.
	//
	// Follow heals by itself: an outage delays it, and is reported by no
	// error. It ends with an error only if going on would skip or repeat
	// events, and with the context's when that is done.
	Follow(ctx context.Context, after Position, filter Filter) iter.Seq2[Recorded, error]
}

// Position is a place in the log's total order. Positions rise strictly but
// not by one; Beginning is before the first event and End after the last.
type Position uint64

const (
	Beginning Position = 0
	End       Position = math.MaxUint64
)

// LastRevision is where a backwards Read starts to begin with the last event.
const LastRevision uint64 = math.MaxUint64

// Direction is the order of a read.
type Direction bool

const (
	Forwards  Direction = false
	Backwards Direction = true
)

// Expected is what a writer believes a stream's last revision to be: a
// revision, by At, or one of the constants.
type Expected int64

const (
	// NoStream expects a stream without events.
	NoStream Expected = -1
	// Any expects nothing.
	Any Expected = -2
	// StreamExists expects at least one event.
	StreamExists Expected = -4
)

// At expects the given last revision.
func At(revision uint64) Expected { return Expected(revision) }

// MaxAppendBytes bounds the data and metadata of one Append, types included,
// as an EventStoreDB server does.
const MaxAppendBytes = 1 << 20

// Proposed is an event as a writer hands it to a log.
type Proposed struct {
	// ID makes a repeat recognisable. It must not be zero.
	ID   uuid.UUID
	Type string
	// Data and Metadata are JSON, Data unless Binary is set.
	Data     []byte
	Metadata []byte
	Binary   bool
}

// Recorded is an event as a log keeps it. Its byte slices are shared and must
// not be changed.
type Recorded struct {
	Position Position
	Stream   string
	Revision uint64
	ID       uuid.UUID
	Type     string
	// Created is when the log took the event, in UTC.
	Created  time.Time
	Data     []byte
	Metadata []byte
	Binary   bool
}

// IsMark tells a mark of Follow from an event.
func (r Recorded) IsMark() bool { return r.Type == "" }

// Appended is where an Append's last event stands.
type Appended struct {
	Position Position
	Revision uint64
	// Created is when the log took it, in UTC; zero from a log that does not
	// answer with it, as an EventStoreDB server does not.
	Created time.Time
}

// Filter chooses events by the beginning of their stream's name. The zero
// Filter passes all.
type Filter struct {
	StreamPrefixes []string
}

// Tip is the position of the log's last event, or Beginning when it is empty.
func Tip(ctx context.Context, log Log) (Position, error) {
	for last, err := range log.ReadAll(ctx, End, Backwards, 1) {
		return last.Position, err
	}
	return Beginning, nil
}
