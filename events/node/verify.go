package node

import (
	"context"
	"fmt"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"parley/events"
)

// Verify reads the whole store and checks it against itself: positions and
// revisions have no gaps, every event is found by its stream, its revision and
// its id, and the indexes speak of no event that is not there. It tells every
// finding to report and returns how the check itself went: nil if the store is
// sound, an error with the number of findings, or that of a failed read.
//
// It may run while the node is written to, and checks what was there when it
// began. It reads events and indexes once each, in their own order, and takes
// about a second for a million events.
func (n *Node) Verify(ctx context.Context, report func(finding string)) error {
	release, err := n.use()
	if err != nil {
		return err
	}
	defer release()
	tip := n.Tip()
	db := n.db.NewSnapshot()
	defer db.Close()
	v := &verifier{
		db: db, tip: tip, report: report,
		numbers: map[string]uint64{}, streams: map[uint64]*verified{}, lists: map[string]*verified{},
		hash: newSummer(),
	}
	if err := v.check(ctx); err != nil {
		return fmt.Errorf("checking the event log: %w", err)
	}
	if v.findings > 0 {
		return fmt.Errorf("the event log has %d inconsistencies: restore the data directory from a backup", v.findings)
	}
	return nil
}

// verifier holds what one check has seen.
type verifier struct {
	db  pebble.Reader
	tip events.Position
	// listed is how far the lists are.
	listed   events.Position
	report   func(string)
	findings int
	// numbers are those of streams, as events tell them.
	numbers map[string]uint64
	streams map[uint64]*verified
	lists   map[string]*verified
	hash    *summer
}

// verified is a stream or a list as the events tell it.
type verified struct {
	name       string
	events     uint64
	tombstoned bool
	// index and ids are what the events say should be in the indexes, less
	// what is there: zero if they agree.
	index, ids uint64
}

func (v *verifier) check(ctx context.Context) error {
	listed, _, err := getNumber(v.db, []byte{prefixListed})
	if err != nil {
		return err
	}
	v.listed = events.Position(listed)
	for _, check := range []func(context.Context) error{
		v.checkEvents, v.checkNames, v.sumStreams, v.sumIDs, v.explain, v.checkLists,
	} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
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

// eachEvent visits the events that can be read. They hold until the next.
func (v *verifier) eachEvent(ctx context.Context, visit func(e *events.Recorded) error, damaged func(error)) error {
	names, space := newNames(scannedNames), make([]byte, arenaChunk)
	return v.each(ctx, prefixEvent, eventKeySize, func(it *pebble.Iterator) error {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		var e events.Recorded
		if err := unpack(&e, events.Position(keyNumber(it.Key())), value, names, &arena{free: space}); err != nil {
			damaged(err)
			return nil
		}
		return visit(&e)
	})
}

// checkEvents checks that positions are dense from 1 to the tip and revisions
// within their streams, and sums up what the indexes must have.
func (v *verifier) checkEvents(ctx context.Context) error {
	next, created := events.Position(1), int64(math.MinInt64)
	follow := func(position events.Position) {
		if position != next {
			v.find("position %d follows %d", position, next-1)
		}
		next = position + 1
	}
	err := v.eachEvent(ctx, func(e *events.Recorded) error {
		follow(e.Position)
		if now := e.Created.UnixNano(); now < created {
			v.find("the event at position %d is dated before its predecessor", e.Position)
		} else {
			created = now
		}
		v.checkEvent(e)
		return nil
	}, func(err error) {
		follow(next)
		v.find("%v", err)
	})
	if err == nil && next <= v.tip {
		v.find("the log ends at position %d, not at %d", next-1, v.tip)
	}
	return err
}

func (v *verifier) checkEvent(e *events.Recorded) {
	number, known := v.numbers[e.Stream]
	if !known {
		number = uint64(e.Position)
		v.numbers[e.Stream] = number
		v.streams[number] = &verified{name: e.Stream}
	}
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
	s.index += v.hash.stream(number, e.Revision, uint64(e.Position))
	s.ids += v.hash.id(number, e.ID, e.Revision)
	v.sumListings(e)
}

// checkNames checks that each stream is found by its name.
func (v *verifier) checkNames(ctx context.Context) error {
	count := 0
	err := v.each(ctx, prefixName, 0, func(it *pebble.Iterator) error {
		number, err := iterNumber(it)
		if err != nil {
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
