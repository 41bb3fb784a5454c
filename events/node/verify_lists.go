package node

import (
	"context"

	"github.com/cockroachdb/pebble/v2"

	"parley/events"
)

// sumListings sums up the entries that lists must have for an event.
func (v *verifier) sumListings(e *events.Recorded) {
	if e.Position > v.listed {
		return
	}
	for kind, list := range listsOf(e) {
		if list == "" {
			continue
		}
		l := v.lists[list]
		if l == nil {
			l = &verified{name: list}
			v.lists[list] = l
		}
		l.index += v.hash.stream(uint64(kind), l.events, uint64(e.Position))
		l.events++
	}
}

// checkLists checks that each list links, densely and in the order of the log,
// to the events that belong in it, and that none is left out.
func (v *verifier) checkLists(ctx context.Context) error {
	found := map[string]bool{}
	err := v.each(ctx, prefixList, 0, func(it *pebble.Iterator) error {
		number, err := iterNumber(it)
		if err != nil {
			return err
		}
		list := string(it.Key()[1:])
		found[list] = true
		return v.checkList(ctx, list, number)
	})
	if err != nil {
		return err
	}
	for list, l := range v.lists {
		if !found[list] {
			v.find("list %s is not there, but has %d entries up to position %d", list, l.events, v.listed)
		}
	}
	return nil
}

func (v *verifier) checkList(ctx context.Context, list string, number uint64) error {
	want := v.lists[list]
	if want == nil {
		want = &verified{name: list}
	}
	entries := uint64(0)
	err := v.eachEntry(ctx, number, func(revision, position uint64) error {
		want.index -= v.hash.stream(uint64(kindOf(number)), revision, position)
		entries++
		return nil
	})
	if err != nil || want.index == 0 && entries == want.events {
		return err
	}
	if entries != want.events {
		v.find("list %s has %d entries up to position %d, want %d", list, entries, v.listed, want.events)
	}
	return v.explainList(ctx, list, number)
}

// eachEntry visits the entries of a list.
func (v *verifier) eachEntry(ctx context.Context, number uint64, visit func(revision, position uint64) error) error {
	lower, upper := streamRange(number)
	it, err := v.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	defer it.Close()
	for ok := it.First(); ok; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		position, err := iterNumber(it)
		if err == nil {
			err = visit(keyRevision(it.Key()), position)
		}
		if err != nil {
			return err
		}
	}
	return it.Error()
}

// explainList looks closely at a list that has not what it should have.
func (v *verifier) explainList(ctx context.Context, list string, number uint64) error {
	next, last := uint64(0), uint64(0)
	return v.eachEntry(ctx, number, func(revision, position uint64) error {
		if revision != next || position <= last {
			v.find("list %s has revision %d at position %d after revision %d at %d", list, revision, position, int64(next)-1, last)
		}
		next, last = revision+1, position
		e, there, err := findEvent(v.db, number, revision, events.End)
		if err == nil && (!there || listsOf(&e)[kindOf(number)] != list) {
			v.find("list %s has the event at position %d, which does not belong in it", list, position)
		}
		return err
	})
}
