package projections

import (
	"bytes"
	"context"
	"database/sql"
	"math"
	"slices"
	"sync"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2/simplelru"
)

// In which order somebody's conversations stand follows from the rows of all of
// them, and no index could have it without a write for each participant of each
// message. So the orders of those who are in many conversations are kept in
// memory, and a commit only says which conversations have moved: whoever asks
// for an order applies what was said since they asked last, or reads the rows
// if that is too long ago.

const (
	// longInbox is from how many conversations on an order is kept: to read
	// fewer costs next to nothing.
	longInbox = 64
	// standingsKept bounds how many conversations the kept orders have in all,
	// and longestInbox how many each has.
	standingsKept = 1 << 18
	longestInbox  = 1 << 15
	// movesKept is how many moves are remembered.
	movesKept = 1 << 12
)

// inboxPlace is where a conversation stands in an inbox. It stays where it is
// when other conversations move.
type inboxPlace struct {
	activity int64
	id       uuid.UUID
}

// firstPlace comes before all others.
var firstPlace = inboxPlace{math.MaxInt64, uuid.Max}

// before tells whether a place comes before another, in an inbox.
func (p inboxPlace) before(other inboxPlace) bool {
	if p.activity != other.activity {
		return p.activity > other.activity
	}
	return bytes.Compare(p.id[:], other.id[:]) > 0
}

// standing is one of somebody's conversations.
type standing struct {
	inboxPlace
	archived bool
}

// pick returns the first of the archived conversations, or of the others, that
// come after a place.
func pick(all []standing, archived bool, from inboxPlace, count int) []inboxPlace {
	picked := make([]inboxPlace, 0, count+1)
	for _, s := range slices.Backward(all) { // those that began last are likely to come first
		full := len(picked) == count
		if s.archived != archived || !from.before(s.inboxPlace) || full && picked[count-1].before(s.inboxPlace) {
			continue
		}
		at, _ := slices.BinarySearchFunc(picked, s.inboxPlace, func(p, wanted inboxPlace) int {
			if p.before(wanted) {
				return -1
			}
			return 1
		})
		picked = slices.Insert(picked, at, s.inboxPlace)
		picked = picked[:min(count, len(picked))]
	}
	return picked
}

// move is what a commit has changed in the order of inboxes.
type move struct {
	id       uuid.UUID
	activity int64
	// person says that the id is of somebody who is in other conversations now,
	// or has archived others.
	person bool
}

// inboxOrders keeps orders of the inboxes asked for last.
type inboxOrders struct {
	mu    sync.Mutex
	kept  *lru.LRU[uuid.UUID, *inboxOrder] // guarded by mu
	total int                              // standings of all of them, guarded by mu
	// moves has the moves from begin to end, each at its number modulo its
	// length. Guarded by mu.
	moves      []move
	begin, end uint64
	// shortest is the constant longInbox but for tests.
	shortest int
}

// inboxOrder is what an inbox was at the move with a number.
type inboxOrder struct {
	all []standing // by id
	at  uint64
}

func newInboxOrders() *inboxOrders {
	o := &inboxOrders{moves: make([]move, movesKept), shortest: longInbox}
	kept, err := lru.NewLRU(standingsKept/longInbox, func(_ uuid.UUID, dropped *inboxOrder) { o.total -= len(dropped.all) })
	if err != nil {
		panic(err) // the size is a positive constant
	}
	o.kept = kept
	return o
}

// now is the number of the next move. What is read of the view afterwards shows
// all moves before it.
func (o *inboxOrders) now() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.end
}

// pick is pick of a kept order, if it can be brought up to date.
func (o *inboxOrders) pick(viewer uuid.UUID, archived bool, from inboxPlace, count int) (picked []inboxPlace, known bool) {
	known = o.use(viewer, func(all []standing) { picked = pick(all, archived, from, count) })
	return picked, known
}

// members are the conversations of a kept order, in no order.
func (o *inboxOrders) members(viewer uuid.UUID) (ids []uuid.UUID, known bool) {
	known = o.use(viewer, func(all []standing) { ids = idsIn(all) })
	return ids, known
}

