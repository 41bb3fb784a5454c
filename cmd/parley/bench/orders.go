package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/projections"
)

// Orders measures updates of orders over HTTP against plain sends to the same
// server, and the card of a customer with many orders against a bare handler
// that sends the same bytes. In the end it checks that every update that was
// acknowledged is in its order once, and told in its thread once.
func Orders(ctx context.Context, p Program, o Options) (_ *Report, err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	t, err := newTrading(ctx, p, o, &open)
	if err != nil {
		return nil, err
	}
	updates := Comparison{Name: "order updates", Unit: "requests", Parley: Side{Name: "updates of orders"}, Control: Side{Name: "plain sends"}}
	gathered := Comparison{
		Name: fmt.Sprintf("order updates, %d in a request", ordersEach), Unit: "updates", Parley: Side{Name: "updates of orders"}, Control: Side{Name: "plain sends"},
	}
	card := Comparison{
		Name: fmt.Sprintf("the card of a customer with %d orders", o.Events), Unit: "cards", Parley: Side{Name: "parley"}, Control: Side{Name: "bare handler"},
	}
	if err := t.measureUpdates(ctx, &updates, &gathered); err != nil {
		return nil, err
	}
	if err := t.measureCard(ctx, p, &card, &open); err != nil {
		return nil, err
	}
	if err := t.verify(ctx); err != nil {
		return nil, fmt.Errorf("what was acknowledged is not what is there: %w", err)
	}
	imported, err := importOrders(ctx, p, o)
	if err != nil {
		return nil, fmt.Errorf("importing orders: %w", err)
	}
	updates.finish()
	gathered.finish()
	card.finish()
	return &Report{
		Benchmark:   "orders",
		Setting:     fmt.Sprintf("%d clients, %d rounds of %s, %s", o.Clients, o.Rounds, o.bound(), machine()),
		Comparisons: []Comparison{updates, gathered, card},
		Notes: []string{
			fmt.Sprintf("each of the %d updates acknowledged is in its order once and told in its thread once: an update writes two events, a send one", t.acknowledged()),
			"updates and sends go to the same server in turn, from as many clients; the views catch up between the turns",
			fmt.Sprintf("the card is read by %d clients at a time", cardReaders),
			imported,
		},
	}, nil
}

const (
	// ordersEach is how many orders each client updates by turns.
	ordersEach = 32
	// cardReaders is how many clients read cards at a time: as many as agents
	// look at one moment, not as many as a processor can queue.
	cardReaders = 2
)

// trading is the measurement of orders. Each client is an agent of the one
// merchant, with a customer of their own whose orders they update.
type trading struct {
	options  Options
	sending  *sending // plain sends
	merchant uuid.UUID
	agents   []client
	// gatherers are the agents when they send many updates at a time.
	gatherers []client
	// regular is who has bought most.
	regular uuid.UUID
}

