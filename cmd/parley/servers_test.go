package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/events/pgtest"
)

// TestServersSideBySide has three servers on one log and one PostgreSQL, and
// kills each in turn while people post at all of them. What was acknowledged
// is there once, in order, on every server; who has posted at one server finds
// it at another; and who listens is told of everything, once, by whichever
// server is there.
func TestServersSideBySide(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	c := newCrowd(t, f.address(0), f.data(0), "--views", f.views)
	var listeners []*listener
	for home := range f.servers {
		listeners = append(listeners, f.listen(c.posters[len(c.posters)-1-home].stranger, c.room, home))
	}
	posts := f.insist(c, c.posters[:6])
	for i := range f.servers {
		posts.wait(fmt.Sprint("taken before server ", i, " is killed"), taken)
		f.kill(i)
		posts.wait(fmt.Sprint("taken without server ", i), taken)
		f.start(i)
		posts.wait(fmt.Sprint("taken after server ", i, " is back"), taken)
	}
	posts.stop()
	for i := range f.servers {
		c.moveTo(f.address(i))
		c.repeat()
		c.check()
	}
	for _, l := range listeners {
		l.mustHear(c)
	}
	t.Logf("%d messages went through", c.count())
}

// fleet is servers that share a log, a PostgreSQL and a folder for files.
type fleet struct {
	t     *testing.T
	dir   string
	views string
	args  []string

	mu      sync.Mutex
	servers [3]*process // nil while one is dead; guarded by mu
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, dir: t.TempDir(), views: pgtest.URL(t)}
	_, log := serveLog(t, f.dir, "127.0.0.1:0")
	f.args = []string{"--eventstore", "esdb://" + log + "?tls=false", "--views", f.views, "--media", filepath.Join(f.dir, "media")}
	for i := range f.servers {
		f.start(i)
	}
	return f
}

func (f *fleet) data(i int) string { return filepath.Join(f.dir, fmt.Sprint("data", i)) }

// start starts a server. The first makes the master key, which the others are
// given as an operator would.
func (f *fleet) start(i int) {
	f.t.Helper()
	var variables []string
	if i > 0 {
		key, err := os.ReadFile(filepath.Join(f.data(0), "vault", "master.key"))
		if err != nil {
			f.t.Fatal(err)
		}
		variables = []string{"PARLEY_MASTER_KEY=" + strings.TrimSpace(string(key))}
	}
	server := start(f.t, variables, append([]string{"serve", "--data", f.data(i), "--listen", "127.0.0.1:0", "--open-registration", "--rate", "-1"}, f.args...)...)
	server.address()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.servers[i] = server
}

func (f *fleet) kill(i int) {
	f.t.Helper()
	f.mu.Lock()
	server := f.servers[i]
	f.servers[i] = nil
	f.mu.Unlock()
	server.kill()
}

// address is a server's, or that of the next one that is alive.
func (f *fleet) address(i int) string {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for step := range f.servers {
		if server := f.servers[(i+step)%len(f.servers)]; server != nil {
			return server.address()
		}
	}
	return "http://127.0.0.1:1" // nobody is there
}

// insist lets people post until the load is stopped, each message at another
// server, and again at the next one until it is acknowledged.
func (f *fleet) insist(c *crowd, people []*poster) *load {
	l := newLoad(f.t, len(people))
	for number, p := range people {
		l.posting.Go(func() {
			for i := 0; l.goesOn(); i++ {
				p.open = &said{fmt.Sprint("fleet-", i), fmt.Sprintf("%d says %d somewhere", number, i)}
				for at := number + i; p.open != nil && l.goesOn(); at++ {
					f.post(l, c, p, number, at)
				}
			}
		})
	}
	return l
}

