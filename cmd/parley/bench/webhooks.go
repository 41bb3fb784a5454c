package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/handlers/webhooks"
)

// Webhooks measures how many deliveries a second reach the webhooks of many
// apps, one in ten of which never answers, against a bare client that signs
// and posts the same bodies to those that do. In the end it checks that every
// message reached its app exactly as often as the delivery log says, and in
// the order of its conversation.
func Webhooks(ctx context.Context, p Program, o Options) (_ *Report, err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	d, err := newDelivering(ctx, p, o, &open)
	if err != nil {
		return nil, err
	}
	c := Comparison{
		Name: fmt.Sprintf("deliveries while %d of %d endpoints hang", d.hanging, o.Clients), Unit: "deliveries",
		Parley: Side{Name: "parley"}, Control: Side{Name: "bare signed client"},
	}
	if err := d.measure(ctx, &c); err != nil {
		return nil, err
	}
	checked, err := d.verify(ctx)
	if err != nil {
		return nil, fmt.Errorf("what was delivered is not what is in the log: %w", err)
	}
	c.finish()
	return &Report{
		Benchmark:   "webhooks",
		Setting:     fmt.Sprintf("%d endpoints, %d conversations, %d rounds of %d messages, %s", o.Clients, len(d.town.rooms), o.Rounds, d.each*len(d.town.rooms), machine()),
		Comparisons: []Comparison{c},
		Notes: []string{
			fmt.Sprintf("each of %d deliveries came with both signatures, as often as the delivery log says, in the order of its conversation", checked),
			"a round begins when the engine does, with all messages in the log: queueing them, reading and opening each, and storing what came of it are measured, writing messages is not",
			"the control posts the bodies that Parley has sent in the same round, one conversation's after the other, as many at a time; it stores nothing",
		},
	}, nil
}

// delivering is the measurement of deliveries to webhooks.
type delivering struct {
	options   Options
	house     *House
	town      *town
	endpoints []*endpoint
	hanging   int
	// each is how many messages a conversation gets a round.
	each   int
	random *rand.Rand
}

// mostLogged is how many deliveries of an app the delivery log keeps.
const mostLogged = 10_000

func newDelivering(ctx context.Context, p Program, o Options, open *closers) (*delivering, error) {
	rooms := max(o.Rooms, o.Clients)
	d := &delivering{options: o, hanging: o.Clients / 10, each: max(o.Requests/rooms, 1), random: rand.New(rand.NewPCG(1, 7))}
	if d.each*((rooms-1)/o.Clients+1)*(o.Rounds+1) > mostLogged {
		return nil, fmt.Errorf("%w: the log of deliveries keeps %d of each endpoint, with which they are compared", ErrOptions, mostLogged)
	}
	var err error
	if d.house, err = o.openHouse(ctx, p, "parley"); err != nil {
		return nil, err
	}
	open.add(d.house.Close)
	members := make([][]int, rooms)
	for i := range members {
		members[i] = []int{i % settling}
	}
	if d.town, err = settle(ctx, d.house, settling, members); err != nil {
		return nil, err
	}
	for i := range o.Clients {
		e, err := d.open(ctx, p, i)
		if err != nil {
			return nil, fmt.Errorf("endpoint %d: %w", i, err)
		}
		open.add(e.server.stop)
		d.endpoints = append(d.endpoints, e)
	}
	return d, nil
}

// open opens one endpoint, and brings its app into its conversations.
func (d *delivering) open(ctx context.Context, p Program, i int) (_ *endpoint, err error) {
	e := newEndpoint(i < d.hanging)
	if e.server, err = listen(ctx, p, "endpoints", e); err != nil {
		return nil, err
	}
	for room := i; room < len(d.town.rooms); room += d.options.Clients {
		e.rooms = append(e.rooms, d.town.rooms[room])
	}
	if err := d.bring(ctx, e, i); err != nil {
		return nil, errors.Join(err, e.server.stop())
	}
	return e, nil
}

// bring registers an endpoint's app, installs it and has it told of messages.
func (d *delivering) bring(ctx context.Context, e *endpoint, i int) error {
	owner := d.town.people[0].id
	cause := events.Cause{Actor: owner.String()}
	written, credentials, err := d.house.Commands.RegisterApp(ctx, cause, owner, events.AppListing{Name: fmt.Sprintf("App %d", i), Grants: decide.AllGrants})
	if err != nil {
		return err
	}
	e.app, e.secret = written[0].Fact.(*events.AppRegistered).App, credentials.Secret
	if _, err := d.house.Commands.PublishApp(ctx, cause, e.app, owner); err != nil {
		return err
	}
	for k, room := range e.rooms {
		by := d.author(i + k*d.options.Clients)
		if _, err := d.house.Commands.InstallApp(ctx, events.Cause{Actor: by.String()}, room, e.app, by, nil); err != nil {
			return err
		}
	}
	_, err = d.house.Commands.ConfigureWebhook(ctx, cause, e.app, owner, decide.WebhookRequest{
		URL: e.url(), VerifyToken: "bench", Fields: []events.WebhookField{events.MessagesField},
	})
	return err
}

func (d *delivering) author(room int) uuid.UUID { return d.town.people[room%settling].id }

