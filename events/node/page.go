package node

import (
	"context"
	"iter"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"parley/events"
)

// Sequences are read in pages: a page is copied out of Pebble at once, then
// handed out with nothing held, so that a slow reader pins neither files nor
// memory tables and Close never waits for one.
const (
	// pageEvents and pageBytes bound a page, which grows from firstPage.
	firstPage  = 32
	pageEvents = 2048
	pageBytes  = 1 << 20
)

// pager fills dst with the next events of a sequence. An empty page is its
// end.
type pager func(dst []events.Recorded) ([]events.Recorded, error)

// sequence yields up to limit events, 0 meaning all, from a pager.
func (n *Node) sequence(ctx context.Context, limit int, next pager) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		left := limit
		if limit <= 0 {
			left = math.MaxInt
		}
		var page []events.Recorded
		for size := firstPage; left > 0; size = min(2*size, pageEvents) {
			if err := ctx.Err(); err != nil {
				yield(events.Recorded{}, err)
				return
			}
			if want := min(size, left); cap(page) != want {
				page = make([]events.Recorded, 0, want)
			}
			var err error
			if page, err = n.page(next, page[:0]); err != nil {
				yield(events.Recorded{}, err)
				return
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			if len(page) == 0 {
				return
			}
			left -= len(page)
		}
	}
}

func (n *Node) page(next pager, dst []events.Recorded) ([]events.Recorded, error) {
	release, err := n.use()
	if err != nil {
		return nil, err
	}
	defer release()
	page, err := next(dst)
	if err != nil {
		return nil, events.Unavailable(err)
	}
	return page, nil
}

// scan reads the log between two positions, both included.
type scan struct {
	db          *pebble.DB
	first, last events.Position
	direction   events.Direction
	names       *names
	arena       arena
}

func (s *scan) next(dst []events.Recorded) ([]events.Recorded, error) {
	if s.first > s.last {
		return dst, nil
	}
	lower, upper := eventRange(s.first, s.last)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	start, advance := it.First, it.Next
	if s.direction == events.Backwards {
		start, advance = it.Last, it.Prev
	}
	size := 0
	for ok := start(); ok && len(dst) < cap(dst) && size < pageBytes; ok = advance() {
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, err
		}
		dst = append(dst, events.Recorded{})
		position := events.Position(keyNumber(it.Key()))
		if err := unpack(&dst[len(dst)-1], position, value, s.names, &s.arena); err != nil {
			return nil, err
		}
		size += len(value)
	}
	s.passed(dst)
	return dst, it.Error()
}

func (s *scan) passed(page []events.Recorded) {
	switch {
	case len(page) == 0:
		s.last, s.first = events.Beginning, events.End
	case s.direction == events.Backwards:
		s.last = page[len(page)-1].Position - 1
	default:
		s.first = page[len(page)-1].Position + 1
	}
}

// streamScan reads a stream between two revisions, both included.
type streamScan struct {
	db          *pebble.DB
	name        string
	number      uint64
	first, last int64
	tip         events.Position
	direction   events.Direction
	names       *names
	arena       arena
}

// streamGroup is how many events of a stream are looked up at once.
const streamGroup = 64

func (s *streamScan) next(dst []events.Recorded) ([]events.Recorded, error) {
	if s.first > s.last {
		return dst, nil
	}
	index, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: appendStreamKey(nil, s.number, uint64(s.first)),
		UpperBound: appendStreamKey(nil, s.number, uint64(s.last)+1),
	})
	if err != nil {
		return nil, err
	}
	defer index.Close()
	lower, upper := eventRange(events.Beginning, s.tip)
	log, err := s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, err
	}
	defer log.Close()
	start, advance := index.First, index.Next
	if s.direction == events.Backwards {
		start, advance = index.Last, index.Prev
	}
	var positions [streamGroup]events.Position
	for ok, size := start(), 0; ok && len(dst) < cap(dst) && size < pageBytes; {
		group, revision := positions[:0], keyRevision(index.Key())
		for ; ok && len(group) < min(streamGroup, cap(dst)-len(dst)); ok = advance() {
			position, err := iterNumber(index)
			if err != nil {
				return nil, err
			}
			if position > uint64(s.tip) {
				break
			}
			group = append(group, events.Position(position))
		}
		if len(group) == 0 {
			break
		}
		found := dst[len(dst) : len(dst)+len(group)]
		read, err := s.fetch(log, group, found)
		if err == nil && kindOf(s.number) != 0 {
			err = s.link(found, revision)
		}
		if err != nil {
			return nil, err
		}
		dst, size = dst[:len(dst)+len(group)], size+read
	}
	s.passed(dst)
	return dst, index.Error()
}

// fetch reads the events at some positions. It visits the log in its own
// order, in which a step is much cheaper than a search.
func (s *streamScan) fetch(log *pebble.Iterator, positions []events.Position, dst []events.Recorded) (size int, err error) {
	for n := range positions {
		i := n
		if s.direction == events.Backwards {
			i = len(positions) - 1 - n
		}
		value, err := seekEvent(log, positions[i])
		if err != nil {
			return 0, err
		}
		if err := unpack(&dst[i], positions[i], value, s.names, &s.arena); err != nil {
			return 0, err
		}
		size += len(value)
	}
	return size, nil
}

// link turns events into the links of a list, whose revisions are dense from
// that of the first.
func (s *streamScan) link(found []events.Recorded, revision uint64) error {
	for i := range found {
		if err := becomeLink(&found[i], s.name, revision); err != nil {
			return err
		}
		if s.direction == events.Backwards {
			revision--
		} else {
			revision++
		}
	}
	return nil
}

func (s *streamScan) passed(page []events.Recorded) {
	switch {
	case len(page) == 0:
		s.first, s.last = 1, 0
	case s.direction == events.Backwards:
		s.last = int64(page[len(page)-1].Revision) - 1
	default:
		s.first = int64(page[len(page)-1].Revision) + 1
	}
}
