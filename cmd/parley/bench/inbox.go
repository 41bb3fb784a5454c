package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/projections"
)

const (
	// inboxLimit is how many conversations the first page of an inbox has, and
	// inboxText how long the messages are, in bytes.
	inboxLimit, inboxText = 50, 100
	// saidEach is how many messages each conversation has.
	saidEach = 2
)

// Inbox measures how fast the inboxes of people in many conversations are
// answered over HTTP, and that they have not changed to those who have them,
// against a bare handler that sends the same bytes.
func Inbox(ctx context.Context, p Program, o Options) (_ *Report, err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	b, err := newInboxes(ctx, p, o, &open)
	if err != nil {
		return nil, err
	}
	full := newInboxComparison("the newest 50 conversations")
	unchanged := newInboxComparison("the same, to who has them")
	shown := o.begin("reading inboxes", 2*o.Rounds)
	defer shown.end()
	for _, c := range []struct {
		*Comparison
		has bool
	}{{full, false}, {unchanged, true}} {
		if err := b.measure(ctx, c.Comparison, c.has, shown); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		c.finish()
	}
	return &Report{
		Benchmark:   "inbox",
		Setting:     fmt.Sprintf("%d conversations each, %d clients, %d rounds of %s, %s", o.Rooms, o.Clients, o.Rounds, o.bound(), machine()),
		Comparisons: []Comparison{*full, *unchanged},
		Notes: []string{
			fmt.Sprintf("the control sends the same header and body, %d bytes of body", len(b.pages[0].body)),
			"every inbox was compared with what was written before, and every answer of both sides with that inbox",
		},
	}, nil
}

func newInboxComparison(name string) *Comparison {
	return &Comparison{Name: name, Unit: "inboxes", Parley: Side{Name: "parley"}, Control: Side{Name: "bare handler"}}
}

// inboxes is the measurement of inboxes. Each client is a person with
// conversations of their own, all of them with one friend whom they share.
type inboxes struct {
	options Options
	house   *House
	town    *town
	parley  *server
	control *server
	// pages are what Parley answered to each person, after it was checked.
	pages []*sample
}

func newInboxes(ctx context.Context, p Program, o Options, open *closers) (*inboxes, error) {
	house, err := o.openHouse(ctx, p, "parley")
	if err != nil {
		return nil, err
	}
	open.add(house.Close)
	b := &inboxes{options: o, house: house, pages: make([]*sample, o.Clients)}
	rooms := make([][]int, 0, o.Clients*o.Rooms)
	for room := range o.Clients * o.Rooms {
		rooms = append(rooms, []int{room % o.Clients, o.Clients})
	}
	if b.town, err = settle(ctx, house, o.Clients+1, rooms); err != nil {
		return nil, err
	}
	if err := b.fill(ctx); err != nil {
		return nil, fmt.Errorf("writing messages: %w", err)
	}
	if b.parley, err = listen(ctx, p, parleySide, house.Handler); err != nil {
		return nil, err
	}
	open.add(b.parley.stop)
	if err := b.check(ctx); err != nil {
		return nil, err
	}
	if b.control, err = listen(ctx, p, controlSide, sampleHandler(b.samples())); err != nil {
		return nil, err
	}
	open.add(b.control.stop)
	return b, nil
}

