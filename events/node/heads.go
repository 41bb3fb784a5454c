package node

import (
	"fmt"

	"github.com/google/uuid"

	"parley/events"
)

// head is a stream's, cached or read from the store.
func (w *writer) head(stream string) (*head, error) {
	h, err := w.cachedHead(stream)
	if err != nil {
		return nil, err
	}
	if original, ok := originalOf(stream); ok {
		described, err := w.cachedHead(original)
		if err != nil {
			return nil, err
		}
		h.tombstoned = described.tombstoned
	}
	return h, nil
}

func (w *writer) cachedHead(stream string) (*head, error) {
	if h, ok := w.heads.Get(stream); ok {
		return h, nil
	}
	h, err := w.loadHead(stream)
	if err != nil {
		return nil, fmt.Errorf("reading the end of stream %s: %w", stream, err)
	}
	w.heads.Add(stream, h)
	return h, nil
}

func (w *writer) loadHead(stream string) (*head, error) {
	s, err := findStream(w.db, stream, events.End)
	if err != nil {
		return nil, err
	}
	h := &head{number: s.number, last: s.last, tombstoned: s.tombstoned}
	if _, isMetadata := originalOf(stream); isMetadata || !w.metastreams {
		return h, nil
	}
	latest, found, err := latestMetadata(w.db, stream, events.End)
	h.hasMetadata, h.metadata = found, parseMetadata(latest.Data)
	return h, err
}

// event is the one at a revision that the stream has, whether it is in the
// store or in the batch being built.
func (w *writer) event(h *head, revision int64) (events.Recorded, error) {
	for i := len(w.batch.entries) - 1; i >= 0; i-- {
		e := &w.batch.entries[i]
		if e.number == h.number && e.event.Revision == uint64(revision) {
			return e.event, nil
		}
	}
	e, found, err := findEvent(w.db, h.number, uint64(revision), events.End)
	if err == nil && !found {
		err = fmt.Errorf("the event at revision %d is missing: restore the data directory from a backup", revision)
	}
	return e, err
}

// past answers a decision's questions about one stream.
type past struct {
	writer *writer
	head   *head
}

func (p past) revisionOf(id uuid.UUID) (int64, bool, error) {
	if p.head.number == 0 {
		return 0, false, nil
	}
	return p.writer.ids.find(p.head.number, id)
}

func (p past) idAt(revision int64) (uuid.UUID, error) {
	e, err := p.writer.event(p.head, revision)
	return e.ID, err
}
