package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/events/esdb/esdbtest"
)

// TestServeThroughOutages serves on another process' log while the connection
// between them breaks in every way, and that process is killed. Some people
// post all the while, and repeat with its key what was not acknowledged.
func TestServeThroughOutages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	node, address := serveLog(t, dir, "127.0.0.1:0")
	proxy := esdbtest.NewProxy(t, address)
	data := filepath.Join(dir, "data")
	server := serve(t, data, "--eventstore", "esdb://"+proxy.Address()+"?tls=false&defaultDeadline=2000&gossipTimeout=1")
	c := newCrowd(t, server.address(), data)
	load := c.insist(c.posters[:4])
	for i, outage := range []struct {
		name       string
		begin, end func()
	}{
		{"refused", proxy.Refuse, proxy.Accept},
		{"stalled", proxy.Stall, proxy.Resume},
		{"reset, then stalled", func() { proxy.Reset(); proxy.Stall() }, proxy.Resume},
		{"killed", node.kill, func() { node, _ = serveLog(t, dir, address) }},
	} {
		load.wait("taken before the log is "+outage.name, taken)
		outage.begin()
		load.wait("put off while the log is "+outage.name, putOff)
		c.checkOutage(c.posters[4+i])
		outage.end()
		load.wait("taken after the log was "+outage.name, taken)
		c.awaitReady()
	}
	for range 2 {
		proxy.Cut()
		load.wait("taken after a cut", taken)
		proxy.Reset()
		load.wait("taken after a reset", taken)
	}
	load.stop()
	c.repeat()
	c.check()
	t.Logf("%d messages went through", c.count())
	server.stop()
	node.stop()
}

// serveLog runs a process that keeps a log, and returns where it listens.
func serveLog(t *testing.T, dir, listen string) (node *process, address string) {
	t.Helper()
	node = start(t, nil, "node", "--data", filepath.Join(dir, "node"), "--listen", listen)
	_, address, _ = strings.Cut(node.line(node.stdout, "parley: node listening on "), "listening on ")
	return node, address
}

// checkOutage is what everybody sees while the log is out of reach: writes are
// put off, reads go on, and the server says that it is not ready.
func (c *crowd) checkOutage(p *poster) {
	c.t.Helper()
	p.open = &said{"outage", "Does anybody hear " + p.id + "?"}
	refused := p.ask(http.StatusServiceUnavailable, "POST", c.path(), map[string]string{"text": p.open.text}, "Idempotency-Key", p.open.key)
	unready := c.silent.ask(http.StatusServiceUnavailable, "GET", "/readyz", nil)
	if refused.retryAfter == "" || unready.retryAfter == "" {
		c.t.Errorf("no Retry-After with %s or with %s", refused.raw, unready.raw)
	}
	if !strings.Contains(unready.raw, `"log":"unavailable"`) {
		c.t.Errorf("/readyz says %s", unready.raw)
	}
	c.silent.ask(http.StatusOK, "GET", c.path(), nil)
	c.silent.ask(http.StatusOK, "GET", "/v1/conversations", nil)
	c.silent.ask(http.StatusOK, "GET", "/healthz", nil)
}

// awaitReady waits until the server says that it is ready.
func (c *crowd) awaitReady() {
	c.t.Helper()
	late := time.After(patience)
	for {
		answer, err := c.silent.exchange("GET", "/readyz", nil)
		if err != nil {
			c.t.Fatal(err)
		}
		if answer.status == http.StatusOK {
			return
		}
		select {
		case <-time.After(pace):
		case <-late:
			c.t.Fatalf("the server does not get ready: %s", answer.raw)
		}
	}
}

const (
	// pace is the pause between two posts of one person.
	pace = 10 * time.Millisecond
	// prompt bounds a post by far more than the deadlines of the calls it
	// makes, and far less than for ever.
	prompt = 20 * time.Second
)

// answered is what became of a post.
type answered uint8

const (
	taken answered = iota
	putOff
)

// load is people who post one message after the other, and each again until it
// is acknowledged.
type load struct {
	t       *testing.T
	posting sync.WaitGroup
	ending  chan struct{}

	mu sync.Mutex
	// counts is how often each poster was answered so; guarded by mu.
	counts [2][]int
	// changed is closed and replaced when counts change; guarded by mu.
	changed chan struct{}
}

func newLoad(t *testing.T, posters int) *load {
	l := &load{t: t, ending: make(chan struct{}), changed: make(chan struct{})}
	for kind := range l.counts {
		l.counts[kind] = make([]int, posters)
	}
	return l
}

// insist lets some of the crowd post until the load is stopped.
func (c *crowd) insist(posters []*poster) *load {
	l := newLoad(c.t, len(posters))
	for number, p := range posters {
		l.posting.Go(func() {
			for i := 0; l.goesOn(); i++ {
				p.open = &said{fmt.Sprint("outage-", i), fmt.Sprintf("%d insists on %d", number, i)}
				for p.open != nil && l.goesOn() {
					if !l.post(c.path(), number, p) {
						return
					}
				}
			}
		})
	}
	return l
}

// post posts what is open once. It answers false after an answer that nobody
// should get.
func (l *load) post(path string, number int, p *poster) bool {
	began := time.Now()
	answer, err := p.exchange("POST", path, map[string]string{"text": p.open.text}, "Idempotency-Key", p.open.key)
	if took := time.Since(began); took > prompt {
		l.t.Errorf("a post was answered with status %d after %s", answer.status, took)
	}
	switch {
	case err != nil:
		l.t.Error(err)
		return false
	case answer.status == http.StatusCreated && answer.Text == p.open.text:
		p.acknowledged[answer.Number] = *p.open
		p.open = nil
		l.count(taken, number)
	case answer.status == http.StatusServiceUnavailable && answer.retryAfter != "":
		l.count(putOff, number)
	default:
		l.t.Errorf("status %d, Retry-After %q: %s", answer.status, answer.retryAfter, answer.raw)
		return false
	}
	return true
}

// goesOn keeps the pace, and answers false when the load is to stop.
func (l *load) goesOn() bool {
	select {
	case <-l.ending:
		return false
	case <-time.After(pace):
		return true
	}
}

func (l *load) count(kind answered, number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[kind][number]++
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *load) state(kind answered) (counts []int, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(counts, l.counts[kind]...), l.changed
}

// wait returns when everybody has been answered so twice more: the first may
// have been under way before.
func (l *load) wait(what string, kind answered) {
	l.t.Helper()
	before, _ := l.state(kind)
	late := time.After(patience)
	for {
		now, changed := l.state(kind)
		done := true
		for number := range now {
			done = done && now[number] >= before[number]+2
		}
		if done {
			return
		}
		select {
		case <-changed:
		case <-late:
			l.t.Fatalf("posts are not %s: %v, before %v", what, now, before)
		}
	}
}

func (l *load) stop() {
	close(l.ending)
	l.posting.Wait()
}
