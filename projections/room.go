package projections

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

// room is what must be known of a conversation to apply its next fact, and
// what the batch being applied has not yet written of it. However many
// messages a batch brings, a conversation costs it one update, and each author
// one.
type room struct {
	id       uuid.UUID
	messages int64 // how many there are, which is the last one's ordinal
	last     int64 // the last one's number, or -1
	activity int64 // Unix microseconds of the newest
	changed  events.Position
	// participants is how many there are, joined how many ever came.
	participants, joined int64
	// applied is the last revision of its messages' stream that was applied
	// or had no effect, or -1.
	applied int64
	// business says that people speak in it who are not participants: a
	// merchant's agents.
	business bool
	// voices are people noted in voicesTable since the room is in memory.
	voices map[uuid.UUID]bool
	// pinned are the numbers of messages, those pinned last at the end.
	pinned []uint64

	// open is the messages that came last, as far as they are not stored.
	open run
	// lines are those that were added or replaced.
	lines []numberedLine
	// loaded are stored runs in which messages have changed, in order.
	loaded  []*run
	markers map[uuid.UUID]*marker
	// regrouped are those who joined or left, or archived it or no longer do.
	regrouped []uuid.UUID

	touched     bool // it is in order
	moved       bool // what the conversation's row has of messages changed
	altered     bool // so did its pages
	pinsChanged bool
	crewChanged bool
	crewUnsaved bool // participants or joined is not yet written
}

// room returns a conversation that was started.
func (c *Conversations) room(ctx context.Context, tx *views.Tx, id uuid.UUID) (*room, error) {
	if r, known := c.rooms[id]; known {
		return c.touch(r), nil
	}
	r := &room{id: id}
	var pinned string
	err := tx.QueryRow(ctx, `SELECT messages, last_number, activity, changed, participants, joined, applied, pinned, CASE WHEN merchant IS NULL THEN 0 ELSE 1 END FROM conversations WHERE id = $1`,
		[]any{id[:]}, &r.messages, &r.last, &r.activity, &r.changed, &r.participants, &r.joined, &r.applied, &pinned, &r.business)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("conversation %s was never started", id)
	}
	if err == nil {
		r.pinned, err = pinsFrom(pinned)
	}
	if err != nil {
		return nil, err
	}
	return c.touch(r), nil
}

// touch enlists a room in the batch.
func (c *Conversations) touch(r *room) *room {
	c.rooms[r.id] = r
	if !r.touched {
		r.touched = true
		c.order = append(c.order, r)
	}
	return r
}

// post adds a message, which its author has read.
func (r *room) post(ctx context.Context, tx *views.Tx, item *roomFact, fact *events.MessagePosted) error {
	number := int64(item.Revision)
	if !r.open.takes(item.line) {
		if err := r.open.store(ctx, tx, r.id); err != nil {
			return err
		}
		r.open = run{first: number, ordinal: r.messages + 1}
	}
	r.open.add(number, item.line)
	r.lines = append(r.lines, numberedLine{number, item.line})
	r.messages++
	r.last = number
	r.activity = max(r.activity, item.Meta.OccurredAt.UnixMicro())
	r.alter(item.Position)
	author := r.marker(fact.Author)
	author.move(r.messages, number, number)
	author.own.add(r.messages)
	if writer, _ := wordsOf(fact); r.business || writer != fact.Author {
		if err := r.addVoice(ctx, tx, writer); err != nil {
			return err
		}
	}
	if fact.Forwarded != nil && item.ID.Version() == keyedVersion {
		if err := addForward(ctx, tx, r.id, &item.Event); err != nil {
			return err
		}
	}
	return mention(ctx, tx, r.id, r.messages, nil, fact.Mentions)
}

// alter notes that the pages change at a position.
func (r *room) alter(at events.Position) {
	r.changed = at
	r.altered, r.moved = true, true
}

// change applies a fact to a message that was posted before. One that is about
// nothing that was posted has no effect.
func (r *room) change(ctx context.Context, tx *views.Tx, event *events.Event) error {
	number, ok := events.MessageNumber(*event)
	if !ok || number > newest {
		return nil
	}
	in, err := r.runOf(ctx, tx, int64(number))
	if err != nil {
		return err
	}
	start, end, ordinal, found := in.find(int64(number))
	if !found {
		return nil
	}
	m, err := messageFrom(in.lines[start:end])
	if err != nil {
		return err
	}
	mentioned := m.Mentions
	if !m.evolve(event) {
		return nil
	}
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	in.replace(start, end, line)
	r.lines = append(r.lines, numberedLine{int64(number), line})
	r.alter(event.Position)
	if err := mention(ctx, tx, r.id, ordinal, mentioned, m.Mentions); err != nil {
		return err
	}
	return r.noteVersion(ctx, tx, event, number)
}