// good are the endpoints that answer.
func (d *delivering) good() []*endpoint { return d.endpoints[d.hanging:] }

// measure lets the two sides take turns, after a round of each that does not
// count.
func (d *delivering) measure(ctx context.Context, c *Comparison) error {
	shown := d.options.begin("delivering", d.options.Rounds)
	defer shown.end()
	for i := range d.options.Rounds + 1 {
		if err := d.write(ctx); err != nil {
			return fmt.Errorf("writing messages: %w", err)
		}
		parley, err := d.deliver(ctx)
		if err != nil {
			return err
		}
		if err := quiesce(ctx); err != nil {
			return err
		}
		control, err := d.post(ctx)
		if err != nil {
			return fmt.Errorf("the bare client: %w", err)
		}
		if i > 0 {
			c.Parley.Rates = append(c.Parley.Rates, parley.rate())
			c.Control.Rates = append(c.Control.Rates, control.rate())
			shown.add(1)
		}
	}
	return nil
}

// write has each conversation say something, while nobody delivers.
func (d *delivering) write(ctx context.Context) error {
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(settling)
	for room, id := range d.town.rooms {
		author := d.author(room)
		var postings []commands.Posting
		for range d.each {
			postings = append(postings, commands.Posting{
				Cause:   events.Cause{Actor: author.String()},
				Message: decide.Message{Author: author, Text: chatter(d.random, minText+d.random.IntN(maxText-minText))},
			})
		}
		group.Go(func() error {
			for part := range slices.Chunk(postings, postedAtOnce) {
				if _, err := d.house.Commands.PostAll(each, id, part); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if err := d.house.Views.CatchUp(ctx); err != nil {
		return err
	}
	return quiesce(ctx)
}

// deliver runs the engine until every message has reached its app, and then
// until the delivery log says so as well.
func (d *delivering) deliver(ctx context.Context) (r round, err error) {
	arrivals := d.expect(true)
	running, cancel := context.WithCancel(ctx)
	stopped := make(chan struct{})
	began := time.Now()
	labelled(running, parleySide, func(ctx context.Context) {
		go func() {
			defer close(stopped)
			d.house.Webhooks.Run(ctx)
		}()
	})
	defer func() {
		cancel()
		<-stopped
	}()
	if err := arrivals.await(ctx); err != nil {
		return r, err
	}
	r = round{requests: arrivals.count, elapsed: time.Since(began)}
	return r, d.settled(ctx)
}

// settled waits until nothing waits for those who answer.
func (d *delivering) settled(ctx context.Context) error {
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for _, e := range d.good() {
		for {
			standing, err := d.house.Webhooks.Standing(ctx, e.app)
			if err != nil {
				return err
			}
			if standing.Waiting == 0 {
				break
			}
			select {
			case <-look.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// verify compares what came with the log of events and that of deliveries, and
// returns how many came.
func (d *delivering) verify(ctx context.Context) (checked int, err error) {
	shown := d.options.begin("checking deliveries", len(d.good()))
	defer shown.end()
	for i, e := range d.good() {
		count, err := d.verifyEndpoint(ctx, e)
		if err != nil {
			return checked, fmt.Errorf("endpoint %d: %w", d.hanging+i, err)
		}
		checked += count
		shown.add(1)
	}
	return checked, nil
}

func (d *delivering) verifyEndpoint(ctx context.Context, e *endpoint) (int, error) {
	attempts, err := d.attempts(ctx, e.app)
	if err != nil {
		return 0, err
	}
	order, came, err := e.account()
	if err != nil {
		return 0, err
	}
	total := 0
	for _, room := range e.rooms {
		got, said := order[room], 0
		for recorded, err := range d.house.Journal.Log.Read(ctx, events.MessagesStream(room), 0, events.Forwards, 0) {
			if err != nil {
				return 0, err
			}
			if said >= len(got) || got[said] != recorded.ID {
				return 0, fmt.Errorf("message %d of conversation %s did not come as number %d of %d", recorded.Revision, room, said, len(got))
			}
			said++
		}
		if said != len(got) {
			return 0, fmt.Errorf("%d messages came of the %d of conversation %s", len(got), said, room)
		}
		total += said
	}
	for event, count := range came {
		if attempts[event] != count {
			return 0, fmt.Errorf("event %s came %d times, and the delivery log has %d", event, count, attempts[event])
		}
	}
	if len(came) != len(attempts) || len(came) != total {
		return 0, fmt.Errorf("%d events came, the delivery log has %d, the conversations have %d", len(came), len(attempts), total)
	}
	return total, nil
}

// attempts are how often each event was sent to an app, as the delivery log has
// it.
func (d *delivering) attempts(ctx context.Context, app uuid.UUID) (map[uuid.UUID]int64, error) {
	attempts := make(map[uuid.UUID]int64)
	asked := webhooks.Listed{Limit: 1000}
	for {
		page, err := d.house.Webhooks.Deliveries(ctx, app, asked)
		if err != nil {
			return nil, err
		}
		for _, one := range page {
			attempts[one.EventID] += one.Attempts
		}
		if len(page) < asked.Limit {
			return attempts, nil
		}
		asked.Before = page[len(page)-1].Number
	}
}
