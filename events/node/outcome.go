package node

import (
	"github.com/google/uuid"

	"parley/events"
)

// decide decides one request and adds what it writes to the batch. It reads
// all it needs before it writes anything, so that an error leaves no trace.
func (w *writer) decide(r *request) (Outcome, error) {
	h, outcome, err := w.judge(&r.part)
	switch {
	case err != nil || outcome.Status != Written:
	case r.kind == appendEvents:
		err = w.appended(&r.part, h, &outcome)
	case r.kind == deleteStream:
		err = w.deleted(r, h, &outcome)
	case r.kind == tombstoneStream:
		outcome.First, outcome.Last = TombstoneRevision, TombstoneRevision
		outcome.Position = w.tombstone(r, h)
	}
	if err != nil {
		return Outcome{}, events.Unavailable(err)
	}
	return outcome, nil
}

// judge decides one part by its stream's head, and finds the place of a repeat.
// It writes nothing.
func (w *writer) judge(p *part) (h *head, o Outcome, err error) {
	if h, err = w.head(p.stream); err != nil {
		return nil, o, err
	}
	d, err := decide(h, p.expected, p.ids, past{w, h})
	if err != nil {
		return nil, o, err
	}
	o = Outcome{Status: d.status, First: d.first, Last: d.last, Current: h.last}
	if d.status == Repeated {
		err = w.repeated(h, &o)
	}
	return h, o, err
}

// repeated finds the place of the events of a repeat.
func (w *writer) repeated(h *head, o *Outcome) error {
	e, err := w.event(h, o.Last)
	if err != nil {
		return err
	}
	o.Position, o.Created = e.Position, e.Created
	o.Hidden = o.Last < h.metadata.firstByRevision(h.last) || h.metadata.expired(e.Created, w.created)
	return nil
}

// appended writes the events, and what goes with them.
func (w *writer) appended(p *part, h *head, o *Outcome) error {
	if len(p.entries) == 0 {
		return nil
	}
	if original, isMetadata := originalOf(p.stream); isMetadata {
		return w.describe(original, h, p.entries, o)
	}
	recreation, err := w.recreated(p.stream, h)
	if err != nil {
		return err
	}
	return w.putAll(p, h, recreation, o)
}

// recreated is the metadata that goes with a write to a soft-deleted stream,
// which recreates it after its last event, and nil for other streams.
func (w *writer) recreated(stream string, h *head) (*entry, error) {
	if !h.softDeleted() {
		return nil, nil
	}
	meta, err := w.head(metastreamOf(stream))
	if err != nil {
		return nil, err
	}
	latest, err := w.event(meta, meta.last)
	if err != nil {
		return nil, err
	}
	return w.recreation(stream, latest.Data, h.last+1)
}

// putAll adds an append's events to the batch. It fails only if there is a
// recreation, and not after recreated has found that: the heads it takes are in
// memory then.
func (w *writer) putAll(p *part, h *head, recreation *entry, o *Outcome) error {
	for i := range p.entries {
		w.put(h, &p.entries[i])
	}
	o.Position, o.Created = w.next-1, w.created
	return w.putMetadata(h, recreation)
}

// describe writes metadata events of the stream original to its metastream. New
// metadata for a soft-deleted stream recreates it.
func (w *writer) describe(original string, meta *head, entries []entry, o *Outcome) error {
	h, err := w.head(original)
	if err != nil {
		return err
	}
	var recreation *entry
	if h.softDeleted() {
		latest := entries[len(entries)-1].event.Data
		if recreation, err = w.recreation(original, latest, h.last+1); err != nil {
			return err
		}
	}
	for i := range entries {
		w.put(meta, &entries[i])
	}
	o.Position = w.next - 1
	w.described(h, entries[len(entries)-1].event)
	return w.putMetadata(h, recreation)
}

// deleted soft-deletes a stream. One that has neither events nor metadata
// cannot be deleted.
func (w *writer) deleted(r *request, h *head, o *Outcome) error {
	o.First, o.Last = h.last, h.last
	if h.last < 0 && !h.hasMetadata {
		o.Status = Conflict
		return nil
	}
	e := packMetadata(r.stream, r.ids[0], softDeletion)
	if err := w.putMetadata(h, e); err != nil {
		return err
	}
	o.Position = w.next - 1
	return nil
}

func (w *writer) tombstone(r *request, h *head) events.Position {
	e := pack(r.stream, []events.Proposed{{ID: r.ids[0], Type: TypeStreamDeleted, Binary: true}})
	w.putAt(h, &e[0], TombstoneRevision)
	h.tombstoned = true
	return w.next - 1
}

// recreation is the metadata that lets a soft-deleted stream begin again at a
// revision.
func (w *writer) recreation(stream string, latest []byte, from int64) (*entry, error) {
	data, err := truncatedBefore(latest, from)
	if err != nil {
		return nil, err
	}
	return packMetadata(stream, w.node.options.NewID(), data), nil
}

func packMetadata(stream string, id uuid.UUID, data []byte) *entry {
	entries := pack(metastreamOf(stream), []events.Proposed{{ID: id, Type: TypeMetadata, Data: data}})
	return &entries[0]
}

// putMetadata adds an event, if there is one, to the metastream of a stream.
func (w *writer) putMetadata(h *head, e *entry) error {
	if e == nil {
		return nil
	}
	meta, err := w.head(e.event.Stream)
	if err != nil {
		return err
	}
	w.put(meta, e)
	w.described(h, e.event)
	return nil
}

func (w *writer) described(h *head, e events.Recorded) {
	h.hasMetadata = true
	h.metadata = parseMetadata(e.Data)
}
