package node

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"parley/events"
)

const (
	// maxBatchRequests and maxBatchBytes bound one commit, and with it how
	// long a write waits for the others of its commit.
	maxBatchRequests = 1024
	maxBatchBytes    = 8 << 20
	// cachedHeads is far more than one batch can touch (a stream, its
	// metastream and its original for each request), so that a head changed
	// by the batch being built is never evicted before it can be read back.
	cachedHeads = 128 * maxBatchRequests
)

// writer is the goroutine that owns the log's growth: the next position, the
// clock, the heads of streams and the batch being built are its alone.
type writer struct {
	node    *Node
	db      *pebble.DB
	next    events.Position
	created time.Time
	heads   *simplelru.LRU[string, *head]
	ids     *ids
	// metastreams tells whether there are any, without which no stream's
	// metadata has to be looked for.
	metastreams bool
	batch       batch
}

// batch is what one commit brings.
type batch struct {
	requests []*request
	answers  []answer
	// entries are the events, in the order of the log.
	entries []entry
	index   index
}

func newWriter(n *Node, last events.Recorded) (*writer, error) {
	heads, err := simplelru.NewLRU[string, *head](cachedHeads, nil)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	ids, err := newIDs(n.db)
	if err != nil {
		return nil, err
	}
	described, err := lastKey(n.db, appendNameKey(nil, MetastreamPrefix), appendNameKey(nil, "$%")) // '%' follows '$'
	if err != nil {
		return nil, fmt.Errorf("looking for metadata: %w", err)
	}
	return &writer{
		node: n, db: n.db, next: last.Position + 1, created: last.Created, heads: heads, ids: ids,
		metastreams: described != nil,
	}, nil
}

// run commits until the node is closed or its disk fails.
func (w *writer) run() {
	for {
		select {
		case r := <-w.node.requests:
			w.collect(r)
			if w.commit() != nil {
				return
			}
		case <-w.node.closing:
			return
		case <-w.node.health.down:
			return
		}
	}
}

// collect takes all that waits and decides it. When nothing waits any more, it
// gives way once to writers who are about to ask: those whom the last commit
// answered have not run yet, and a commit costs the same for all of them.
func (w *writer) collect(r *request) {
	w.created = w.now()
	size := 0
	for {
		w.batch.requests = append(w.batch.requests, r)
		w.batch.answers = append(w.batch.answers, w.answer(r))
		size += r.bytes
		if len(w.batch.requests) == maxBatchRequests || size >= maxBatchBytes {
			return
		}
		if r = w.waiting(); r == nil {
			return
		}
	}
}

// waiting is the next request, or nil if there is none.
func (w *writer) waiting() *request {
	for range 2 {
		select {
		case r := <-w.node.requests:
			return r
		default:
			runtime.Gosched()
		}
	}
	return nil
}

// now is the time of a commit, never before that of its predecessor, so that
// the events older than an age are always the first ones of a stream.
func (w *writer) now() time.Time {
	now := w.node.options.Now().UTC().Truncate(createdPrecision)
	if now.Before(w.created) {
		return w.created
	}
	return now
}

// commit makes the batch durable, shows it to readers, and only then answers.
func (w *writer) commit() error {
	b := &w.batch
	if err := w.store(); err != nil {
		for _, r := range b.requests {
			r.done <- answer{err: err}
		}
		return err
	}
	if len(b.entries) > 0 {
		w.node.publish(b.entries)
	}
	for i, r := range b.requests {
		r.done <- b.answers[i]
	}
	w.ids.stored()
	b.clear()
	return nil
}

func (w *writer) store() error {
	if len(w.batch.entries) == 0 {
		return w.node.health.err()
	}
	writes := w.db.NewBatch()
	w.batch.write(writes)
	if err := w.db.Apply(writes, pebble.Sync); err != nil {
		w.node.health.fail(err)
	}
	// The fence hides failures of the disk from Pebble; this is where they
	// count.
	if err := w.node.health.err(); err != nil {
		return err
	}
	return writes.Close()
}

// write fills Pebble's batch in the order of keys, in which each is found to
// belong right behind the one before it.
func (b *batch) write(writes *pebble.Batch) {
	for i := range b.entries {
		e := &b.entries[i]
		op := writes.SetDeferred(eventKeySize, len(e.packed))
		appendEventKey(op.Key[:0], e.event.Position)
		copy(op.Value, e.packed)
		finish(op)
	}
	b.index.write(writes)
}

// finish ends a deferred operation. It can fail only for batches with an
// index, which these are not.
func finish(op *pebble.DeferredBatchOp) {
	if err := op.Finish(); err != nil {
		panic(err)
	}
}

func (b *batch) clear() {
	clear(b.requests)
	clear(b.entries)
	b.requests, b.answers, b.entries = b.requests[:0], b.answers[:0], b.entries[:0]
	b.index.clear()
}

// put adds an event to the batch, at the end of its stream.
func (w *writer) put(h *head, e *entry) {
	h.last++
	w.putAt(h, e, h.last)
}

func (w *writer) putAt(h *head, e *entry, revision int64) {
	position := w.next
	w.next++
	index := &w.batch.index
	if h.number == 0 {
		h.number = uint64(position)
		w.metastreams = w.metastreams || strings.HasPrefix(e.event.Stream, MetastreamPrefix)
		index.add(appendNameKey(index.key(), e.event.Stream), h.number)
	}
	e.place(position, h.number, revision, w.created)
	index.add(appendStreamKey(index.key(), h.number, uint64(revision)), uint64(position))
	index.add(appendIDKey(index.key(), h.number, e.event.ID), uint64(revision))
	w.ids.add(h.number, e.event.ID, revision)
	w.batch.entries = append(w.batch.entries, *e)
}
