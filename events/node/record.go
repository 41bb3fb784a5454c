package node

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// A record is an event packed into one value:
//
//	offset  size
//	     0     1  format version, 1
//	     1     1  flags: bit 0 = the data is binary, not JSON
//	     2     8  revision, big-endian
//	    10     8  created, in nanoseconds since the Unix epoch, big-endian
//	    18    16  event id
//	    34        stream name, type, metadata: each its length as a varint, then its bytes
//	              data: the rest
//
// Revision and creation stand at fixed offsets, because an event is packed by
// its writer's goroutine before the owner of the log knows them.
const (
	recordVersion    = 1
	flagBinary       = 1 << 0
	offsetRevision   = 2
	offsetCreated    = 10
	offsetID         = 18
	recordHeaderSize = 34
)

// createdPrecision is that of the protocol's timestamps, so that an event has
// the same time whichever way it is read.
const createdPrecision = 100 * time.Nanosecond

// pack makes the record of each event in one allocation, with the places that
// are known only to the writer left blank. The returned events share it.
func pack(stream string, batch []events.Proposed) []entry {
	size := 0
	for i := range batch {
		size += packedSize(stream, &batch[i])
	}
	buf := make([]byte, 0, size)
	entries := make([]entry, len(batch))
	for i := range batch {
		entries[i], buf = packOne(buf, stream, &batch[i])
	}
	return entries
}

// entry is an event on its way into the log: packed, and as readers see it.
type entry struct {
	packed []byte
	event  events.Recorded
	// number is that of its stream, once it is placed.
	number uint64
}

func packedSize(stream string, p *events.Proposed) int {
	return recordHeaderSize + 3*binary.MaxVarintLen32 + len(stream) + len(p.Type) + len(p.Metadata) + len(p.Data)
}

func packOne(buf []byte, stream string, p *events.Proposed) (entry, []byte) {
	start := len(buf)
	var flags byte
	if p.Binary {
		flags = flagBinary
	}
	buf = append(buf, recordVersion, flags)
	buf = append(buf, make([]byte, offsetID-offsetRevision)...)
	buf = append(buf, p.ID[:]...)
	buf = appendSized(buf, stream)
	buf = appendSized(buf, p.Type)
	buf = appendSized(buf, p.Metadata)
	metadata := buf[len(buf)-len(p.Metadata) : len(buf) : len(buf)]
	buf = append(buf, p.Data...)
	data := buf[len(buf)-len(p.Data) : len(buf) : len(buf)]
	return entry{
		packed: buf[start:len(buf):len(buf)],
		event: events.Recorded{
			Stream: stream, ID: p.ID, Type: p.Type,
			Data: data, Metadata: metadata, Binary: p.Binary,
		},
	}, buf
}

func appendSized[T string | []byte](buf []byte, s T) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

// place fills what the owner of the log decides.
func (e *entry) place(position events.Position, number uint64, revision int64, created time.Time) {
	e.number = number
	e.event.Position, e.event.Revision, e.event.Created = position, uint64(revision), created
	binary.BigEndian.PutUint64(e.packed[offsetRevision:], uint64(revision))
	binary.BigEndian.PutUint64(e.packed[offsetCreated:], uint64(created.UnixNano()))
}

// unpack reads a record into an event. The event's metadata and data are
// copied by keep, its names are shared through names.
func unpack(e *events.Recorded, position events.Position, packed []byte, names *names, keep *arena) error {
	if len(packed) < recordHeaderSize || packed[0] != recordVersion {
		return damaged(position, packed)
	}
	e.Position = position
	e.Binary = packed[1]&flagBinary != 0
	e.Revision = binary.BigEndian.Uint64(packed[offsetRevision:])
	e.Created = time.Unix(0, int64(binary.BigEndian.Uint64(packed[offsetCreated:]))).UTC()
	e.ID = uuid.UUID(packed[offsetID:recordHeaderSize])
	stream, rest, ok1 := cutSized(packed[recordHeaderSize:])
	kind, rest, ok2 := cutSized(rest)
	metadata, data, ok3 := cutSized(rest)
	if !ok1 || !ok2 || !ok3 {
		return damaged(position, packed)
	}
	e.Stream, e.Type = names.of(stream), names.of(kind)
	copied := keep.copy(rest[len(rest)-len(metadata)-len(data):])
	e.Metadata = copied[:len(metadata):len(metadata)]
	e.Data = copied[len(metadata):]
	return nil
}

func cutSized(b []byte) (field, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	end := n + int(size)
	return b[n:end], b[end:], true
}

func damaged(position events.Position, packed []byte) error {
	if len(packed) > 0 && packed[0] > recordVersion {
		return fmt.Errorf("the event at position %d has record format %d; this program reads up to %d: use a newer one",
			position, packed[0], recordVersion)
	}
	return fmt.Errorf("the event at position %d is damaged: restore the data directory from a backup", position)
}
