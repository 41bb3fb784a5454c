package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// liveRate is how many messages are sent in a second, by liveSenders.
	liveRate, liveSenders = 1000, 16
	// sentAt begins the time at which a message was sent, in its text.
	sentAt = "sent at "
)

// Live measures how long a message takes from its sending to each of its
// listeners, against a bare handler that passes the same bytes to the same
// listeners, and what a listener holds who hears nothing.
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
	held, bare, err := l.memory(ctx)
	if err != nil {
		return nil, err
	}
	return &Report{
		Benchmark: "live",
		Setting: fmt.Sprintf("%d listeners, %d conversations, %d messages a second, %d rounds of %s, %s",
			o.Clients, o.Rooms, liveRate, o.Rounds, o.Duration, machine()),
		Comparisons: []Comparison{c},
		Notes: []string{
			"times are from the sender's request to the listener's read of the event; every listener got every message of its conversation",
			fmt.Sprintf("an idle listener holds %.1f KB, the client's end of its connection included; a bare connection holds %.1f KB with both ends", held/1000, bare/1000),
		},
	}, nil
}

// listening is the measurement of live delivery.
type listening struct {
	options Options
	town    *town
	parley  *server
	control *server
	// goroutines is how many there are while nobody listens.
	goroutines int
}

func newListening(ctx context.Context, p Program, o Options, open *closers) (*listening, error) {
	house, err := o.openHouse(ctx, p, "parley")
	if err != nil {
		return nil, err
	}
	open.add(house.Close)
	l := &listening{options: o}
	rooms := make([][]int, o.Rooms)
	for person := range max(o.Clients, o.Rooms) {
		rooms[person%o.Rooms] = append(rooms[person%o.Rooms], person)
	}
	if l.town, err = settle(ctx, house, max(o.Clients, o.Rooms), rooms); err != nil {
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
	return l, nil
}

// path is that of a listener's conversation.
func (l *listening) path(listener int) string {
	return "/v1/conversations/" + l.town.rooms[listener%l.options.Rooms].String()
}

// measure lets the two sides take turns.
func (l *listening) measure(ctx context.Context, c *Comparison) error {
	shown := l.options.begin("delivering", l.options.Rounds)
	defer shown.end()
	for range l.options.Rounds {
		for _, side := range []struct {
			*server
			*Side
		}{{l.parley, &c.Parley}, {l.control, &c.Control}} {
			r, err := l.round(ctx, side.address)
			if err != nil {
				return fmt.Errorf("listening to %s: %w", side.Name, err)
			}
			side.add(r)
		}
		shown.add(1)
	}
	return nil
}

// round sends for a while and waits until all listeners have heard it all.
func (l *listening) round(ctx context.Context, address string) (round, error) {
	connections, err := l.openAll(ctx, address)
	defer closeAll(connections)
	if err != nil {
		return round{}, err
	}
	messages := int(l.options.Duration.Seconds() * liveRate)
	if l.options.Requests > 0 {
		messages = l.options.Requests
	}
	heard := make([]int, l.options.Rooms) // in each conversation
	for i := range messages {
		heard[i%l.options.Rooms]++
	}
	group, each := errgroup.WithContext(ctx)
	latencies := make([][]time.Duration, len(connections))
	began := time.Now()
	for i, c := range connections {
		group.Go(func() (err error) {
			latencies[i], err = hear(c, heard[i%l.options.Rooms])
			return err
		})
	}
	group.Go(func() error { return l.send(each, address, messages) })
	err = group.Wait()
	elapsed := time.Since(began)
	all := slices.Concat(latencies...)
	slices.Sort(all)
	return round{len(all), elapsed, all}, err
}

// openAll opens a stream for each listener and reads its header.
func (l *listening) openAll(ctx context.Context, address string) ([]*conn, error) {
	connections, err := dialAll(ctx, address, l.options.Clients)
	if err != nil {
		return connections, err
	}
	for i, c := range connections {
		if _, err := c.Write(request("GET", address, l.path(i)+"/stream", l.town.people[i].token, nil)); err != nil {
			return connections, err
		}
	}
	for _, c := range connections {
		if err := c.begin(); err != nil {
			return connections, err
		}
	}
	return connections, nil
}

// begin reads until a stream's first event, which tells where it begins.
func (c *conn) begin() error {
	c.buffer = c.buffer[:256]
	var head []byte
	for !bytes.Contains(head, []byte("\nid: ")) {
		n, err := c.Read(c.buffer)
		if err != nil {
			return fmt.Errorf("a stream began with %q: %w", head, err)
		}
		head = append(head, c.buffer[:n]...)
		if len(head) > len("HTTP/1.1 200") && !bytes.HasPrefix(head, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("a stream was answered with %q", head)
		}
	}
	return nil
}

// hear reads so many messages, and tells how long each took to come.
func hear(c *conn, count int) ([]time.Duration, error) {
	latencies := make([]time.Duration, 0, count)
	reader := bufio.NewReaderSize(c, 32<<10)
	for len(latencies) < count {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return latencies, fmt.Errorf("after %d of %d messages: %w", len(latencies), count, err)
		}
		_, stamp, found := bytes.Cut(line, []byte(sentAt))
		if !found {
			continue
		}
		digits, _, _ := bytes.Cut(stamp, []byte(" "))
		sent, err := strconv.ParseInt(string(digits), 10, 64)
		if err != nil {
			return latencies, err
		}
		latencies = append(latencies, time.Since(time.Unix(0, sent)))
	}
	return latencies, nil
}

