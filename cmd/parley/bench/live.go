package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
)

// Live measures how long a message takes from its sending to each of its
// listeners, against a bare handler that passes the same bytes to the same
// listeners, and what a listener holds who hears nothing. Senders and
// listeners are a process of their own, so that their files, memory and
// profile are not the server's.
func Live(ctx context.Context, p Program, o Options) (_ *Report, err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	l, err := newListening(ctx, p, o, &open)
	if err != nil {
		return nil, err
	}
	c := Comparison{Name: "deliveries", Unit: "deliveries", Parley: Side{Name: "parley"}, Control: Side{Name: "bare handler"}}
	if err := l.measure(ctx, &c); err != nil {
		return nil, err
	}
	c.finish()
	held, err := l.memory(ctx, l.parley)
	if err != nil {
		return nil, err
	}
	bare, err := l.memory(ctx, l.control)
	if err != nil {
		return nil, err
	}
	return &Report{
		Benchmark: "live",
		Setting: fmt.Sprintf("%d listeners, %d to a conversation, %d messages a second, %d rounds of %s, %s",
			o.Listeners, o.Fanout, o.Rate, o.Rounds, l.until(), machine()),
		Comparisons: []Comparison{c},
		Notes: []string{
			fmt.Sprintf("parley delivered %s of %s expected, the bare handler %s of %s: to each listener every message of its conversation, once and in order",
				grouped(float64(l.heard[0]), 0), grouped(float64(l.expected), 0), grouped(float64(l.heard[1]), 0), grouped(float64(l.expected), 0)),
			fmt.Sprintf("messages were posted at %.0f and %.0f a second; times are from the sender's request to the listener's read of the event, both in a process beside the server", l.posted[0], l.posted[1]),
			fmt.Sprintf("an idle listener holds %s of the server's memory, one of the bare handler %s; what the system keeps for a connection is not in it", held, bare),
		},
	}, nil
}

// listening is the measurement of live delivery.
type listening struct {
	options Options
	town    *town
	parley  *server
	control *server
	crowd   *crowd
	// goroutines is how many there are while nobody listens.
	goroutines int
	// expected is how many deliveries a side owes in all rounds; heard is how
	// many came, and posted the median of the rounds' rates, of parley and of
	// the control.
	expected int
	heard    [2]int
	posted   [2]float64
}

func newListening(ctx context.Context, p Program, o Options, open *closers) (*listening, error) {
	if err := needFiles(o.Listeners + spareFiles); err != nil {
		return nil, err
	}
	house, err := o.openHouse(ctx, p, "parley")
	if err != nil {
		return nil, err
	}
	open.add(house.Close)
	l := &listening{options: o}
	rooms := make([][]int, o.conversations())
	for person := range o.Listeners {
		rooms[person%len(rooms)] = append(rooms[person%len(rooms)], person)
	}
	shown := o.begin(fmt.Sprintf("registering %s listeners", grouped(float64(o.Listeners), 0)), 1)
	l.town, err = settle(ctx, house, o.Listeners, rooms)
	shown.end()
	if err != nil {
		return nil, err
	}
	if err := house.Views.CatchUp(ctx); err != nil {
		return nil, err
	}
	if l.parley, err = listen(ctx, p, parleySide, house.Handler); err != nil {
		return nil, err
	}
	open.add(l.parley.stop)
	if l.control, err = listen(ctx, p, controlSide, &relay{rooms: make(map[string]map[chan []byte]struct{})}); err != nil {
		return nil, err
	}
	open.add(l.control.stop)
	l.goroutines = runtime.NumGoroutine()
	if l.crowd, err = gather(ctx, p, o, l.seats()); err != nil {
		return nil, err
	}
	open.add(l.crowd.leave)
	return l, nil
}

// conversations is how many there are, such that no more than Fanout listen to
// any of them.
func (o Options) conversations() int { return (o.Listeners + o.Fanout - 1) / o.Fanout }

// seats are the listeners as the other process knows them.
func (l *listening) seats() []seat {
	seats := make([]seat, l.options.Listeners)
	for i := range seats {
		room := i % len(l.town.rooms)
		seats[i] = seat{Room: room, Path: "/v1/conversations/" + l.town.rooms[room].String(), Token: l.town.people[i].token}
	}
	return seats
}

