package node

import (
	"github.com/google/uuid"

	"parley/events"
)

// history is what a decision may ask about a stream's past.
type history interface {
	// revisionOf is the revision of the latest event with an id.
	revisionOf(id uuid.UUID) (revision int64, known bool, err error)
	// idAt is the id of the event at a revision that exists.
	idAt(revision int64) (uuid.UUID, error)
}

// head is a stream as the next write finds it.
type head struct {
	// number is the stream's, 0 until its first event is written.
	number uint64
	// last is the last revision, -1 if there is none; the event that
	// tombstones a stream does not count.
	last       int64
	tombstoned bool
	// hasMetadata tells whether the metastream has an event.
	hasMetadata bool
	metadata    metadata
}

// softDeleted tells whether the stream was deleted and not recreated.
func (h *head) softDeleted() bool { return h.metadata.softDeleted() }

// decision is what becomes of a write: with Written and Repeated, first and
// last are the revisions that its events have.
type decision struct {
	status      Status
	first, last int64
}

// decide follows the protocol's order: deletion first, then what the writer
// expects, then whether the ids are known.
func decide(h *head, expected events.Expected, ids []uuid.UUID, past history) (decision, error) {
	switch {
	case h.tombstoned:
		return decision{status: Deleted}, nil
	case expected == events.StreamExists && h.softDeleted():
		return decision{status: Deleted}, nil
	case expected == events.StreamExists && h.last < 0 && !h.hasMetadata:
		return decision{status: Conflict}, nil
	case expected == events.Any || expected == events.StreamExists:
		return decideAnywhere(h, ids, past)
	case int64(expected) < h.last:
		return decideBehind(h, int64(expected), ids, past)
	case int64(expected) > h.last:
		return decision{status: Conflict}, nil
	}
	return write(h, ids), nil
}

func write(h *head, ids []uuid.UUID) decision {
	if len(ids) == 0 {
		return decision{status: Written, first: h.last, last: h.last}
	}
	return decision{status: Written, first: h.last + 1, last: h.last + int64(len(ids))}
}

// decideAnywhere recognises a repeat wherever its events stand. An append of
// which only the beginning is known is neither a repeat nor new.
func decideAnywhere(h *head, ids []uuid.UUID, past history) (decision, error) {
	repeat := decision{status: Repeated}
	for i, id := range ids {
		revision, known, err := past.revisionOf(id)
		switch {
		case err != nil:
			return decision{}, err
		case !known && i == 0:
			return write(h, ids), nil
		case !known:
			return decision{status: Conflict}, nil
		case i == 0:
			repeat.first = revision
		}
		repeat.last = revision
	}
	if len(ids) == 0 {
		return write(h, ids), nil
	}
	return repeat, nil
}

// decideBehind handles a writer that expects less than there is: it repeats
// itself if exactly its events follow the revision it expects.
func decideBehind(h *head, expected int64, ids []uuid.UUID, past history) (decision, error) {
	conflict := decision{status: Conflict}
	if len(ids) == 0 {
		return conflict, nil
	}
	for i, id := range ids {
		revision := expected + 1 + int64(i)
		if revision > h.last {
			return conflict, nil
		}
		there, err := past.idAt(revision)
		if err != nil {
			return decision{}, err
		}
		if there == id {
			continue
		}
		if i == 0 && expected == int64(events.NoStream) && h.softDeleted() {
			return write(h, ids), nil
		}
		return conflict, nil
	}
	return decision{status: Repeated, first: expected + 1, last: expected + int64(len(ids))}, nil
}
