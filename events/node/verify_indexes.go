package node

import (
	"context"
	"encoding/binary"
	"hash/maphash"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"parley/events"
)

// summer turns index entries into numbers, of which the sums of two sets are
// equal if the sets are, and otherwise almost never.
type summer struct {
	seed    maphash.Seed
	scratch []byte
}

func newSummer() *summer {
	return &summer{seed: maphash.MakeSeed(), scratch: make([]byte, 0, maxIndexKey+binary.MaxVarintLen64)}
}

func (s *summer) stream(number, revision, position uint64) uint64 {
	return s.sum(appendStreamKey(s.scratch, number, revision), position)
}

func (s *summer) id(number uint64, id uuid.UUID, revision uint64) uint64 {
	return s.sum(appendIDKey(s.scratch, number, id), revision)
}

func (s *summer) sum(key []byte, value uint64) uint64 {
	return maphash.Bytes(s.seed, binary.AppendUvarint(key, value))
}

// sumStreams compares the index of streams with the events.
func (v *verifier) sumStreams(ctx context.Context) error {
	return v.each(ctx, prefixStream, streamKeySize, func(it *pebble.Iterator) error {
		position, err := iterNumber(it)
		if err != nil {
			return err
		}
		number, revision := keyNumber(it.Key()), keyRevision(it.Key())
		if kindOf(number) != 0 {
			return nil
		}
		s := v.streams[number]
		if s == nil {
			v.find("the index has revision %d of stream %d at position %d, where it is not", revision, number, position)
			return nil
		}
		s.index -= v.hash.stream(number, revision, position)
		return nil
	})
}

// sumIDs compares the ids with the events.
func (v *verifier) sumIDs(ctx context.Context) error { return v.eachID(ctx, v.sumID) }

func (v *verifier) sumID(number uint64, id uuid.UUID, revision uint64) error {
	if s := v.streams[number]; s != nil {
		s.ids -= v.hash.id(number, id, revision)
		return nil
	}
	v.find("id %s names revision %d of stream %d, which does not exist", id, revision, number)
	return nil
}

// eachID visits the ids in the keys of both formats.
func (v *verifier) eachID(ctx context.Context, visit func(number uint64, id uuid.UUID, revision uint64) error) error {
	for _, keys := range []struct {
		prefix byte
		size   int
		parse  func(key []byte) (uuid.UUID, uint64)
	}{
		{prefixID, idKeySize, keyID},
		{prefixOldID, oldIDKeySize, keyOldID},
	} {
		err := v.each(ctx, keys.prefix, keys.size, func(it *pebble.Iterator) error {
			revision, err := iterNumber(it)
			if err != nil {
				return err
			}
			id, number := keys.parse(it.Key())
			return visit(number, id, revision)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// explain looks closely at the streams whose sums differ. Those of ids also
// differ where a stream rightly has two events with one id, of which only the
// later is found by it.
func (v *verifier) explain(ctx context.Context) error {
	suspects := 0
	for _, s := range v.streams {
		if s.suspect() {
			suspects++
		}
	}
	if suspects == 0 {
		return nil
	}
	for _, explain := range []func(context.Context) error{v.explainEvents, v.explainStreams, v.explainIDs} {
		if err := explain(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *verified) suspect() bool { return s.index != 0 || s.ids != 0 }

// explainEvents finds the events that an index does not have.
func (v *verifier) explainEvents(ctx context.Context) error {
	return v.eachEvent(ctx, func(e *events.Recorded) error {
		number := v.numbers[e.Stream]
		if !v.streams[number].suspect() {
			return nil
		}
		position, found, err := getNumber(v.db, appendStreamKey(nil, number, e.Revision))
		if err != nil {
			return err
		}
		if !found || position != uint64(e.Position) {
			v.find("the index of stream %s has revision %d at position %d, not %d", e.Stream, e.Revision, position, e.Position)
		}
		revision, found, err := findID(v.db, number, e.ID)
		if err == nil && (!found || revision < e.Revision) {
			v.find("event %s of stream %s is not found by its id", e.ID, e.Stream)
		}
		return err
	}, func(error) {})
}

// findID reads the revision of the latest event with an id, in either format.
func findID(db pebble.Reader, number uint64, id uuid.UUID) (revision uint64, found bool, err error) {
	revision, found, err = getNumber(db, appendIDKey(nil, number, id))
	if found || err != nil {
		return revision, found, err
	}
	return getNumber(db, appendOldIDKey(nil, number, id))
}

// explainStreams finds what the index of streams has too much.
func (v *verifier) explainStreams(ctx context.Context) error {
	return v.each(ctx, prefixStream, streamKeySize, func(it *pebble.Iterator) error {
		number, revision := keyNumber(it.Key()), keyRevision(it.Key())
		s := v.streams[number]
		if s == nil || !s.suspect() || revision < s.events || s.tombstoned && revision == TombstoneRevision {
			return nil
		}
		position, err := iterNumber(it)
		if err == nil {
			v.find("the index has revision %d of stream %d at position %d, where it is not", revision, number, position)
		}
		return err
	})
}

// explainIDs finds the ids that name another's event.
func (v *verifier) explainIDs(ctx context.Context) error {
	return v.eachID(ctx, func(number uint64, id uuid.UUID, revision uint64) error {
		if s := v.streams[number]; s == nil || !s.suspect() {
			return nil
		}
		e, found, err := findEvent(v.db, number, revision, events.End)
		if err == nil && (!found || e.ID != id) {
			v.find("id %s names revision %d of stream %d, which has id %s", id, revision, number, e.ID)
		}
		return err
	})
}