// until is what ends a round.
func (l *listening) until() bound { return l.options.bound() }

// messages is how many are sent in a round.
func (l *listening) messages() int {
	if l.options.Requests > 0 {
		return l.options.Requests
	}
	return max(int(l.options.Duration.Seconds()*float64(l.options.Rate)), 1)
}

// measure lets the two sides take turns.
func (l *listening) measure(ctx context.Context, c *Comparison) error {
	shown := l.options.begin("delivering", l.options.Rounds)
	defer shown.end()
	var rates [2][]float64
	for range l.options.Rounds {
		for i, side := range []struct {
			*server
			*Side
		}{{l.parley, &c.Parley}, {l.control, &c.Control}} {
			heard, err := l.round(ctx, side.address)
			if err != nil {
				return fmt.Errorf("listening to %s: %w", side.Name, err)
			}
			l.heard[i] += heard.Heard
			rates[i] = append(rates[i], heard.Posted)
			side.add(heard.round())
		}
		l.expected += l.expectedOf(l.messages())
		shown.add(1)
	}
	for i := range rates {
		l.posted[i] = spreadOf(rates[i]).Median
	}
	return nil
}

// expectedOf is how many deliveries are owed for so many messages, sent to each
// conversation in turn.
func (l *listening) expectedOf(messages int) int {
	sum := 0
	for listener := range l.options.Listeners {
		sum += inTurn(messages, len(l.town.rooms), listener%len(l.town.rooms))
	}
	return sum
}

// round sends for a while and waits until all listeners have heard it all.
func (l *listening) round(ctx context.Context, address string) (outcome, error) {
	if err := l.crowd.open(ctx, address); err != nil {
		return outcome{}, err
	}
	h, err := l.crowd.hear(ctx, l.messages(), l.options.Rate)
	if err == nil && h.Heard != l.expectedOf(l.messages()) {
		err = fmt.Errorf("%d deliveries came of %d", h.Heard, l.expectedOf(l.messages()))
	}
	if err != nil {
		return h, err
	}
	return h, l.part(ctx)
}

// part has all listeners leave, and waits until the server has noticed.
func (l *listening) part(ctx context.Context) error {
	if err := l.crowd.close(ctx); err != nil {
		return err
	}
	return l.settled(ctx)
}

// holding is the memory that one of many holds, in bytes.
type holding struct{ used, resident float64 }

func (h holding) String() string {
	return fmt.Sprintf("%.1f KB (heap and stack; %.1f KB resident)", h.used/1000, h.resident/1000)
}

// memory is what a listener who hears nothing holds of a server's process.
func (l *listening) memory(ctx context.Context, side *server) (h holding, err error) {
	if err := l.settled(ctx); err != nil {
		return h, err
	}
	used, res, err := memoryNow()
	if err != nil {
		return h, err
	}
	if err := l.crowd.open(ctx, side.address); err != nil {
		return h, err
	}
	if err := quiesce(ctx); err != nil {
		return h, err
	}
	usedThen, resThen, err := memoryNow()
	if err != nil {
		return h, err
	}
	each := float64(l.options.Listeners)
	return holding{float64(usedThen-used) / each, float64(resThen-res) / each}, l.part(ctx)
}

// memoryNow is what the program's heap and stacks hold, garbage left out, and
// what the process does.
func memoryNow() (used int64, held int, err error) {
	var stats runtime.MemStats
	for range 3 { // so that stacks shrink and pools are emptied
		runtime.GC()
	}
	runtime.ReadMemStats(&stats)
	held, err = resident()
	return int64(stats.HeapAlloc + stats.StackInuse), held, err
}

// settled waits until the servers have noticed that nobody listens any more.
func (l *listening) settled(ctx context.Context) error {
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > l.goroutines+16; {
		if time.Now().After(deadline) {
			return fmt.Errorf("%d goroutines are left where there were %d", runtime.NumGoroutine(), l.goroutines)
		}
		if err := quiesce(ctx); err != nil {
			return err
		}
	}
	return quiesce(ctx)
}
