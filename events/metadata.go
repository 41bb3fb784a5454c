package events

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Metadata stands beside every fact. $correlationId and $causationId are the
// names that EventStoreDB's own tools follow.
type Metadata struct {
	// Correlation is shared by all that came of one request.
	Correlation string `json:"$correlationId,omitempty"`
	// Causation is the id of the event that led to this one.
	Causation string `json:"$causationId,omitempty"`
	// Actor is who did it: a user's id, or the name of an operator or tool.
	Actor string `json:"actor"`
	// OccurredAt is when it happened, in UTC. For imported history it lies
	// before the time at which the log took the event.
	OccurredAt time.Time `json:"occurredAt"`
	// Version is the shape in which the fact is stored.
	Version int `json:"v"`
}

// DecodeMetadata reads an event's metadata.
func DecodeMetadata(data []byte) (Metadata, error) {
	if w, ok := scanWritten(data); ok {
		return Metadata{
			Correlation: string(w.correlation),
			Causation:   string(w.causation),
			Actor:       string(w.actor),
			OccurredAt:  w.at,
			Version:     w.version,
		}, nil
	}
	return decodeMetadata(data)
}

// ActorAndTime reads two fields of an event's metadata. The actor may be a
// part of the bytes given.
func ActorAndTime(metadata []byte) (actor []byte, occurredAt time.Time, err error) {
	if w, ok := scanWritten(metadata); ok {
		return w.actor, w.at, nil
	}
	m, err := decodeMetadata(metadata)
	return []byte(m.Actor), m.OccurredAt, err
}

func decodeMetadata(data []byte) (Metadata, error) {
	var m Metadata
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("reading metadata: %w", err)
	}
	return m, nil
}

// Cause says who wants something written, when it happened and what led to it.
type Cause struct {
	Actor string
	// OccurredAt is now if it is zero.
	OccurredAt  time.Time
	Correlation string
	Causation   string
	// IdempotencyKey makes a repeat recognisable: the same actor and key give
	// the same event ids. Without one, ids are new.
	IdempotencyKey string
}

// keySpace is the UUIDv5 namespace of the ids of keyed events.
var keySpace = uuid.MustParse("0d0a3f5e-7b11-5c0e-9a56-6f0f4c581f3c")

// KeyedID is the id of the first event written by an actor with an idempotency
// key; those that follow it in the same append are derived from it.
func KeyedID(actor, key string) uuid.UUID {
	return uuid.NewSHA1(keySpace, []byte(actor+"\x00"+key))
}

func (c Cause) ids(count int, random func() uuid.UUID) []uuid.UUID {
	ids := make([]uuid.UUID, count)
	for i := range ids {
		switch {
		case c.IdempotencyKey == "":
			ids[i] = random()
		case i == 0:
			ids[i] = KeyedID(c.Actor, c.IdempotencyKey)
		default:
			ids[i] = uuid.NewSHA1(ids[0], []byte{byte(i), byte(i >> 8)})
		}
	}
	return ids
}
