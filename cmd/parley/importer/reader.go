package importer

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// posting is a message on its way into a conversation.
type posting struct {
	conversation *conversation
	author       *person
	at           time.Time
	text         string
	origin       origin
}

// weight is what a posting holds in memory, nearly.
func (p posting) weight() int64 { return int64(len(p.origin.line)) + 128 }

// origin is the line that something comes from.
type origin struct {
	path   string
	number int
	line   string
}

func (o origin) String() string { return fmt.Sprintf("%s:%d", filepath.Base(o.path), o.number) }

// parties are what a conversation is known by in the files: its room, or two
// people, the first being the one with the lesser handle.
type parties struct {
	room string
	a, b *person
}

// reader reads the files line by line and hands on what they tell. All its
// fields are its own.
type reader struct {
	*importing
	newcomers     chan<- *person
	lanes         []chan posting
	conversations map[parties]*conversation
}

func (r *reader) run(ctx context.Context) error {
	for _, source := range r.survey.sources {
		err := readLines(ctx, source.path, func(number int, line string, err error) error {
			from := origin{source.path, number, line}
			if err != nil {
				r.tally.unreadable(from, err)
				return nil
			}
			return r.line(ctx, from)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) line(ctx context.Context, from origin) error {
	e, err := r.parse(from.line, from.number)
	switch {
	case err != nil:
		r.tally.unreadable(from, err)
		return nil
	case e.blank():
		r.tally.blank()
		return nil
	case e.passed != "":
		r.tally.passed(e.passed)
		return nil
	}
	author, err := r.person(ctx, e.from, e.at)
	if err != nil {
		return err
	}
	who := parties{room: e.room}
	if e.to != "" {
		other, err := r.person(ctx, e.to, e.at)
		if err != nil {
			return err
		}
		who = pair(author, other)
	}
	c := r.conversation(who)
	p := posting{c, author, e.at, e.text, from}
	if err := r.underWay.Acquire(ctx, p.weight()); err != nil {
		return err
	}
	return send(ctx, r.lanes[c.lane], p)
}

func pair(a, b *person) parties {
	if a.handle > b.handle {
		a, b = b, a
	}
	return parties{a: a, b: b}
}

// person finds somebody and, the first time, has them registered.
func (r *reader) person(ctx context.Context, handle string, at time.Time) (*person, error) {
	p := r.survey.people.find(handle)
	if p.expected {
		return p, nil
	}
	p.expected = true
	if p.first.IsZero() { // the file has grown since the survey
		p.first = at
	}
	return p, send(ctx, r.newcomers, p)
}

// conversation finds a conversation; new ones go to the lanes in turn.
func (r *reader) conversation(who parties) *conversation {
	c := r.conversations[who]
	if c == nil {
		who.room = strings.Clone(who.room) // it is a part of a line
		c = &conversation{parties: who, lane: len(r.conversations) % len(r.lanes)}
		r.conversations[who] = c
	}
	return c
}
