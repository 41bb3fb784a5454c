package node

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"parley/events"
)

// stream is what the store knows of a stream up to a tip.
type stream struct {
	// number is 0 if no event of the stream is there.
	number     uint64
	last       int64
	tombstoned bool
	// described tells whether the stream has metadata, if that was asked for.
	described bool
}

// findStream reads where a stream ends, not looking beyond the tip.
func findStream(db pebble.Reader, name string, tip events.Position) (stream, error) {
	s := stream{last: -1}
	number, found, err := getNumber(db, appendNameKey(make([]byte, 0, 1+len(name)), name))
	if err != nil || !found || number > uint64(tip) {
		return s, err
	}
	return findEnd(db, number, tip)
}

// findEnd reads where the stream or list with a number ends.
func findEnd(db pebble.Reader, number uint64, tip events.Position) (stream, error) {
	s := stream{number: number, last: -1}
	lower, upper := streamRange(number)
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return s, err
	}
	defer it.Close()
	for ok := it.Last(); ok; ok = it.Prev() {
		position, err := iterNumber(it)
		if err != nil {
			return s, err
		}
		if position > uint64(tip) {
			continue
		}
		if revision := keyRevision(it.Key()); revision != TombstoneRevision {
			s.last = int64(revision)
			break
		}
		s.tombstoned = true
	}
	return s, it.Error()
}

// findEvent reads the event of a stream at a revision, if it is there and not
// beyond the tip.
func findEvent(db pebble.Reader, number, revision uint64, tip events.Position) (e events.Recorded, found bool, err error) {
	position, found, err := getNumber(db, appendStreamKey(make([]byte, 0, streamKeySize), number, revision))
	if err != nil || !found || position > uint64(tip) {
		return e, false, err
	}
	value, closer, err := db.Get(appendEventKey(make([]byte, 0, eventKeySize), events.Position(position)))
	if err != nil {
		return e, false, fmt.Errorf("reading the event at position %d: %w", position, err)
	}
	err = unpack(&e, events.Position(position), value, newNames(2), &arena{})
	return e, err == nil, errors.Join(err, closer.Close())
}

// latestMetadata is the last event of a stream's metastream.
func latestMetadata(db pebble.Reader, name string, tip events.Position) (e events.Recorded, found bool, err error) {
	meta, err := findStream(db, metastreamOf(name), tip)
	if err != nil || meta.last < 0 {
		return e, false, err
	}
	return findEvent(db, meta.number, uint64(meta.last), tip)
}

// getNumber reads a value that is a number.
func getNumber(db pebble.Reader, key []byte) (number uint64, found bool, err error) {
	value, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	number, err = parseNumber(key, value)
	return number, err == nil, errors.Join(err, closer.Close())
}

func iterNumber(it *pebble.Iterator) (uint64, error) {
	value, err := it.ValueAndErr()
	if err != nil {
		return 0, err
	}
	return parseNumber(it.Key(), value)
}

func parseNumber(key, value []byte) (uint64, error) {
	number, size := binary.Uvarint(value)
	if size <= 0 || size != len(value) {
		return 0, fmt.Errorf("the value %x of key %q is damaged: restore the data directory from a backup", value, key)
	}
	return number, nil
}