// fill has the friend say something in every conversation.
func (b *inboxes) fill(ctx context.Context) error {
	shown := b.options.begin("writing messages", len(b.town.rooms))
	defer shown.end()
	friend := b.town.people[b.options.Clients].id
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(settling)
	for i, room := range b.town.rooms {
		group.Go(func() error {
			defer shown.add(1)
			var postings []commands.Posting
			for n := range saidEach {
				postings = append(postings, commands.Posting{
					Cause:   events.Cause{Actor: friend.String()},
					Message: decide.Message{Author: friend, Text: b.text(i, n)},
				})
			}
			_, err := b.house.Commands.PostAll(each, room, postings)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return b.house.Views.CatchUp(ctx)
}

func (b *inboxes) text(room, number int) string {
	said := fmt.Appendf(nil, "message %d of conversation %d ", number, room)
	return string(append(said, bytes.Repeat([]byte("."), max(inboxText-len(said), 0))...))
}

// check asks for every inbox once and keeps it if it is right.
func (b *inboxes) check(ctx context.Context) error {
	c, err := dial(ctx, b.parley.address)
	if err != nil {
		return err
	}
	defer c.Close()
	for client := range b.pages {
		answer, err := c.exchange(b.request(client, b.parley.address, parleySide))
		if err == nil {
			err = b.checkInbox(client, answer)
		}
		if err != nil {
			return fmt.Errorf("the inbox of person %d: %w", client, err)
		}
		b.pages[client] = sampleOf(answer)
	}
	return nil
}

// checkInbox compares an inbox with what was written.
func (b *inboxes) checkInbox(client int, answer response) error {
	if answer.status != 200 {
		return fmt.Errorf("status %d: %s", answer.status, answer.body)
	}
	var inbox projections.Inbox
	if err := json.Unmarshal(answer.body, &inbox); err != nil {
		return err
	}
	if want := min(inboxLimit, b.options.Rooms); len(inbox.Conversations) != want {
		return fmt.Errorf("%d conversations, %d were right", len(inbox.Conversations), want)
	}
	seen := make(map[uuid.UUID]bool)
	for i, c := range inbox.Conversations {
		room := slices.Index(b.town.rooms, c.ID)
		switch {
		case room < 0 || room%b.options.Clients != client || seen[c.ID]:
			return fmt.Errorf("conversation %d is %s", i, c.ID)
		case c.Unread != saidEach || c.LastMessage == nil || c.LastMessage.Text != b.text(room, saidEach-1) || len(c.Participants) != 2:
			return fmt.Errorf("conversation %d is %+v", i, c)
		case i > 0 && c.LastMessage.PostedAt.After(inbox.Conversations[i-1].LastMessage.PostedAt):
			return fmt.Errorf("conversation %d comes after an older one", i)
		}
		seen[c.ID] = true
	}
	return nil
}

// target is where an inbox is. People share the path, so a control's has the
// person too.
func (b *inboxes) target(client int, side string) string {
	target := fmt.Sprintf("/v1/conversations?limit=%d", inboxLimit)
	if side == controlSide {
		target += fmt.Sprintf("&person=%d", client)
	}
	return target
}

func (b *inboxes) request(client int, address, side string) []byte {
	return request("GET", address, b.target(client, side), b.town.people[client].token, nil)
}

func (b *inboxes) samples() map[string]*sample {
	samples := make(map[string]*sample, 2*len(b.pages))
	for client, page := range b.pages {
		samples[b.target(client, controlSide)] = page
		samples[b.target(client, controlSide)+unchangedMark] = page.unchanged()
	}
	return samples
}

// unchangedMark ends a control's target whose answer is that nothing has
// changed.
const unchangedMark = "&unchanged"

// measure lets the two sides take turns, after a round of each that does not
// count.
func (b *inboxes) measure(ctx context.Context, c *Comparison, has bool, shown progress) error {
	for i := range b.options.Rounds + 1 {
		for _, side := range []struct {
			*server
			*Side
			name string
		}{{b.parley, &c.Parley, parleySide}, {b.control, &c.Control, controlSide}} {
			took, err := drive(ctx, side.address, b.readers(side.address, side.name, has), b.options.bound())
			if err != nil {
				return fmt.Errorf("reading from %s: %w", side.name, err)
			}
			if i > 0 {
				side.add(took)
			}
		}
		if i > 0 {
			shown.add(1)
		}
	}
	return nil
}

// readers ask for their own inboxes, with the tags of what they have if they
// have them.
func (b *inboxes) readers(address, side string, has bool) []client {
	readers := make([]client, b.options.Clients)
	for i := range readers {
		page, ask := b.pages[i], b.request(i, address, side)
		if has {
			field := fmt.Appendf(nil, "\r\nIf-None-Match: %s\r\n\r\n", page.header.Get("Etag"))
			if side == controlSide {
				ask = bytes.Replace(ask, []byte(" HTTP/1.1"), []byte(unchangedMark+" HTTP/1.1"), 1)
			}
			ask, page = append(bytes.TrimSuffix(ask, blankLine), field...), page.unchanged()
		}
		readers[i] = &reader{asks: []pageAsk{{ask, page}}}
	}
	return readers
}
