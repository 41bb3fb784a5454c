package node

import (
	"math"
	"time"

	"parley/events"
)

// Names the protocol gives a meaning to.
const (
	// AllStream is the name under which clients address the whole log; it is
	// no stream and cannot be written to.
	AllStream = "$all"
	// MetastreamPrefix before a stream's name makes its metadata's stream.
	MetastreamPrefix = "$$"

	TypeMetadata      = "$metadata"
	TypeStreamDeleted = "$streamDeleted"
	TypeLink          = "$>"

	// TombstoneRevision is the revision of the event that tombstones a stream,
	// and the $tb of a soft-deleted one.
	TombstoneRevision = math.MaxInt64
)

// Status is how the node decided a write.
type Status uint8

const (
	// Written: the events are stored.
	Written Status = iota + 1
	// Repeated: the events were stored earlier; nothing was written.
	Repeated
	// Conflict: the stream is not at the revision expected.
	Conflict
	// Deleted: the stream is tombstoned, or it was expected to exist and is
	// soft-deleted.
	Deleted
)

// Outcome is the node's answer to a write that was decided. It is given only
// after everything it speaks of is on stable storage.
type Outcome struct {
	Status Status
	// First and Last are the revisions of the first and the last event that
	// was written, or that the repeat was recognised by. An append of no
	// events and a delete have both at Current.
	First, Last int64
	// Position is the last event's (of a delete, the metadata event's);
	// Beginning if there is none.
	Position events.Position
	// Created is when the log took the last event of an append.
	Created time.Time
	// Hidden: the repeat's last event can no longer be read, because its
	// stream was truncated or deleted since.
	Hidden bool
	// Current is the stream's last revision before the write, -1 if it has no
	// events; with Conflict it is the actual revision. A soft-deleted stream
	// keeps its last revision.
	Current int64
}

// StreamStatus tells apart the streams that have nothing to show.
type StreamStatus uint8

const (
	// Absent: no event was ever written.
	Absent StreamStatus = iota
	// Found: the stream exists; it may still have no visible event.
	Found
	// SoftDeleted: deleted, and recreated by the next write.
	SoftDeleted
	// Tombstoned: deleted for good; also the metastream of such a stream.
	Tombstoned
)

// StreamState is a stream as it stood when the log's tip was Tip.
type StreamState struct {
	Status StreamStatus
	// First is the first visible revision by $tb, $maxCount and $maxAge. It
	// is above Last if none is visible.
	First int64
	// Last is the last revision written, visible or not; -1 if there is none.
	Last int64
	Tip  events.Position
}
