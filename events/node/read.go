package node

import (
	"context"
	"fmt"
	"iter"
	"math"
	"sort"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"parley/events"
)

// scannedNames and streamNames are how many names a read shares.
const (
	scannedNames = 1024
	streamNames  = 16
)

// State is how a stream stands now.
//
// Errors: events.ErrUnavailable.
func (n *Node) State(name string) (StreamState, error) {
	state, _, err := n.view(name)
	return state, err
}

// view reads a stream's state and where its events are.
func (n *Node) view(name string) (StreamState, stream, error) {
	release, err := n.use()
	if err != nil {
		return StreamState{}, stream{}, err
	}
	defer release()
	state, s, err := n.plain.view(name, n.Tip, func(tip events.Position) (StreamState, stream, error) {
		return viewer{db: n.db, tip: tip, now: n.options.Now(), lists: n.lister != nil}.view(name)
	})
	if err != nil {
		return StreamState{}, stream{}, events.Unavailable(fmt.Errorf("reading stream %s: %w", name, err))
	}
	return state, s, nil
}

// viewer looks at streams as they stood at one tip and time.
type viewer struct {
	db  *pebble.DB
	tip events.Position
	now time.Time
	// lists: the node keeps them.
	lists bool
}

// find reads where a stream or list ends.
func (v viewer) find(name string) (stream, error) {
	if v.lists && IsList(name) {
		return findList(v.db, name)
	}
	return findStream(v.db, name, v.tip)
}

func (v viewer) view(name string) (StreamState, stream, error) {
	state := StreamState{Last: -1, Tip: v.tip}
	s, err := v.find(name)
	if err != nil {
		return state, s, err
	}
	state.Last = s.last
	if original, ok := originalOf(name); ok {
		err = v.viewMetastream(&state, original)
	} else {
		err = v.viewStream(&state, &s, name)
	}
	return state, s, err
}

// viewMetastream shows the newest metadata, and none of a tombstoned stream.
func (v viewer) viewMetastream(state *StreamState, original string) error {
	described, err := findStream(v.db, original, v.tip)
	switch {
	case err != nil:
		return err
	case described.tombstoned:
		state.Status = Tombstoned
	case state.Last >= 0:
		state.Status, state.First = Found, state.Last
	}
	return nil
}

func (v viewer) viewStream(state *StreamState, s *stream, name string) error {
	if s.tombstoned {
		state.Status = Tombstoned
		return nil
	}
	latest, found, err := latestMetadata(v.db, name, v.tip)
	if err != nil {
		return err
	}
	var m metadata
	s.described = found
	if found {
		m = parseMetadata(latest.Data)
	}
	switch {
	case m.softDeleted():
		state.Status = SoftDeleted
		return nil
	case s.last < 0:
		return nil
	}
	state.Status = Found
	state.First = m.firstByRevision(s.last)
	if m.maxAge > 0 {
		return v.skipExpired(state, *s, m)
	}
	return nil
}

// skipExpired moves the first visible revision past the expired events. They
// are the oldest, because events are dated in order.
func (v viewer) skipExpired(state *StreamState, s stream, m metadata) error {
	var failure error
	count := max(s.last+1-state.First, 0)
	state.First += int64(sort.Search(int(count), func(i int) bool {
		e, found, err := findEvent(v.db, s.number, uint64(state.First)+uint64(i), v.tip)
		if err != nil {
			failure = err
		}
		return found && !m.expired(e.Created, v.now)
	}))
	return failure
}

// ReadStream reads the visible events of a stream from a revision, itself
// included, and tells how the stream stood at that moment. With
// events.LastRevision a backwards read begins at the last event. A limit of 0
// means all. The sequence is empty unless the stream is Found, and shows
// nothing that was written later.
//
// Errors: events.ErrUnavailable; the sequence may also yield the context's.
func (n *Node) ReadStream(ctx context.Context, name string, from uint64, direction events.Direction, limit int) (StreamState, iter.Seq2[events.Recorded, error], error) {
	state, s, err := n.view(name)
	if err != nil {
		return state, nil, err
	}
	r := streamScan{db: n.db, name: name, number: s.number, first: 1, last: 0, tip: state.Tip, direction: direction}
	if state.Status == Found {
		r.first, r.last = state.First, state.Last
		if bound := int64(min(from, math.MaxInt64)); direction == events.Backwards {
			r.last = min(r.last, bound)
		} else {
			r.first = max(r.first, bound)
		}
	}
	left := r.last - r.first + 1
	if limit > 0 {
		left = min(left, int64(limit))
	}
	return state, func(yield func(events.Recorded, error) bool) {
		if left <= 0 {
			if err := ctx.Err(); err != nil {
				yield(events.Recorded{}, err)
			}
			return
		}
		r := r
		r.names = newNames(streamNames)
		n.sequence(ctx, int(left), r.next)(yield)
	}, nil
}

// ReadEvent reads one event of a stream, as to resolve a link to it. It is
// false if the event is not there or no longer visible.
//
// Errors: events.ErrUnavailable or the context's.
func (n *Node) ReadEvent(ctx context.Context, name string, revision uint64) (events.Recorded, bool, error) {
	_, found, err := n.ReadStream(ctx, name, revision, events.Forwards, 1)
	if err != nil {
		return events.Recorded{}, false, err
	}
	for e, err := range found {
		return e, err == nil && e.Revision == revision, err
	}
	return events.Recorded{}, false, nil
}

// ScanAll reads the log, system events included, as the protocol does:
// forwards from a position, itself included; backwards from before a position,
// itself excluded, events.End meaning from the last. A limit of 0 means all.
// What is written after the call is not shown.
//
// The sequence may yield events.ErrUnavailable or the context's error.
func (n *Node) ScanAll(ctx context.Context, from events.Position, direction events.Direction, limit int) iter.Seq2[events.Recorded, error] {
	s := scan{db: n.db, first: max(from, 1), last: n.Tip(), direction: direction}
	if direction == events.Backwards {
		s.first, s.last = 1, min(max(from, 1)-1, n.Tip())
	}
	return func(yield func(events.Recorded, error) bool) {
		s := s
		s.names = newNames(scannedNames)
		n.sequence(ctx, limit, s.next)(yield)
	}
}

// stepsBeforeSeek is how many events are stepped over rather than searched.
const stepsBeforeSeek = 8

// seekEvent reads the record at a position; one shortly after the iterator's is
// stepped to.
func seekEvent(log *pebble.Iterator, position events.Position) ([]byte, error) {
	if at := iterPosition(log); position < at || position > at+stepsBeforeSeek {
		log.SeekGE(appendEventKey(make([]byte, 0, eventKeySize), position))
	}
	for log.Valid() && events.Position(keyNumber(log.Key())) < position {
		log.Next()
	}
	if !log.Valid() || events.Position(keyNumber(log.Key())) != position {
		if err := log.Error(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("the event at position %d is missing: restore the data directory from a backup", position)
	}
	return log.ValueAndErr()
}

// iterPosition is where an iterator over the log stands, or End if it is not
// on an event.
func iterPosition(log *pebble.Iterator) events.Position {
	if !log.Valid() {
		return events.End
	}
	return events.Position(keyNumber(log.Key()))
}
