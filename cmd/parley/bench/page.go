package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"

	"golang.org/x/sync/errgroup"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/projections"
)

const (
	pageLimit = 50
	// longRoom is how many messages the warm conversation has, and shortRoom
	// how many each of the others: more than a page.
	longRoom, shortRoom = 1000, 60
	// postedAtOnce is how many messages are written in one append.
	postedAtOnce = 200
	// readingHouse is what the house is called whose pages are read.
	readingHouse = "parley"
)

// Page measures how fast the newest 50 messages are answered over HTTP against
// a bare handler that sends the same bytes: of one conversation that everybody
// reads, and of many that are read in turn. With views in PostgreSQL, the latter
// are measured against its own benchmark with the same query, too.
func Page(ctx context.Context, p Program, o Options) (_ *Report, err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	r, err := newReading(ctx, p, o, &open)
	if err != nil {
		return nil, err
	}
	comparisons, err := r.compare(ctx)
	if err != nil {
		return nil, err
	}
	return &Report{
		Benchmark:   "page",
		Setting:     fmt.Sprintf("newest %d messages, %d clients, %d rounds of %s, %s", pageLimit, o.Clients, o.Rounds, o.bound(), machine()),
		Comparisons: comparisons,
		Notes:       r.notes(),
	}, nil
}

func (r *reading) compare(ctx context.Context) ([]Comparison, error) {
	warm := newPageComparison("one conversation")
	spread := newPageComparison(fmt.Sprintf("%d conversations in turn", r.options.Rooms))
	comparisons := []*Comparison{warm, spread}
	turns := 2
	if r.options.Postgres != "" {
		turns = 3
	}
	shown := r.options.begin("reading pages", turns*r.options.Rounds)
	defer shown.end()
	err := r.measure(ctx, warm, []int{0}, r.bare, shown)
	if err == nil {
		err = r.measure(ctx, spread, r.spread(), r.bare, shown)
	}
	if err == nil && r.options.Postgres != "" {
		raw := newPageComparison(fmt.Sprintf("%d conversations in turn, against the query alone", r.options.Rooms))
		raw.Control.Name = "pgbench"
		comparisons = append(comparisons, raw)
		err = r.measure(ctx, raw, r.spread(), r.query, shown)
	}
	if err != nil {
		return nil, err
	}
	finished := make([]Comparison, len(comparisons))
	for i, c := range comparisons {
		c.finish()
		finished[i] = *c
	}
	return finished, nil
}

func newPageComparison(name string) *Comparison {
	return &Comparison{Name: name, Unit: "pages", Parley: Side{Name: "parley"}, Control: Side{Name: "bare handler"}}
}

// reading is the measurement of pages. Room 0 is the one that everybody is in;
// each other room has two people, of whom one reads.
type reading struct {
	options Options
	house   *House
	town    *town
	parley  *server
	control *server
	// pages are what Parley answered for each room, after it was checked.
	pages []*sample
}

func newReading(ctx context.Context, p Program, o Options, open *closers) (*reading, error) {
	house, err := o.openHouse(ctx, p, readingHouse)
	if err != nil {
		return nil, err
	}
	open.add(house.Close)
	r := &reading{options: o, house: house, pages: make([]*sample, o.Rooms+1)}
	if r.town, err = settle(ctx, house, o.Clients, pairs(o.Clients, o.Rooms)); err != nil {
		return nil, err
	}
	if err := r.fill(ctx); err != nil {
		return nil, fmt.Errorf("writing messages: %w", err)
	}
	if r.parley, err = listen(ctx, p, parleySide, house.Handler); err != nil {
		return nil, err
	}
	open.add(r.parley.stop)
	if err := r.check(ctx); err != nil {
		return nil, err
	}
	if r.control, err = listen(ctx, p, controlSide, sampleHandler(r.samples())); err != nil {
		return nil, err
	}
	open.add(r.control.stop)
	return r, nil
}

