package node

import (
	"encoding/binary"

	"github.com/google/uuid"

	"parley/events"
)

// The keys of the store. Integers in keys are big-endian, so that they sort;
// integers in values are unsigned varints.
//
//	key                                          value
//	'e' position(8)                              the event, packed (record.go)
//	'i' stream number(8) event id(16)            as 'u', in what was written in format 1
//	'l'                                          position up to which events are in lists
//	'n' stream name                              stream number
//	's' stream number(8) revision(8)             position
//	'u' version(1) event id(16) stream number(8) revision of the latest event with this id
//	'v' list name                                number of the list
//
// A stream's number is the position of its first event: unique, never reused,
// and in need of no counter. Keys with numbers are a third of the size of keys
// with names, which counts in the write-ahead log and in memory.
//
// A list is a stream of links that are not stored (list.go). Its number is the
// position of the first event in it, with the kind of list in the two highest
// bits; its entries under 's' have the positions of the events linked to.
//
// Ids are kept by the version of their UUID. Those of version 7 begin with the
// time, so that new ones are added behind the old ones and their tables never
// have to be merged; in format 1 they were scattered over all streams.
//
// There is no record of the tip or of stream heads: both are the last key of
// their range, one seek away however large the store.
const (
	prefixEvent  = 'e'
	prefixOldID  = 'i'
	prefixListed = 'l'
	prefixName   = 'n'
	prefixStream = 's'
	prefixID     = 'u'
	prefixList   = 'v'
)

const (
	eventKeySize  = 1 + 8
	streamKeySize = 1 + 8 + 8
	idKeySize     = 1 + 1 + 16 + 8
	oldIDKeySize  = 1 + 8 + 16
)

func appendEventKey(dst []byte, position events.Position) []byte {
	return binary.BigEndian.AppendUint64(append(dst, prefixEvent), uint64(position))
}

func appendStreamKey(dst []byte, number, revision uint64) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, prefixStream), number)
	return binary.BigEndian.AppendUint64(dst, revision)
}

func appendIDKey(dst []byte, number uint64, id uuid.UUID) []byte {
	dst = append(dst, prefixID, byte(id.Version()))
	return binary.BigEndian.AppendUint64(append(dst, id[:]...), number)
}

func appendOldIDKey(dst []byte, number uint64, id uuid.UUID) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, prefixOldID), number)
	return append(dst, id[:]...)
}

func appendNameKey(dst []byte, stream string) []byte {
	return append(append(dst, prefixName), stream...)
}

func appendListKey(dst []byte, list string) []byte {
	return append(append(dst, prefixList), list...)
}

// keyNumber reads the integer that follows the prefix of a key: an event's
// position or a stream's number.
func keyNumber(key []byte) uint64 { return binary.BigEndian.Uint64(key[1:9]) }

// keyID reads the event id and the stream number of an id key.
func keyID(key []byte) (id uuid.UUID, number uint64) {
	return uuid.UUID(key[2:18]), binary.BigEndian.Uint64(key[18:26])
}

// keyOldID reads an id key of format 1.
func keyOldID(key []byte) (id uuid.UUID, number uint64) {
	return uuid.UUID(key[9:25]), keyNumber(key)
}

// keyRevision reads the revision of a stream key.
func keyRevision(key []byte) uint64 { return binary.BigEndian.Uint64(key[9:17]) }

// eventRange bounds the events from first to last, both included.
func eventRange(first, last events.Position) (lower, upper []byte) {
	lower = appendEventKey(nil, first)
	if last == events.End {
		return lower, []byte{prefixEvent + 1}
	}
	return lower, appendEventKey(nil, last+1)
}

// streamRange bounds all entries of one stream's index.
func streamRange(number uint64) (lower, upper []byte) {
	return appendStreamKey(nil, number, 0), appendStreamKey(nil, number+1, 0)
}
