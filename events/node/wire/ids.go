package wire

import (
	"encoding/binary"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
)

// tick is the protocol's unit of time.
const tick = 100 * time.Nanosecond

// ticks counts ticks since the Unix epoch.
func ticks(t time.Time) int64 { return t.UnixNano() / int64(tick) }

// idBits splits an id into its two big-endian halves.
func idBits(id uuid.UUID) (most, least int64) {
	return int64(binary.BigEndian.Uint64(id[:8])), int64(binary.BigEndian.Uint64(id[8:]))
}

func structuredID(id uuid.UUID) *shared.UUID {
	most, least := idBits(id)
	return &shared.UUID{Value: &shared.UUID_Structured_{
		Structured: &shared.UUID_Structured{MostSignificantBits: most, LeastSignificantBits: least},
	}}
}

// parseID reads an id in either of its forms; a missing one is the nil id.
func parseID(id *shared.UUID) (uuid.UUID, error) {
	switch value := id.GetValue().(type) {
	case *shared.UUID_Structured_:
		var parsed uuid.UUID
		binary.BigEndian.PutUint64(parsed[:8], uint64(value.Structured.GetMostSignificantBits()))
		binary.BigEndian.PutUint64(parsed[8:], uint64(value.Structured.GetLeastSignificantBits()))
		return parsed, nil
	case *shared.UUID_String_:
		parsed, err := uuid.Parse(value.String_)
		if err != nil {
			return uuid.Nil, errInvalid(value.String_, "UUID")
		}
		return parsed, nil
	}
	return uuid.Nil, nil
}