func newTrading(ctx context.Context, p Program, o Options, open *closers) (*trading, error) {
	house, err := o.openHouse(ctx, p, "parley")
	if err != nil {
		return nil, err
	}
	open.add(house.Close)
	t := &trading{options: o, sending: &sending{options: o, house: house}}
	if t.sending.town, err = settle(ctx, house, 2*o.Clients+1, circles(o.Clients, o.Rooms)); err != nil {
		return nil, err
	}
	if t.sending.parley, err = listen(ctx, p, parleySide, house.Handler); err != nil {
		return nil, err
	}
	open.add(t.sending.parley.stop)
	people := t.sending.town.people
	opening := decide.MerchantRegistration{Name: "Bench"}
	for _, agent := range people[:o.Clients] {
		opening.Owners = append(opening.Owners, agent.id)
	}
	opened, err := house.Commands.RegisterMerchant(ctx, events.Cause{Actor: people[0].id.String()}, opening)
	if err != nil {
		return nil, err
	}
	t.merchant = opened[0].Fact.(*events.MerchantRegistered).Merchant
	t.regular = people[2*o.Clients].id
	if err := t.sell(ctx, t.regular, o.Events); err != nil {
		return nil, err
	}
	t.agents, t.gatherers = make([]client, o.Clients), make([]client, o.Clients)
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(settling)
	for i := range t.agents {
		group.Go(func() error { return t.employ(each, i) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	t.sending.senders = make([]client, o.Clients)
	for i := range t.sending.senders {
		t.sending.senders[i] = newSender(i, t.sending.town, t.sending.parley.address)
	}
	for _, clients := range [][]client{t.agents, t.gatherers, t.sending.senders} {
		if err := t.sending.warm(ctx, t.sending.parley, clients); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// employ gives an agent a customer. What the agent updates one by one and what
// many at a time are orders of their own.
func (t *trading) employ(ctx context.Context, i int) error {
	people := t.sending.town.people
	customer := people[t.options.Clients+i].id
	if err := t.sell(ctx, customer, 2*ordersEach); err != nil {
		return err
	}
	address, token := t.sending.parley.address, people[i].token
	single := &agent{customer: customer, each: 1, status: 201}
	gatherer := &agent{customer: customer, each: ordersEach, status: 200}
	var gathered []map[string]any
	for n := range 2 * ordersEach {
		number := orderNumber(customer, n)
		order := events.OrderID(t.merchant, number)
		news := map[string]any{"type": "located", "place": "Lisboa", "latitude": 38.7223, "longitude": -9.1393}
		if n >= ordersEach {
			news["number"] = number
			gathered = append(gathered, news)
			gatherer.orders = append(gatherer.orders, order)
			continue
		}
		body, err := json.Marshal(news)
		if err != nil {
			return err
		}
		single.orders = append(single.orders, order)
		single.requests = append(single.requests, request("POST", address, "/v1/orders/"+order.String()+"/updates", token, body))
	}
	body, err := json.Marshal(map[string]any{"updates": gathered})
	if err != nil {
		return err
	}
	gatherer.requests = [][]byte{request("POST", address, "/v1/merchants/"+t.merchant.String()+"/updates", token, body)}
	t.agents[i], t.gatherers[i] = single, gatherer
	return nil
}

func orderNumber(customer uuid.UUID, n int) string { return fmt.Sprintf("%s-%d", customer, n) }

// sell has a customer buy a number of things, all of which are on their way.
func (t *trading) sell(ctx context.Context, customer uuid.UUID, orders int) error {
	c := t.sending.house.Commands
	_, err := c.LinkCustomer(ctx, events.Cause{Actor: customer.String()}, t.merchant, decide.Consent{Customer: customer, Text: "yes", Source: decide.FromCheckout})
	if err != nil {
		return err
	}
	price := events.Money(1250)
	bought := time.Now().Add(-24 * time.Hour)
	for n := range orders {
		at := bought.Add(time.Duration(n) * time.Second)
		_, refused, err := c.RecordOrder(ctx, commands.History{
			Placement: decide.Placement{
				Merchant: t.merchant, Customer: customer, Number: orderNumber(customer, n), Currency: "EUR", At: at,
				Lines: []decide.Line{{Title: "Green tea", Quantity: 2, UnitPrice: &price}}, Total: 2500, PaymentMethod: "Visa 1234",
				Address: &events.Address{Name: "Person", Street1: "Rua 1", City: "Lisboa", Country: "PT"},
			},
			Updates: []decide.Update{{Type: decide.UpdateConfirmed, At: at}, {Type: decide.UpdateShipped, At: at, Carrier: "CTT", TrackingNumber: "T1"}},
			Cause:   events.Cause{Actor: t.merchant.String()},
		})
		if err = errors.Join(append(refused, err)...); err != nil {
			return err
		}
	}
	return nil
}

// agent is a client that updates orders by turns.
type agent struct {
	customer uuid.UUID
	orders   []uuid.UUID
	requests [][]byte
	each     int // updates in a request
	status   int
	sent     int // requests
}

func (a *agent) next() []byte {
	a.sent++
	return a.requests[(a.sent-1)%len(a.requests)]
}

func (a *agent) check(r response) error {
	if r.status != a.status || bytes.Contains(r.body, []byte(`"problem"`)) {
		return fmt.Errorf("status %d: %s", r.status, r.body)
	}
	return nil
}

func (a *agent) updates() int { return a.sent * a.each }

func (t *trading) acknowledged() (updates int) {
	for i, a := range t.agents {
		updates += a.(*agent).updates() + t.gatherers[i].(*agent).updates()
	}
	return updates
}

// measureUpdates lets updates, gathered updates and sends take turns.
func (t *trading) measureUpdates(ctx context.Context, updates, gathered *Comparison) error {
	shown := t.options.begin("updating orders", t.options.Rounds)
	defer shown.end()
	for range t.options.Rounds {
		for _, side := range []struct {
			*Side
			clients []client
			each    int
		}{{&updates.Parley, t.agents, 1}, {&gathered.Parley, t.gatherers, ordersEach}, {&updates.Control, t.sending.senders, 1}} {
			r, err := drive(ctx, t.sending.parley.address, side.clients, t.options.bound())
			if err != nil {
				return fmt.Errorf("%s: %w", side.Name, err)
			}
			r.requests *= side.each
			side.add(r)
			if err := t.sending.house.Views.CatchUp(ctx); err != nil {
				return err
			}
		}
		shown.add(1)
	}
	gathered.Control = updates.Control
	return nil
}

// verify finds every update in its order, and every order's facts in its
// thread.
func (t *trading) verify(ctx context.Context) error {
	house := t.sending.house
	for i := range t.agents {
		expected, customer := 0, uuid.UUID{}
		for _, one := range []client{t.agents[i], t.gatherers[i]} {
			a := one.(*agent)
			located, err := a.located(ctx, house)
			if err != nil {
				return err
			}
			if located != a.updates() {
				return fmt.Errorf("of %d updates %d are in their orders", a.updates(), located)
			}
			expected, customer = expected+a.updates()+3*len(a.orders), a.customer
		}
		told := 0
		for _, err := range house.Journal.Log.Read(ctx, events.MessagesStream(events.BusinessID(t.merchant, customer)), 0, events.Forwards, 0) {
			if err != nil {
				return err
			}
			told++
		}
		if told != expected {
			return fmt.Errorf("a thread tells of %d facts, and there are %d", told, expected)
		}
	}
	return nil
}

// located counts the updates of an agent's orders that the view shows.
func (a *agent) located(ctx context.Context, house *House) (updates int, err error) {
	for _, order := range a.orders {
		view, err := house.Views.Orders.Get(ctx, order)
		if err != nil {
			return 0, err
		}
		updates += len(view.Timeline) - 3
	}
	return updates, nil
}

// measureCard reads the card of the regular customer.
func (t *trading) measureCard(ctx context.Context, p Program, c *Comparison, open *closers) error {
	owner := t.sending.town.people[0]
	path := "/v1/merchants/" + t.merchant.String() + "/customers/" + t.regular.String()
	answer, err := exchangeOnce(ctx, t.sending.parley.address, request("GET", t.sending.parley.address, path, owner.token, nil))
	if err != nil {
		return err
	}
	var card struct{ Spending []projections.Spending }
	if err := json.Unmarshal(answer.body, &card); err != nil || answer.status != 200 || len(card.Spending) != 1 || int(card.Spending[0].Orders) != t.options.Events {
		return fmt.Errorf("the card is wrong: status %d, %w: %.300s", answer.status, err, answer.body)
	}
	control, err := listen(ctx, p, controlSide, sampleHandler(map[string]*sample{path: answer}))
	if err != nil {
		return err
	}
	open.add(control.stop)
	shown := t.options.begin("reading cards", t.options.Rounds)
	defer shown.end()
	for range t.options.Rounds {
		for _, side := range []struct {
			*Side
			address string
		}{{&c.Parley, t.sending.parley.address}, {&c.Control, control.address}} {
			readers := make([]client, cardReaders)
			for i := range readers {
				readers[i] = &cardReader{request("GET", side.address, path, owner.token, nil), len(answer.body)}
			}
			r, err := drive(ctx, side.address, readers, t.options.bound())
			if err != nil {
				return fmt.Errorf("%s: %w", side.Name, err)
			}
			side.add(r)
		}
		shown.add(1)
	}
	return nil
}

// cardReader is a client that reads one card again and again.
type cardReader struct {
	request []byte
	size    int
}

func (c *cardReader) next() []byte { return c.request }

func (c *cardReader) check(r response) error {
	if r.status != 200 || len(r.body) != c.size {
		return fmt.Errorf("status %d, %d bytes where there were %d: %.300s", r.status, len(r.body), c.size, r.body)
	}
	return nil
}

// exchangeOnce asks once, on a connection of its own.
func exchangeOnce(ctx context.Context, address string, request []byte) (*sample, error) {
	c, err := dial(ctx, address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	answer, err := c.exchange(request)
	if err != nil {
		return nil, err
	}
	return sampleOf(answer), nil
}