// noteVersion notes an edit or a retraction, which also ends a pin.
func (r *room) noteVersion(ctx context.Context, tx *views.Tx, event *events.Event, number uint64) error {
	switch event.Fact.(type) {
	case *events.MessageRetracted:
		r.unpin(number)
	case *events.MessageEdited:
	default:
		return nil
	}
	return addVersion(ctx, tx, r.id, number, event.Revision)
}

// runOf returns the run that a message is in, to be changed. If there is none
// it has no messages.
func (r *room) runOf(ctx context.Context, tx *views.Tx, number int64) (*run, error) {
	if r.open.size > 0 && number >= r.open.first {
		return &r.open, nil
	}
	at, exact := slices.BinarySearchFunc(r.loaded, number, func(in *run, number int64) int { return cmp.Compare(in.first, number) })
	if exact {
		return r.loaded[at], nil
	}
	if at > 0 && number <= r.loaded[at-1].last {
		return r.loaded[at-1], nil
	}
	in, err := loadRun(ctx, tx, r.id, number)
	if err != nil || in.size == 0 || number > in.last {
		return new(run), err
	}
	r.loaded = slices.Insert(r.loaded, at, in)
	return in, nil
}

// pin notes a message that is pinned. One that was retracted meanwhile is not.
func (r *room) pin(ctx context.Context, tx *views.Tx, number uint64) error {
	if number > newest || slices.Contains(r.pinned, number) {
		return nil
	}
	in, err := r.runOf(ctx, tx, int64(number))
	if err != nil {
		return err
	}
	start, end, _, found := in.find(int64(number))
	if !found {
		return nil
	}
	m, err := messageFrom(in.lines[start:end])
	if err != nil {
		return err
	}
	if !m.Retracted {
		r.pinned = append(r.pinned, number)
		r.pinsChanged = true
	}
	return nil
}

func (r *room) unpin(number uint64) {
	if i := slices.Index(r.pinned, number); i >= 0 {
		r.pinned = slices.Delete(r.pinned, i, i+1)
		r.pinsChanged = true
	}
}

func (r *room) rename(ctx context.Context, tx *views.Tx, fact *events.ConversationRenamed) error {
	return tx.Queue(ctx, `UPDATE conversations SET title = $1, title_by = $2 WHERE id = $3`, fact.Title.Plain, fact.By[:], r.id[:])
}

// store writes what the batch has changed.
func (r *room) store(ctx context.Context, tx *views.Tx) error {
	if err := r.storeMessages(ctx, tx); err != nil {
		return err
	}
	if r.pinsChanged {
		pinned, err := json.Marshal(r.pinned)
		if err != nil {
			return err
		}
		if err := tx.Queue(ctx, `UPDATE conversations SET pinned = $1 WHERE id = $2`, string(pinned), r.id[:]); err != nil {
			return err
		}
	}
	if r.crewUnsaved {
		err := tx.Queue(ctx, `UPDATE conversations SET participants = $1, joined = $2 WHERE id = $3`, r.participants, r.joined, r.id[:])
		if err != nil {
			return err
		}
		r.crewUnsaved = false
	}
	return r.storeMarkers(ctx, tx)
}

func (r *room) storeMessages(ctx context.Context, tx *views.Tx) error {
	if !r.moved {
		return nil
	}
	for _, in := range append(r.loaded, &r.open) {
		if err := in.store(ctx, tx, r.id); err != nil {
			return err
		}
	}
	err := tx.Queue(ctx, `UPDATE conversations SET messages = $1, last_number = $2, activity = $3, changed = $4, applied = $5
		WHERE id = $6`,
		r.messages, r.last, r.activity, int64(r.changed), r.applied, r.id[:])
	r.open, r.loaded = run{}, nil
	return err
}

// pinsFrom reads the numbers of pinned messages from their column.
func pinsFrom(column string) ([]uint64, error) {
	pinned := []uint64{}
	if column == "[]" {
		return pinned, nil
	}
	if err := json.Unmarshal([]byte(column), &pinned); err != nil {
		return nil, fmt.Errorf("pinned messages in the view: %w", err)
	}
	return pinned, nil
}
