package node

import (
	"encoding/binary"
	"errors"
	"runtime"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"
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
	cachedHeads = 64 * maxBatchRequests
)

// writer is the goroutine that owns the log's growth: the next position, the
// clock, the heads of streams and the batch being built are its alone.
type writer struct {
	node    *Node
	db      *pebble.DB
	next    events.Position
	created time.Time
	heads   *simplelru.LRU[string, *head]
	batch   batch
}

// batch is what one commit brings.
type batch struct {
	writes   *pebble.Batch
	requests []*request
	answers  []answer
	entries  []entry
	// ids finds the events of this batch, which the store cannot find yet.
	ids map[streamEvent]int64
}

type streamEvent struct {
	number uint64
	id     uuid.UUID
}

func newWriter(n *Node, last events.Recorded) *writer {
	heads, err := simplelru.NewLRU[string, *head](cachedHeads, nil)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &writer{
		node: n, db: n.db, next: last.Position + 1, created: last.Created, heads: heads,
		batch: batch{ids: map[streamEvent]int64{}},
	}
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
	w.batch.writes = w.db.NewBatch()
	size := 0
	for {
		outcome, err := w.decide(r)
		w.batch.requests = append(w.batch.requests, r)
		w.batch.answers = append(w.batch.answers, answer{outcome, err})
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
	if err := w.store(b.writes); err != nil {
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
	clear(b.requests)
	clear(b.entries)
	clear(b.ids)
	b.requests, b.answers, b.entries = b.requests[:0], b.answers[:0], b.entries[:0]
	return nil
}

func (w *writer) store(writes *pebble.Batch) error {
	if writes.Empty() {
		return errors.Join(writes.Close(), w.node.health.err())
	}
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

// put adds an event to the batch, at the end of its stream.
func (w *writer) put(h *head, e *entry) {
	h.last++
	w.putAt(h, e, h.last)
}

func (w *writer) putAt(h *head, e *entry, revision int64) {
	position := w.next
	w.next++
	if h.number == 0 {
		h.number = uint64(position)
		w.putName(e.event.Stream, h.number)
	}
	e.place(position, revision, w.created)
	id := e.event.ID

	event := w.batch.writes.SetDeferred(eventKeySize, len(e.packed))
	appendEventKey(event.Key[:0], position)
	copy(event.Value, e.packed)
	finish(event)
	w.putNumber(appendStreamKey(nil, h.number, uint64(revision)), uint64(position))
	w.putNumber(appendIDKey(nil, h.number, id), uint64(revision))

	w.batch.ids[streamEvent{h.number, id}] = revision
	w.batch.entries = append(w.batch.entries, *e)
}

func (w *writer) putName(stream string, number uint64) {
	w.putNumber(appendNameKey(make([]byte, 0, 1+len(stream)), stream), number)
}

func (w *writer) putNumber(key []byte, number uint64) {
	var value [binary.MaxVarintLen64]byte
	size := binary.PutUvarint(value[:], number)
	op := w.batch.writes.SetDeferred(len(key), size)
	copy(op.Key, key)
	copy(op.Value, value[:size])
	finish(op)
}

// finish ends a deferred operation. It can fail only for batches with an
// index, which these are not.
func finish(op *pebble.DeferredBatchOp) {
	if err := op.Finish(); err != nil {
		panic(err)
	}
}
