package node

import (
	"context"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"

	"parley/events"
)

// Verify reads the whole store and checks it against itself: positions and
// revisions have no gaps, every event is found by its stream, its revision and
// its id, and the indexes speak of no event that is not there. It tells every
// finding to report and returns how the check itself went: nil if the store is
// sound, an error with the number of findings, or that of a failed read.
//
// It may run while the node is written to, and checks what was durable when it
// began. It takes about ten seconds for a million events.
func (n *Node) Verify(ctx context.Context, report func(finding string)) error {
	release, err := n.use()
	if err != nil {
		return err
	}
	defer release()
	listed, _, err := getNumber(n.db, []byte{prefixListed})
	if err != nil {
		return fmt.Errorf("checking the event log: %w", err)
	}
	v := &verifier{db: n.db, tip: n.Tip(), listed: events.Position(listed), report: report, streams: map[uint64]*verified{}}
	for _, check := range []func(context.Context) error{v.checkEvents, v.checkStreams, v.checkIDs, v.checkNames, v.checkLists} {
		if err := check(ctx); err != nil {
			return fmt.Errorf("checking the event log: %w", err)
		}
	}
	if v.findings > 0 {
		return fmt.Errorf("the event log has %d inconsistencies: restore the data directory from a backup", v.findings)
	}
	return nil
}

// verifier holds what one check has seen.
type verifier struct {
	db  *pebble.DB
	tip events.Position
	// listed is how far the lists went when the check began, and listings how
	// many entries that makes.
	listed   events.Position
	listings int
	report   func(string)
	findings int
	streams  map[uint64]*verified
}

// verified is a stream as its events tell it.
type verified struct {
	name       string
	events     uint64
	tombstoned bool
}

func (v *verifier) find(format string, args ...any) {
	v.findings++
	v.report(fmt.Sprintf(format, args...))
}

// each visits the keys of one kind.
func (v *verifier) each(ctx context.Context, prefix byte, keySize int, visit func(it *pebble.Iterator) error) error {
	it, err := v.db.NewIter(&pebble.IterOptions{LowerBound: []byte{prefix}, UpperBound: []byte{prefix + 1}})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if keySize > 0 && len(it.Key()) != keySize {
			v.find("key %x has a wrong size", it.Key())
			continue
		}
		if err := visit(it); err != nil {
			return err
		}
	}
	return it.Error()
}

// checkEvents checks that positions are dense from 1 to the tip and that the
// indexes know each event.
func (v *verifier) checkEvents(ctx context.Context) error {
	next, numbers := events.Position(1), map[string]uint64{}
	names, created := newNames(scannedNames), int64(math.MinInt64)
	err := v.each(ctx, prefixEvent, eventKeySize, func(it *pebble.Iterator) error {
		position := events.Position(keyNumber(it.Key()))
		if position > v.tip {
			return nil
		}
		if position != next {
			v.find("position %d follows %d", position, next-1)
		}
		next = position + 1
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		var e events.Recorded
		if err := unpack(&e, position, value, names, &arena{}); err != nil {
			v.find("%v", err)
			return nil
		}
		if now := e.Created.UnixNano(); now < created {
			v.find("the event at position %d is dated before its predecessor", position)
		} else {
			created = now
		}
		return v.checkEvent(&e, numbers)
	})
	if err == nil && next != v.tip+1 {
		v.find("the log ends at position %d, not at %d", next-1, v.tip)
	}
	return err
}

func (v *verifier) checkEvent(e *events.Recorded, numbers map[string]uint64) error {
	number, known := numbers[e.Stream]
	if !known {
		number = uint64(e.Position)
		numbers[e.Stream] = number
		v.streams[number] = &verified{name: e.Stream}
	}
	v.countListings(e)
	s := v.streams[number]
	switch {
	case s.tombstoned:
		v.find("position %d is an event of the tombstoned stream %s", e.Position, e.Stream)
	case e.Revision == TombstoneRevision:
		s.tombstoned = true
	case e.Revision != s.events:
		v.find("position %d is revision %d of stream %s, want %d", e.Position, e.Revision, e.Stream, s.events)
		fallthrough
	default:
		s.events++
	}
	position, found, err := getNumber(v.db, appendStreamKey(nil, number, e.Revision))
	if err == nil && (!found || position != uint64(e.Position)) {
		v.find("the index of stream %s has revision %d at position %d, not %d", e.Stream, e.Revision, position, e.Position)
	}
	if err != nil {
		return err
	}
	revision, found, err := getNumber(v.db, appendIDKey(nil, number, e.ID))
	if err == nil && (!found || revision < e.Revision) {
		v.find("event %s of stream %s is not found by its id", e.ID, e.Stream)
	}
	return err
}

// checkStreams checks that the index of streams has no more than the events.
func (v *verifier) checkStreams(ctx context.Context) error {
	return v.each(ctx, prefixStream, streamKeySize, func(it *pebble.Iterator) error {
		position, err := iterNumber(it)
		if err != nil || position > uint64(v.tip) || kindOf(keyNumber(it.Key())) != 0 {
			return err
		}
		number, revision := keyNumber(it.Key()), keyRevision(it.Key())
		s := v.streams[number]
		if s == nil || revision >= s.events && !(s.tombstoned && revision == TombstoneRevision) {
			v.find("the index has revision %d of stream %d at position %d, where it is not", revision, number, position)
		}
		return nil
	})
}

// checkIDs checks that each id names the event that has it.
func (v *verifier) checkIDs(ctx context.Context) error {
	return v.each(ctx, prefixID, idKeySize, func(it *pebble.Iterator) error {
		revision, err := iterNumber(it)
		if err != nil {
			return err
		}
		number, id := keyNumber(it.Key()), uuid.UUID(it.Key()[9:])
		if number > uint64(v.tip) {
			return nil
		}
		e, found, err := findEvent(v.db, number, revision, events.End)
		if err == nil && (!found || e.ID != id) {
			v.find("id %s names revision %d of stream %d, which has id %s", id, revision, number, e.ID)
		}
		return err
	})
}

// checkNames checks that each stream is found by its name.
func (v *verifier) checkNames(ctx context.Context) error {
	count := 0
	err := v.each(ctx, prefixName, 0, func(it *pebble.Iterator) error {
		number, err := iterNumber(it)
		if err != nil || number > uint64(v.tip) {
			return err
		}
		count++
		if s := v.streams[number]; s == nil || s.name != string(it.Key()[1:]) {
			v.find("stream %q has number %d, which is another's", it.Key()[1:], number)
		}
		return nil
	})
	if err == nil && count != len(v.streams) {
		v.find("%d streams have a name, %d have events", count, len(v.streams))
	}
	return err
}