func idsIn(all []standing) []uuid.UUID {
	ids := make([]uuid.UUID, len(all))
	for i := range all {
		ids[i] = all[i].id
	}
	return ids
}

// use gives a kept order to a function, if it can be brought up to date.
func (o *inboxOrders) use(viewer uuid.UUID, f func([]standing)) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	order, known := o.kept.Get(viewer)
	if !known {
		return false
	}
	if !o.advance(viewer, order) {
		o.kept.Remove(viewer)
		return false
	}
	f(order.all)
	return true
}

// keep takes an order that was read after the move with a number.
func (o *inboxOrders) keep(viewer uuid.UUID, all []standing, at uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept.Remove(viewer)
	o.kept.Add(viewer, &inboxOrder{all, at})
	for o.total += len(all); o.total > standingsKept; {
		o.kept.RemoveOldest()
	}
}

// advance applies to an order what has moved since; o.mu is held. It fails if
// that is not known any more, or needs more than the order has.
func (o *inboxOrders) advance(viewer uuid.UUID, order *inboxOrder) bool {
	if order.at < o.begin {
		return false
	}
	for ; order.at < o.end; order.at++ {
		m := &o.moves[order.at%movesKept]
		if m.person {
			if m.id == viewer {
				return false
			}
			continue
		}
		at, is := slices.BinarySearchFunc(order.all, m.id, func(s standing, id uuid.UUID) int { return bytes.Compare(s.id[:], id[:]) })
		if !is {
			continue
		}
		// A message may bring it back, or not: that is in the viewer's row.
		if order.all[at].archived {
			return false
		}
		// What was read may be later than this move.
		order.all[at].activity = max(order.all[at].activity, m.activity)
	}
	return true
}

// moved notes what a commit has moved.
func (o *inboxOrders) moved(rooms []*room) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range rooms {
		if r.moved {
			o.note(move{id: r.id, activity: r.activity})
		}
		for _, user := range r.regrouped {
			o.note(move{id: user, person: true})
		}
	}
}

// note remembers a move in the place of the one remembered longest; o.mu is
// held.
func (o *inboxOrders) note(m move) {
	o.moves[o.end%movesKept] = m
	o.end++
	o.begin = max(o.begin, o.end-min(o.end, movesKept))
}

// clear forgets all orders, and those that are being read.
func (o *inboxOrders) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept.Purge()
	o.end++
	o.begin = o.end
}

// places are the first places of a viewer's inbox after one of them.
func (c *Conversations) places(ctx context.Context, viewer uuid.UUID, archived bool, from inboxPlace, count int) ([]inboxPlace, error) {
	if picked, known := c.orders.pick(viewer, archived, from, count); known {
		return picked, nil
	}
	all, err := c.readOrder(ctx, viewer)
	return pick(all, archived, from, count), err
}

// readOrder reads somebody's conversations, and keeps a copy if they are many.
func (c *Conversations) readOrder(ctx context.Context, viewer uuid.UUID) ([]standing, error) {
	at := c.orders.now()
	all, err := c.standings(ctx, viewer)
	if err == nil && len(all) >= c.orders.shortest && len(all) <= longestInbox {
		c.orders.keep(viewer, slices.Clone(all), at)
	}
	return all, err
}

// standings are all of a user's conversations, by id.
func (c *Conversations) standings(ctx context.Context, user uuid.UUID) ([]standing, error) {
	rows, err := c.store.Query(ctx, `SELECT c.id, c.activity, CASE WHEN p.conversation IN (
			SELECT a.conversation FROM participants a JOIN conversations ca ON ca.id = a.conversation
			WHERE a.participant = $1 AND a.archived >= 0 AND a.archived >= ca.messages) THEN 1 ELSE 0 END
		FROM participants p JOIN conversations c ON c.id = p.conversation WHERE p.participant = $1 ORDER BY p.conversation`, user[:])
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []standing
	for rows.Next() {
		var s standing
		var id sql.RawBytes
		if err := rows.Scan(&id, &s.activity, &s.archived); err != nil {
			return nil, err
		}
		if s.id, err = idFrom(id); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}
