package projections

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"parley/events"
)

// foldsKept is how many orders are kept as they stand in the log, at some
// kilobytes each: those on which somebody is at work.
const foldsKept = 4096

// folds are orders as they stand in the log, ahead of the view. Of one that was
// asked for lately only what has been appended since is read.
type folds struct {
	journal *events.Journal
	recent  *lru.Cache[uuid.UUID, *fold]
}

func newFolds(journal *events.Journal) folds {
	recent, err := lru.New[uuid.UUID, *fold](foldsKept)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return folds{journal, recent}
}

// fold is one order. All of it is guarded by mu.
type fold struct {
	mu       sync.Mutex
	order    Order
	timeline []foldedEntry // in the order in which it happened
	next     uint64        // the first revision that is not in it
	// personal is an event with personal values. While it can be opened, so can
	// what is kept in the open here.
	personal *events.Event
}

type foldedEntry struct {
	at   time.Time
	json []byte
}

// with lends an order to use, which must not keep it, or fails with
// ErrNotFound. It is as new as what was just written of it.
func (f *folds) with(ctx context.Context, id uuid.UUID, written []events.Event, use func(*fold) error) error {
	one, known := f.recent.Get(id)
	if !known {
		one = new(fold)
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	if err := f.catchUp(ctx, id, one, written); err != nil {
		f.recent.Remove(id)
		return err
	}
	if one.order.ID == uuid.Nil {
		return ErrNotFound
	}
	if !known {
		f.recent.ContainsOrAdd(id, one)
	}
	return use(one)
}

// catchUp begins anew when the customer was forgotten. It reads nothing of what
// was just written, if nothing is missing before it.
func (f *folds) catchUp(ctx context.Context, id uuid.UUID, one *fold, written []events.Event) error {
	if one.personal != nil {
		opens, err := f.journal.Opens(ctx, *one.personal)
		if err != nil {
			return err
		}
		if !opens {
			one.order, one.timeline, one.next, one.personal = Order{}, nil, 0, nil
		}
	}
	if follows, err := one.follow(written); follows || err != nil {
		return err
	}
	for event, err := range f.journal.History(ctx, events.OrderStream(id), one.next) {
		if err == nil {
			err = f.journal.Open(ctx, event)
		}
		if err == nil {
			err = one.take(event)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// follow takes what was written, and tells whether all of it is in the fold now.
// An event of which the log did not tell when it took it has to be read.
func (f *fold) follow(written []events.Event) (bool, error) {
	for _, event := range written {
		if event.Revision != f.next || event.Created.IsZero() {
			continue
		}
		if err := f.take(event); err != nil {
			return false, err
		}
	}
	return len(written) > 0 && written[len(written)-1].Revision < f.next, nil
}

func (f *fold) take(event events.Event) error {
	if err := f.order.evolve(event); err != nil {
		return err
	}
	f.next = event.Revision + 1
	fact, ok := event.Fact.(events.OrderFact)
	if !ok {
		return nil
	}
	if f.personal == nil && events.IsPersonal(fact) {
		f.personal = &event
	}
	entry := orderEntry(event, fact, &f.order)
	line, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	place, _ := slices.BinarySearchFunc(f.timeline, entry.At, func(e foldedEntry, at time.Time) int {
		if e.at.After(at) {
			return 1
		}
		return -1
	})
	f.timeline = slices.Insert(f.timeline, place, foldedEntry{entry.At, line})
	return nil
}

// json is that of an OrderView.
func (f *fold) json() ([]byte, error) {
	body, err := json.Marshal(&f.order)
	if err != nil {
		return nil, err
	}
	body = append(body[:len(body)-1], `,"timeline":[`...)
	for i, entry := range f.timeline {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, entry.json...)
	}
	return append(body, `]}`...), nil
}

// FoldJSON is the JSON of an OrderView as the order stands in the log, ahead of
// the view, or ErrNotFound. What was just written of it need not be read again.
func (o *Orders) FoldJSON(ctx context.Context, id uuid.UUID, written ...events.Event) (body []byte, err error) {
	err = o.folds.with(ctx, id, written, func(f *fold) (err error) {
		body, err = f.json()
		return err
	})
	return body, err
}
