package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"parley/events"
)

const (
	// listBatch is how many events are listed in one commit.
	listBatch = 1024
	// cachedLists is more than the lists one batch can touch.
	cachedLists = 8 * listBatch
)

// lister is the goroutine that owns the lists. It follows the log and notes
// how far it has come in the same commit as the entries, so that after a
// restart it goes on where it was, and what a crash takes is listed anew:
// that is why its commits need no sync.
type lister struct {
	node *Node
	// at is the last event that is listed or passed over.
	at    events.Position
	ends  *simplelru.LRU[string, *listEnd]
	batch *pebble.Batch
	count int
	// listed tells readers how far the lists are.
	listed milestone
	// stopped is closed when nothing is written any more.
	stopped chan struct{}
}

// listEnd is where a list is extended.
type listEnd struct {
	number uint64
	next   uint64
}

func newLister(n *Node) (*lister, error) {
	at, _, err := getNumber(n.db, []byte{prefixListed})
	if err != nil {
		return nil, fmt.Errorf("reading how far the lists are: %w", err)
	}
	ends, err := simplelru.NewLRU[string, *listEnd](cachedLists, nil)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &lister{
		node: n, at: events.Position(at), ends: ends, batch: n.db.NewBatch(),
		listed: milestone{at: events.Position(at)}, stopped: make(chan struct{}),
	}, nil
}

// run lists until the node is closed or fails.
func (l *lister) run() {
	defer close(l.stopped)
	for e, err := range l.node.FollowAll(context.Background(), l.at) {
		if err == nil {
			err = l.take(&e)
		}
		if err != nil {
			if !errors.Is(err, errClosed) {
				l.node.options.Logger.Error("the lists of categories, types and streams stop until the node is restarted", "cause", err)
			}
			return
		}
	}
}

func (l *lister) take(e *events.Recorded) error {
	if e.IsMark() {
		return l.commit()
	}
	for kind, list := range listsOf(e) {
		if list == "" {
			continue
		}
		if err := l.put(listKind(kind), list, e.Position); err != nil {
			return err
		}
	}
	l.at = e.Position
	if l.count++; l.count < listBatch {
		return nil
	}
	return l.commit()
}

func (l *lister) put(kind listKind, list string, position events.Position) error {
	end, err := l.end(list)
	if err != nil {
		return err
	}
	if end.number == 0 {
		end.number = listNumber(kind, position)
		if err := l.set(appendListKey(nil, list), end.number); err != nil {
			return err
		}
	}
	err = l.set(appendStreamKey(make([]byte, 0, streamKeySize), end.number, end.next), uint64(position))
	end.next++
	return err
}

func (l *lister) end(list string) (*listEnd, error) {
	if end, ok := l.ends.Get(list); ok {
		return end, nil
	}
	found, err := findList(l.node.db, list)
	if err != nil {
		return nil, err
	}
	end := &listEnd{number: found.number, next: uint64(found.last + 1)}
	l.ends.Add(list, end)
	return end, nil
}

func (l *lister) set(key []byte, number uint64) error {
	var value [binary.MaxVarintLen64]byte
	return l.batch.Set(key, binary.AppendUvarint(value[:0], number), nil)
}

func (l *lister) commit() error {
	if l.count == 0 {
		return nil
	}
	if err := l.set([]byte{prefixListed}, uint64(l.at)); err != nil {
		return err
	}
	if err := l.node.db.Apply(l.batch, pebble.NoSync); err != nil {
		return err
	}
	if err := errors.Join(l.node.health.err(), l.batch.Close()); err != nil {
		return err
	}
	l.batch, l.count = l.node.db.NewBatch(), 0
	l.listed.moveTo(l.at)
	return nil
}

// findList reads where a list ends.
func findList(db *pebble.DB, list string) (stream, error) {
	number, found, err := getNumber(db, appendListKey(nil, list))
	if err != nil || !found {
		return stream{last: -1}, err
	}
	return findEnd(db, number, events.End)
}

// keeps tells whether a stream is a list of this node.
func (n *Node) keeps(stream string) bool { return n.lister != nil && IsList(stream) }

// WaitStream is Wait for one stream: it returns when the stream may have grown.
// Lists follow the log a moment later.
func (n *Node) WaitStream(ctx context.Context, stream string, after events.Position) (events.Position, error) {
	if !n.keeps(stream) {
		return n.Wait(ctx, after)
	}
	listed := &n.lister.listed
	err := waitFor(ctx, n.closing, func() <-chan struct{} { return listed.growth(after) })
	return listed.reached(), err
}

// FollowStream yields the events of a stream from a revision on, written after
// a position, and those to come, with marks as Follow's. Of a list, the
// position does not count.
//
// Errors: as Follow's.
func (n *Node) FollowStream(ctx context.Context, stream string, from uint64, after events.Position) iter.Seq2[events.Recorded, error] {
	if n.keeps(stream) {
		return n.followList(ctx, stream, from)
	}
	return n.follow(ctx, after, func(e *events.Recorded) bool { return e.Stream == stream && e.Revision >= from })
}

func (n *Node) followList(ctx context.Context, list string, from uint64) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		for {
			at := n.lister.listed.reached()
			_, found, err := n.ReadStream(ctx, list, from, events.Forwards, 0)
			if err == nil {
				for e, readErr := range found {
					if !yield(e, readErr) || readErr != nil {
						return
					}
					from = e.Revision + 1
				}
				if !yield(events.Recorded{Position: at}, nil) {
					return
				}
				_, err = n.WaitStream(ctx, list, at)
			}
			if err != nil {
				yield(events.Recorded{}, err)
				return
			}
		}
	}
}