// send sends messages at liveRate, to each conversation in turn.
func (l *listening) send(ctx context.Context, address string, messages int) error {
	connections, err := dialAll(ctx, address, liveSenders)
	defer closeAll(connections)
	if err != nil {
		return err
	}
	group, _ := errgroup.WithContext(ctx)
	began := time.Now()
	for i, c := range connections {
		group.Go(func() error {
			for n := i; n < messages; n += liveSenders {
				due := time.NewTimer(time.Until(began.Add(time.Duration(n) * time.Second / liveRate)))
				select {
				case <-due.C:
				case <-ctx.Done():
					return ctx.Err()
				}
				body := fmt.Appendf(nil, `{"text":"%s%d %s"}`, sentAt, time.Now().UnixNano(), liveText)
				room := n % l.options.Rooms
				answer, err := c.exchange(request("POST", address, l.path(room)+"/messages", l.town.people[room].token, body))
				if err != nil {
					return err
				}
				if answer.status != http.StatusCreated {
					return fmt.Errorf("status %d: %s", answer.status, answer.body)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// liveText is the rest of a message's text.
var liveText = strings.Repeat("as people write it ", 5)

// memory is what a listener who hears nothing holds, and what a bare
// connection does, in bytes.
func (l *listening) memory(ctx context.Context) (held, bare float64, err error) {
	if err := l.settled(ctx); err != nil {
		return 0, 0, err
	}
	before := inUse()
	connections, err := l.openAll(ctx, l.parley.address)
	for _, c := range connections {
		c.buffer = nil
	}
	held = float64(inUse()-before) / float64(l.options.Clients)
	closeAll(connections)
	if err != nil {
		return 0, 0, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, 0, err
	}
	defer listener.Close()
	if err := l.settled(ctx); err != nil {
		return 0, 0, err
	}
	before = inUse()
	pairs := make([]net.Conn, 0, 2*l.options.Clients)
	defer func() {
		for _, c := range pairs {
			_ = c.Close() // nothing was sent
		}
	}()
	for range l.options.Clients {
		client, err := dial(ctx, listener.Addr().String())
		if err != nil {
			return 0, 0, err
		}
		client.buffer = nil
		pairs = append(pairs, client)
		accepted, err := listener.Accept()
		if err != nil {
			return 0, 0, err
		}
		pairs = append(pairs, accepted)
	}
	return held, float64(inUse()-before) / float64(l.options.Clients), nil
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

// inUse is what the program's heap and stacks hold, garbage left out.
func inUse() int64 {
	var stats runtime.MemStats
	for range 3 { // so that stacks shrink and pools are emptied
		runtime.GC()
	}
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc + stats.StackInuse)
}

// relay is the control of live delivery: it passes each body to all who listen
// to its path, as an event of server-sent events.
type relay struct {
	mu    sync.Mutex
	rooms map[string]map[chan []byte]struct{} // guarded by mu
}

// ServeHTTP implements http.Handler.
func (b *relay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if room, listens := strings.CutSuffix(r.URL.Path, "/stream"); listens {
		b.listen(w, r, room)
		return
	}
	var body bytes.Buffer
	_, err := body.ReadFrom(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	event := slices.Concat([]byte("id: 1\nevent: message\ndata: "), body.Bytes(), []byte("\n\n"))
	b.mu.Lock()
	for listener := range b.rooms[strings.TrimSuffix(r.URL.Path, "/messages")] {
		listener <- event
	}
	b.mu.Unlock()
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
}

func (b *relay) listen(w http.ResponseWriter, r *http.Request, room string) {
	events := make(chan []byte, 4096)
	b.mu.Lock()
	if b.rooms[room] == nil {
		b.rooms[room] = make(map[chan []byte]struct{})
	}
	b.rooms[room][events] = struct{}{}
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.rooms[room], events)
	}()
	connection := http.NewResponseController(w)
	event := []byte("retry: 1\nid: 0\n\n")
	for {
		_, err := w.Write(event)
		if err = errors.Join(err, connection.Flush()); err != nil {
			return
		}
		select {
		case event = <-events:
		case <-r.Context().Done():
			return
		}
	}
}
