package importer

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
)

// What one append takes at most. With sealing and metadata, it stays below
// events.MaxAppendBytes.
const (
	batchPostings = 256
	batchBytes    = 384 << 10
)

// lane carries postings into the conversations that belong to it.
type lane struct {
	*importing
	postings <-chan posting
}

// run delivers what waits, one conversation after the other, until no more
// comes.
func (l *lane) run(ctx context.Context) error {
	for {
		select {
		case first, more := <-l.postings:
			if !more {
				return nil
			}
			for _, group := range l.gather(first) {
				if err := l.deliverAll(ctx, group); err != nil {
					return err
				}
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// gather groups the postings that wait by conversation, keeping their order
// in each.
func (l *lane) gather(first posting) [][]posting {
	var groups [][]posting
	place := make(map[*conversation]int)
	add := func(p posting) {
		at, known := place[p.conversation]
		if !known {
			at = len(groups)
			place[p.conversation] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], p)
	}
	add(first)
	for range laneQueue {
		select {
		case next, more := <-l.postings:
			if !more {
				return groups
			}
			add(next)
		default:
			return groups
		}
	}
	return groups
}

// cut takes from a conversation's postings what one append can take.
func cut(group []posting) (batch, rest []posting) {
	size := 0
	for i, p := range group {
		size += len(p.text)
		if i > 0 && (i == batchPostings || size > batchBytes) {
			return group[:i], group[i:]
		}
	}
	return group, nil
}

// deliverAll delivers a conversation's postings, which are not under way then.
func (l *lane) deliverAll(ctx context.Context, group []posting) error {
	for len(group) > 0 {
		var batch []posting
		batch, group = cut(group)
		if err := l.deliver(ctx, batch); err != nil {
			return err
		}
		for _, p := range batch {
			l.underWay.Release(p.weight())
		}
	}
	return nil
}

// deliver posts a conversation's postings that are not in it yet. What it has
// begun to write it writes to the end, so that what is counted is what is in
// the log.
func (l *lane) deliver(ctx context.Context, batch []posting) error {
	c := batch[0].conversation
	if !c.open {
		if err := l.open(ctx, c); err != nil {
			return err
		}
	}
	writing := context.WithoutCancel(ctx)
	admitted := make([]keyed, 0, len(batch))
	for _, p := range batch {
		if err := p.author.wait(ctx); err != nil {
			return err
		}
		k := l.key(p)
		if p.author.refused == nil && !l.take(c, k.id) {
			l.tally.known()
			continue
		}
		err := l.admit(writing, c, p)
		switch {
		case err == nil:
			admitted = append(admitted, k)
		case refusal(err):
			l.tally.refused(p.origin, err)
		default:
			return err
		}
	}
	return l.post(writing, c, admitted)
}

// keyed is a posting with the key that makes a repeat recognisable.
type keyed struct {
	posting
	key string
	id  uuid.UUID
}

// post posts all postings in one append. If one of them is refused, it halves
// them until that one stands alone.
func (l *lane) post(ctx context.Context, c *conversation, batch []keyed) error {
	if len(batch) == 0 {
		return nil
	}
	_, err := l.commands.PostAll(ctx, c.id, postings(batch))
	switch {
	case err == nil:
		l.tally.posted(len(batch))
		return nil
	case !refusal(err):
		return err
	case len(batch) == 1:
		l.tally.refused(batch[0].origin, err)
		return nil
	}
	middle := len(batch) / 2
	if err := l.post(ctx, c, batch[:middle]); err != nil {
		return err
	}
	return l.post(ctx, c, batch[middle:])
}

func postings(batch []keyed) []commands.Posting {
	all := make([]commands.Posting, len(batch))
	for i, k := range batch {
		all[i] = commands.Posting{
			Cause:   events.Cause{Actor: k.author.id.String(), OccurredAt: k.at, IdempotencyKey: k.key},
			Message: decide.Message{Author: k.author.id, Text: k.text},
		}
	}
	return all
}