// pairs are the members of room 0, everybody, and of the others.
func pairs(people, rooms int) [][]int {
	members := make([][]int, 1, rooms+1)
	for person := range people {
		members[0] = append(members[0], person)
	}
	for room := range rooms {
		members = append(members, []int{room % people})
		if other := (room + 1) % people; other != room%people {
			members[room+1] = append(members[room+1], other)
		}
	}
	return members
}

// readerOf is as whom a client reads a room.
func (r *reading) readerOf(room, client int) person {
	if room == 0 {
		return r.town.people[client]
	}
	return r.town.people[(room-1)%len(r.town.people)]
}

// spread is all rooms but the one that everybody is in.
func (r *reading) spread() []int {
	rooms := make([]int, r.options.Rooms)
	for i := range rooms {
		rooms[i] = i + 1
	}
	return rooms
}

// fill writes the messages, many in one append, by the same decisions as HTTP.
func (r *reading) fill(ctx context.Context) error {
	shown := r.options.begin("writing messages", len(r.town.rooms))
	defer shown.end()
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(settling)
	for room := range r.town.rooms {
		group.Go(func() error {
			defer shown.add(1)
			return r.fillRoom(each, room)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return r.house.Views.CatchUp(ctx)
}

func (r *reading) fillRoom(ctx context.Context, room int) error {
	messages := shortRoom
	if room == 0 {
		messages = longRoom
	}
	author := r.readerOf(room, 0).id
	for number := 0; number < messages; {
		var postings []commands.Posting
		for ; number < messages && len(postings) < postedAtOnce; number++ {
			postings = append(postings, commands.Posting{
				Cause:   events.Cause{Actor: author.String()},
				Message: decide.Message{Author: author, Text: r.text(room, number)},
			})
		}
		if _, err := r.house.Commands.PostAll(ctx, r.town.rooms[room], postings); err != nil {
			return err
		}
	}
	return nil
}

// text is what message number of a room says.
func (r *reading) text(room, number int) string {
	random := rand.New(rand.NewPCG(uint64(room), uint64(number)))
	return mark(room, number) + chatter(random, minText+random.IntN(maxText-minText))
}

// check asks for every page once and keeps it if it is right.
func (r *reading) check(ctx context.Context) error {
	shown := r.options.begin("checking pages", len(r.town.rooms))
	defer shown.end()
	c, err := dial(ctx, r.parley.address)
	if err != nil {
		return err
	}
	defer c.Close()
	for room := range r.town.rooms {
		answer, err := c.exchange(r.request(room, 0, r.parley.address))
		if err == nil {
			err = r.checkPage(room, answer)
		}
		if err != nil {
			return fmt.Errorf("the page of conversation %s: %w", r.town.rooms[room], err)
		}
		r.pages[room] = sampleOf(answer)
		shown.add(1)
	}
	return nil
}

// checkPage compares a page with what was written.
func (r *reading) checkPage(room int, answer response) error {
	if answer.status != 200 {
		return fmt.Errorf("status %d: %s", answer.status, answer.body)
	}
	var page projections.Page
	if err := json.Unmarshal(answer.body, &page); err != nil {
		return err
	}
	newest := shortRoom - 1
	if room == 0 {
		newest = longRoom - 1
	}
	if len(page.Messages) != pageLimit || page.Next == nil {
		return fmt.Errorf("%d messages, next %v", len(page.Messages), page.Next)
	}
	for i, m := range page.Messages {
		if number := newest - i; m.Number != uint64(number) || m.Text != r.text(room, number) || m.ConversationID != r.town.rooms[room] {
			return fmt.Errorf("message %d is number %d: %q", i, m.Number, m.Text)
		}
	}
	return nil
}

func (r *reading) target(room int) string {
	return fmt.Sprintf("/v1/conversations/%s/messages?limit=%d", r.town.rooms[room], pageLimit)
}

func (r *reading) request(room, client int, address string) []byte {
	return request("GET", address, r.target(room), r.readerOf(room, client).token, nil)
}

func (r *reading) samples() map[string]*sample {
	samples := make(map[string]*sample, len(r.pages))
	for room, page := range r.pages {
		samples[r.target(room)] = page
	}
	return samples
}

// measure lets the two sides take turns with pages of the rooms given, after a
// round of each that does not count.
func (r *reading) measure(ctx context.Context, c *Comparison, rooms []int, against func(context.Context, []int, *Side) (func() error, error), shown progress) error {
	parley := r.side(ctx, r.parley, rooms, &c.Parley)
	control, err := against(ctx, rooms, &c.Control)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	for i := range r.options.Rounds + 1 {
		if err := errors.Join(parley(), control()); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		if i == 0 {
			c.Parley, c.Control = Side{Name: c.Parley.Name}, Side{Name: c.Control.Name}
			continue
		}
		shown.add(1)
	}
	return nil
}

// side is a round of readers of a server.
func (r *reading) side(ctx context.Context, from *server, rooms []int, side *Side) func() error {
	readers := r.newReaders(rooms, from.address)
	return func() error {
		took, err := drive(ctx, from.address, readers, r.options.bound())
		if err != nil {
			return fmt.Errorf("reading from %s: %w", side.Name, err)
		}
		side.add(took)
		return nil
	}
}

// bare is the bare handler as the control.
func (r *reading) bare(ctx context.Context, rooms []int, side *Side) (func() error, error) {
	return r.side(ctx, r.control, rooms, side), nil
}

// query is PostgreSQL alone as the control.
func (r *reading) query(ctx context.Context, rooms []int, side *Side) (func() error, error) {
	b, err := r.newPgbench(ctx, rooms)
	if err != nil {
		return nil, err
	}
	return func() error {
		rate, err := b.rate(ctx)
		side.Rates = append(side.Rates, rate)
		return err
	}, nil
}

func (r *reading) notes() []string {
	notes := []string{
		fmt.Sprintf("the control sends the same header and body, %d bytes of body in one conversation", len(r.pages[0].body)),
		fmt.Sprintf("the pages of all conversations together are %s MB: what a cache cannot hold of them is read from the view", grouped(r.megabytes(), 1)),
		"every page was compared with what was written before, and every answer of both sides with that page",
	}
	if r.options.Postgres != "" {
		notes = append(notes, fmt.Sprintf("pgbench asks for %d of the pages by %d connections, in the words and with the parameters that Parley asks with", min(r.options.Rooms, pgbenchScripts), pgbenchClients))
	}
	return notes
}

func (r *reading) megabytes() float64 {
	bytes := 0
	for _, page := range r.pages {
		bytes += len(page.body)
	}
	return float64(bytes) / 1e6
}

// reader is a client that asks for pages in turn.
type reader struct {
	asks []pageAsk
	turn int
}

type pageAsk struct {
	request []byte
	want    *sample
}

// newReaders shares the rooms out, so that all clients together go through
// them in turn. Clients without a room of their own share one.
func (r *reading) newReaders(rooms []int, address string) []client {
	readers := make([]client, r.options.Clients)
	for i := range readers {
		one := new(reader)
		for j := i % len(rooms); j < len(rooms); j += len(readers) {
			one.asks = append(one.asks, pageAsk{r.request(rooms[j], i, address), r.pages[rooms[j]]})
		}
		readers[i] = one
	}
	return readers
}

func (r *reader) next() []byte {
	r.turn = (r.turn + 1) % len(r.asks)
	return r.asks[r.turn].request
}

func (r *reader) check(answer response) error {
	if want := r.asks[r.turn].want; answer.status != want.status || !bytes.Equal(answer.body, want.body) {
		return fmt.Errorf("status %d with %d bytes, where status %d with %d bytes was right", answer.status, len(answer.body), want.status, len(want.body))
	}
	return nil
}
