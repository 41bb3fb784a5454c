package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

const (
	crashes = 4
	posters = 16
)

// TestKillUnderLoad kills the server while sixteen people post, several times,
// and checks after each restart that what was acknowledged is there once and
// that what was not is there at most once.
func TestKillUnderLoad(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	data := filepath.Join(t.TempDir(), "data")
	server := serve(t, data)
	c := newCrowd(t, server.address(), data)
	for round := range crashes {
		c.post(round, int64(20+random.IntN(200)), server.kill)
		server = serve(t, data)
		c.moveTo(server.address())
		c.check()
		c.repeat()
		c.check()
	}
	server.stop()
	t.Logf("%d messages survived %d crashes", c.count(), crashes)
}

// crowd is people who post in one conversation, and one who only reads.
type crowd struct {
	t       *testing.T
	room    string
	silent  *stranger
	auditor *stranger
	posters []*poster
}

// poster remembers what was said to it.
type poster struct {
	*stranger
	acknowledged map[uint64]said
	// open is what was posted and not answered, if anything.
	open *said
}

// said is a text and the key it was posted with.
type said struct{ key, text string }

func newCrowd(t *testing.T, address, data string, args ...string) *crowd {
	c := &crowd{t: t, silent: register(t, address, "silent"), auditor: holder(t, address, data, append(args, "--scope", "auditor")...)}
	var others []*stranger
	for i := range posters {
		p := register(t, address, fmt.Sprint("poster", i))
		others = append(others, p)
		c.posters = append(c.posters, &poster{stranger: p, acknowledged: map[uint64]said{}})
	}
	c.room = c.silent.begin("Crowd", others...)
	return c
}

func (c *crowd) moveTo(address string) {
	c.silent.address, c.auditor.address = address, address
	for _, p := range c.posters {
		p.address = address
	}
}

func (c *crowd) path() string { return "/v1/conversations/" + c.room + "/messages" }

// post lets everybody post as fast as they can; at the acknowledgement given
// the server is killed, and everybody stops at their first failure.
func (c *crowd) post(round int, until int64, kill func()) {
	var acknowledged atomic.Int64
	enough := make(chan struct{})
	var posting sync.WaitGroup
	for number, p := range c.posters {
		posting.Go(func() {
			for i := 0; ; i++ {
				p.open = &said{fmt.Sprintf("key-%d-%d", round, i), fmt.Sprintf("%d says %d in round %d", number, i, round)}
				answer, err := p.exchange("POST", c.path(), map[string]string{"text": p.open.text}, "Idempotency-Key", p.open.key)
				if err != nil {
					return
				}
				if answer.status != http.StatusCreated || answer.Text != p.open.text {
					c.t.Errorf("status %d: %s", answer.status, answer.raw)
					return
				}
				p.acknowledged[answer.Number] = *p.open
				p.open = nil
				if acknowledged.Add(1) == until {
					close(enough)
				}
			}
		})
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		posting.Wait()
	}()
	select {
	case <-enough:
		kill()
		<-stopped
	case <-stopped:
		c.t.Fatalf("posting ended after %d acknowledgements, before the server was killed", acknowledged.Load())
	}
}

// repeat asks again for what got no answer, twice, and for something that did.
func (c *crowd) repeat() {
	c.t.Helper()
	for _, p := range c.posters {
		if p.open != nil {
			first := p.say(c.room, p.open.text, "Idempotency-Key", p.open.key)
			if again := p.say(c.room, p.open.text, "Idempotency-Key", p.open.key); again.Number != first.Number {
				c.t.Errorf("%q is number %d and, repeated, %d", p.open.text, first.Number, again.Number)
			}
			p.acknowledged[first.Number] = *p.open
			p.open = nil
		}
		for number, s := range p.acknowledged {
			if again := p.say(c.room, s.text, "Idempotency-Key", s.key); again.Number != number {
				c.t.Errorf("%q was number %d and is, repeated, %d", s.text, number, again.Number)
			}
			break
		}
	}
}

// count is how many messages were acknowledged.
func (c *crowd) count() int {
	count := 0
	for _, p := range c.posters {
		count += len(p.acknowledged)
	}
	return count
}

// check compares the view with what the posters know, and the log with the
// view.
func (c *crowd) check() {
	c.t.Helper()
	stored, tip := c.stored()
	lines := c.silent.transcript(c.room, "Parley-Position", tip)
	if len(lines) != stored {
		c.t.Errorf("the view has %d messages, the log %d", len(lines), stored)
	}
	lastOwn := make(map[string]uint64)
	unanswered := make(map[string]int)
	for _, p := range c.posters {
		if p.open != nil {
			unanswered[p.open.text] = 0
		}
	}
	known := 0
	for i, line := range lines {
		if line.Number != uint64(i) {
			c.t.Fatalf("line %d of the view has number %d", i, line.Number)
		}
		lastOwn[line.Author] = line.Number
		if count, open := unanswered[line.Text]; open {
			unanswered[line.Text] = count + 1
			continue
		}
		if !c.acknowledged(line) {
			c.t.Errorf("nobody posted number %d: %q", line.Number, line.Text)
		}
		known++
	}
	if known != c.count() {
		c.t.Errorf("%d of %d acknowledged messages are there", known, c.count())
	}
	for text, count := range unanswered {
		if count > 1 {
			c.t.Errorf("%q is there %d times", text, count)
		}
	}
	c.checkInboxes(uint64(len(lines)), lastOwn)
}

// stored counts the messages in the log, whose revisions must be dense and
// whose ids different, and returns the last one's position.
func (c *crowd) stored() (count int, tip string) {
	c.t.Helper()
	ids := make(map[string]bool)
	for path := "/v1/audit/events?limit=1000&stream=messages-" + c.room; ; {
		page := c.auditor.ask(http.StatusOK, "GET", path, nil)
		for _, event := range page.Events {
			if event.Revision != uint64(len(ids)) || ids[event.ID] {
				c.t.Fatalf("event %d of the stream has revision %d and id %s", len(ids), event.Revision, event.ID)
			}
			ids[event.ID] = true
			tip = strconv.FormatUint(event.Position, 10)
		}
		if page.Next == nil {
			return len(ids), tip
		}
		path = *page.Next
	}
}

// acknowledged tells whether a line is what its author was told.
func (c *crowd) acknowledged(line talkLine) bool {
	for _, p := range c.posters {
		if p.id == line.Author {
			return p.acknowledged[line.Number].text == line.Text
		}
	}
	return false
}

// checkInboxes wants everybody's counts right: one's own message is read, and
// all before it.
func (c *crowd) checkInboxes(count uint64, lastOwn map[string]uint64) {
	c.t.Helper()
	people := []*stranger{c.silent}
	for _, p := range c.posters {
		people = append(people, p.stranger)
	}
	for _, s := range people {
		unread := count
		if last, posted := lastOwn[s.id]; posted {
			unread = count - 1 - last
		}
		seen := s.ask(http.StatusOK, "GET", "/v1/conversations/"+c.room, nil)
		if seen.MessageCount != count || seen.Unread != unread {
			c.t.Errorf("%d messages with %d unread, want %d and %d", seen.MessageCount, seen.Unread, count, unread)
		}
	}
}
