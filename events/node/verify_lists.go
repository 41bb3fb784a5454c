package node

import (
	"context"

	"github.com/cockroachdb/pebble/v2"

	"parley/events"
)

// countListings counts the entries that lists must have for an event.
func (v *verifier) countListings(e *events.Recorded) {
	if e.Position > v.listed {
		return
	}
	for _, list := range listsOf(e) {
		if list != "" {
			v.listings++
		}
	}
}

// checkLists checks that each list links, densely and in the order of the log,
// to events that belong in it, and that none is left out.
func (v *verifier) checkLists(ctx context.Context) error {
	found := 0
	err := v.each(ctx, prefixList, 0, func(it *pebble.Iterator) error {
		number, err := iterNumber(it)
		if err != nil || events.Position(number&positionMask) > v.listed {
			return err
		}
		entries, err := v.checkList(ctx, string(it.Key()[1:]), number)
		found += entries
		return err
	})
	if err == nil && found != v.listings {
		v.find("the lists have %d entries up to position %d, want %d", found, v.listed, v.listings)
	}
	return err
}

func (v *verifier) checkList(ctx context.Context, list string, number uint64) (entries int, err error) {
	lower, upper := streamRange(number)
	it, err := v.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return 0, err
	}
	defer it.Close()
	last := events.Beginning
	for ok := it.First(); ok && ctx.Err() == nil; ok = it.Next() {
		position, err := iterNumber(it)
		if err != nil {
			return entries, err
		}
		if events.Position(position) > v.listed {
			break
		}
		revision := keyRevision(it.Key())
		if revision != uint64(entries) || events.Position(position) <= last {
			v.find("list %s has revision %d at position %d after revision %d at %d", list, revision, position, entries-1, last)
		}
		e, there, err := findEvent(v.db, number, revision, v.tip)
		switch {
		case err != nil:
			return entries, err
		case !there || listsOf(&e)[kindOf(number)] != list:
			v.find("list %s has the event at position %d, which does not belong in it", list, position)
		}
		entries, last = entries+1, events.Position(position)
	}
	if err := ctx.Err(); err != nil {
		return entries, err
	}
	return entries, it.Error()
}
