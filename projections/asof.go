package projections

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// Moment is a point in the history of the log: after the event at a position,
// or if that is zero, after the last event that the log had taken at a time.
type Moment struct {
	Position events.Position
	Time     time.Time
}

// AsOf returns messages of a conversation as they stood at a moment, whoever
// asks: those that were posted until then, with the texts that they had. What
// was retracted since is shown as retracted, unless unseen asks for what it
// said. Reactions are left out.
//
// Errors: ErrNotFound, ErrRange, and the log's.
func (c *Conversations) AsOf(ctx context.Context, conversation uuid.UUID, r Range, at Moment, unseen bool) (Page, error) {
	end, err := c.revisionsUntil(ctx, conversation, at)
	if err != nil {
		return Page{}, err
	}
	if r.After == nil && (r.Before == nil || *r.Before > end) {
		r.Before = &end
	}
	page, err := c.Page(ctx, conversation, r)
	if err != nil {
		return Page{}, err
	}
	for i := range page.Messages {
		if page.Messages[i].Number >= end {
			page.Messages, page.Next = page.Messages[:i], nil
			break
		}
	}
	for i := range page.Messages {
		if err := c.stood(ctx, &page.Messages[i], end, unseen); err != nil {
			return Page{}, fmt.Errorf("message %d of %s as it stood: %w", page.Messages[i].Number, conversation, err)
		}
	}
	return page, nil
}

// revisionsUntil is the first revision of a conversation's messages' stream
// that stands after a moment.
func (c *Conversations) revisionsUntil(ctx context.Context, conversation uuid.UUID, at Moment) (uint64, error) {
	stream := events.MessagesStream(conversation)
	if at.Position > 0 {
		first, _, err := events.RevisionsAfter(ctx, c.journal.Log, stream, at.Position)
		return first, err
	}
	low, high := uint64(0), uint64(0)
	for last, err := range c.journal.Log.Read(ctx, stream, events.LastRevision, events.Backwards, 1) {
		if err != nil {
			return 0, err
		}
		high = last.Revision + 1
	}
	for low < high {
		middle := low + (high-low)/2
		for event, err := range c.journal.Log.Read(ctx, stream, middle, events.Forwards, 1) {
			if err != nil {
				return 0, err
			}
			if event.Created.After(at.Time) {
				high = middle
			} else {
				low = middle + 1
			}
		}
	}
	return low, nil
}

// stood makes a message what it was before a revision of its stream.
func (c *Conversations) stood(ctx context.Context, m *Message, end uint64, unseen bool) error {
	m.Reactions = []Reaction{}
	if m.EditedAt == nil && !m.Retracted || m.Retracted && !unseen {
		return nil
	}
	stream := events.MessagesStream(m.ConversationID)
	event, _, err := c.journal.Fact(ctx, stream, m.Number)
	if err != nil {
		return err
	}
	if *m, err = Posted(event); err != nil {
		return err
	}
	last, err := c.lastVersion(ctx, m, end)
	if err != nil || last < 0 {
		return err
	}
	event, _, err = c.journal.Fact(ctx, stream, uint64(last))
	if err == nil {
		m.evolve(&event)
	}
	return err
}

// lastVersion is the revision at which a message was changed last before a
// revision of its stream, or -1.
func (c *Conversations) lastVersion(ctx context.Context, m *Message, end uint64) (int64, error) {
	last := int64(-1)
	err := c.store.QueryRow(ctx, `SELECT COALESCE(MAX(revision), $1) FROM versions WHERE conversation = $2 AND number = $3 AND revision < $4`,
		[]any{last, m.ConversationID[:], int64(m.Number), int64(end)}, &last)
	return last, err
}

// wording is a message as it stood at a position, or as it stood before it was
// retracted, if it was by then.
func (c *Conversations) wording(ctx context.Context, m Message, at events.Position) (Message, error) {
	if m.EditedAt == nil && !m.Retracted {
		m.Reactions = []Reaction{}
		return m, nil
	}
	end, err := c.revisionsUntil(ctx, m.ConversationID, Moment{Position: at})
	if err != nil {
		return m, err
	}
	if err := c.stood(ctx, &m, end, true); err != nil || !m.Retracted {
		return m, err
	}
	retracted, err := c.lastVersion(ctx, &m, end)
	if err != nil {
		return m, err
	}
	return m, c.stood(ctx, &m, uint64(retracted), true)
}