// post posts what is open at one server and reads it at the next.
func (f *fleet) post(l *load, c *crowd, p *poster, number, at int) {
	at %= len(f.servers)
	p.address = f.address(at)
	text := p.open.text
	answer, err := p.exchange("POST", c.path(), map[string]string{"text": text}, "Idempotency-Key", p.open.key)
	switch {
	case err != nil: // this server is dead
		l.count(putOff, number)
		return
	case answer.status == http.StatusServiceUnavailable && answer.retryAfter != "":
		l.count(putOff, number)
		return
	case answer.status != http.StatusCreated || answer.Text != text:
		f.t.Errorf("status %d: %s", answer.status, answer.raw)
		return
	}
	p.acknowledged[answer.Number] = *p.open
	p.open = nil
	l.count(taken, number)
	p.address = f.address(at + 1)
	path := fmt.Sprintf("%s?limit=1&before=%d", c.path(), answer.Number+1)
	read, err := p.exchange("GET", path, nil, "Parley-Position", answer.position)
	if err != nil || read.status == http.StatusServiceUnavailable {
		return // that one is dead, or has just begun
	}
	if len(read.Messages) != 1 || read.Messages[0] != (talkLine{answer.Number, p.id, text}) {
		f.t.Errorf("%q, number %d, reads at another server as status %d: %s", text, answer.Number, read.status, read.raw)
	}
}

// listener hears of a conversation's messages, from one server after the other.
type listener struct {
	f    *fleet
	who  *stranger
	room string
	// last is the id of the last event; owned by the listening goroutine.
	last string

	mu    sync.Mutex
	heard []uint64      // numbers of messages; guarded by mu
	grown chan struct{} // closed and replaced with each message; guarded by mu
}

// listen listens at a server, and elsewhere while that one is dead. It returns
// when the stream has begun.
func (f *fleet) listen(who *stranger, room string, home int) *listener {
	f.t.Helper()
	l := &listener{f: f, who: who, room: room, grown: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	began := make(chan struct{})
	begin := sync.OnceFunc(func() { close(began) })
	var listening sync.WaitGroup
	listening.Go(func() {
		for ctx.Err() == nil {
			l.stream(ctx, f.address(home), begin)
			select {
			case <-time.After(pace):
			case <-ctx.Done():
			}
		}
	})
	f.t.Cleanup(func() {
		cancel()
		listening.Wait()
	})
	select {
	case <-began:
	case <-time.After(patience):
		f.t.Fatal("the stream does not begin")
	}
	return l
}

// stream hears one stream until it breaks.
func (l *listener) stream(ctx context.Context, address string, begin func()) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/v1/conversations/"+l.room+"/stream", nil)
	if err != nil {
		l.f.t.Error(err)
		return
	}
	request.Header.Set("Authorization", "Bearer "+l.who.token)
	if l.last != "" {
		request.Header.Set("Last-Event-ID", l.last)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return // that server is dead
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return // it has just begun
	}
	begin()
	var kind, id string
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		switch value = strings.TrimPrefix(value, " "); {
		case name == "event":
			kind = value
		case name == "id":
			id = value
		case name == "data" && kind == "message":
			l.hear(value)
		case name == "" && value == "": // the event's end
			l.last, kind = id, ""
		}
	}
}

func (l *listener) hear(data string) {
	var message talkLine
	if err := json.Unmarshal([]byte(data), &message); err != nil {
		l.f.t.Errorf("an event says %q: %v", data, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, message.Number)
	close(l.grown)
	l.grown = make(chan struct{})
}

// mustHear waits for all messages of the crowd, which come once and in order.
func (l *listener) mustHear(c *crowd) {
	c.t.Helper()
	count := c.count()
	late := time.After(patience)
	for {
		l.mu.Lock()
		heard, grown := l.heard, l.grown
		l.mu.Unlock()
		for i, number := range heard {
			if number != uint64(i) {
				c.t.Fatalf("message %d was heard as the %dth: %v", number, i, heard[max(0, i-3):min(len(heard), i+3)])
			}
		}
		if len(heard) == count {
			return
		}
		select {
		case <-grown:
		case <-late:
			c.t.Fatalf("of %d messages %d were heard", count, len(heard))
		}
	}
}
