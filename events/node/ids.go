package node

import (
	"bytes"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"
)

// rememberedIDs is how many of the newest event ids are kept in memory at
// least, once there are so many, and half of how many at most.
const rememberedIDs = 32 << 10

// streamEvent is an event id in the stream with a number.
type streamEvent struct {
	number uint64
	id     uuid.UUID
}

// ids tells whether an event id is known in a stream, exactly and mostly
// without asking the store. A UUID of version 7 begins with the time at which
// it was made: a new one is higher than all that were stored a while ago, and
// those stored since are in memory. An id that is lower, as after a clock was
// set back, and one of another version is looked up. The writer owns it.
type ids struct {
	db *pebble.DB
	// highest is the highest id of version 7 in the log that may be missing
	// in young and old.
	highest uuid.UUID
	// young and old are the newest events of the log, among them those of
	// the batch being built.
	young, old generation
	// room is how many young ones make the old ones forgotten.
	room int
	// inOldFormat is the highest number of a stream that may have ids in the
	// keys of format 1; 0 if there are none.
	inOldFormat uint64
}

type generation struct {
	revisions map[streamEvent]int64
	highest   uuid.UUID
}

func newIDs(db *pebble.DB) (*ids, error) {
	k := &ids{
		db:    db,
		room:  rememberedIDs,
		young: generation{revisions: map[streamEvent]int64{}},
		old:   generation{revisions: map[streamEvent]int64{}},
	}
	last, err := lastKey(db, []byte{prefixID, 7}, []byte{prefixID, 8})
	if err == nil && last != nil {
		k.highest, _ = keyID(last)
	}
	if err == nil {
		last, err = lastKey(db, []byte{prefixOldID}, []byte{prefixOldID + 1})
	}
	if err == nil && last != nil {
		_, k.inOldFormat = keyOldID(last)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the highest event id: %w", err)
	}
	return k, nil
}

// lastKey is the highest key within bounds, nil if there is none.
func lastKey(db *pebble.DB, lower, upper []byte) ([]byte, error) {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	if !it.Last() {
		return nil, it.Error()
	}
	return bytes.Clone(it.Key()), nil
}

// find answers with the revision of the latest event of a stream with an id.
func (k *ids) find(number uint64, id uuid.UUID) (revision int64, known bool, err error) {
	key := streamEvent{number, id}
	if revision, known := k.young.revisions[key]; known {
		return revision, true, nil
	}
	if revision, known := k.old.revisions[key]; known {
		return revision, true, nil
	}
	if id.Version() != 7 || !higher(id, k.highest) {
		stored, known, err := getNumber(k.db, appendIDKey(make([]byte, 0, idKeySize), number, id))
		if known || err != nil {
			return int64(stored), known, err
		}
	}
	if number > k.inOldFormat {
		return 0, false, nil
	}
	stored, known, err := getNumber(k.db, appendOldIDKey(make([]byte, 0, oldIDKeySize), number, id))
	return int64(stored), known, err
}

// add remembers an event of the batch being built.
func (k *ids) add(number uint64, id uuid.UUID, revision int64) {
	k.young.revisions[streamEvent{number, id}] = revision
	if id.Version() == 7 && higher(id, k.young.highest) {
		k.young.highest = id
	}
}

// stored lets go of the oldest ids when there are enough newer ones. It is
// called between batches, when the store has all that was added.
func (k *ids) stored() {
	if len(k.young.revisions) < k.room {
		return
	}
	if higher(k.old.highest, k.highest) {
		k.highest = k.old.highest
	}
	clear(k.old.revisions)
	k.old.highest = uuid.UUID{}
	k.young, k.old = k.old, k.young
}

func higher(a, b uuid.UUID) bool { return bytes.Compare(a[:], b[:]) > 0 }
