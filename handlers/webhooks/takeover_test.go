package webhooks_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/pgtest"
	"parley/handlers/handlertest"
	"parley/handlers/webhooks"
	"parley/projections/views"
	"parley/projections/views/viewstest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// host is an engine on a machine of its own: the time of its leadership passes
// as the test lets it.
type host struct {
	*webhooks.Engine
	testing.TB
	database views.Engine
	// beat has it show that it is there, look has it see whether others do.
	beat, look chan time.Time
	ended      chan struct{}
	stop       context.CancelFunc
	// leave stops the engine as an orderly end does.
	leave func()
}

// join has an engine deliver from a database. It is gone when the test ends.
func join(h *handlertest.House, database views.Engine, changes ...func(*webhooks.Options)) *host {
	h.Helper()
	one := &host{TB: h, database: database, beat: make(chan time.Time), look: make(chan time.Time), ended: make(chan struct{})}
	options := webhooks.Options{
		Views: database, Journal: h.Journal, Commands: h.Commands, NewID: uuid.New, Logger: h.Logger, Outbound: h.Outbound,
		Link: func(events.Digest, time.Time) string { return "" },
		Tick: func(every time.Duration) (<-chan time.Time, func()) {
			if every == time.Second {
				return one.beat, func() {}
			}
			return one.look, func() {}
		},
	}
	for _, change := range changes {
		change(&options)
	}
	var err error
	if one.Engine, err = webhooks.Open(h.Context(), options); err != nil {
		h.Fatal(err)
	}
	var ctx context.Context
	ctx, one.stop = context.WithCancel(context.Background())
	go func() {
		defer close(one.ended)
		one.Run(ctx)
	}()
	one.leave = sync.OnceFunc(func() {
		one.stop()
		<-one.ended
		if err := one.Close(); err != nil {
			h.Error(err)
		}
	})
	h.Cleanup(one.leave)
	return one
}

// dies has the engine lose its database for good, in the middle of what it does.
func (o *host) dies() {
	o.Helper()
	if closer, ok := o.database.(interface{ Close() error }); !ok {
		o.Fatalf("%T cannot be closed", o.database)
	} else if err := closer.Close(); err != nil {
		o.Fatal(err)
	}
	o.passes(o.beat)
}

// watches has the engine look until it ends.
func (o *host) watches() { o.passes(o.look) }

func (o *host) passes(ticks chan<- time.Time) {
	go func() {
		for {
			select {
			case ticks <- handlertest.Began:
			case <-o.ended:
				return
			}
		}
	}()
}

// waiting counts the app's deliveries that are still to be made.
func (o *host) waiting(app bot) int64 {
	o.Helper()
	standing, err := o.Standing(o.Context(), app.App.ID)
	if err != nil {
		o.Fatal(err)
	}
	return standing.Waiting
}

// talk is what is said to a receiver, in two conversations.
type talk struct {
	*handlertest.House
	at    *receiver
	ada   *handlertest.Client
	app   bot
	rooms [2]uuid.UUID
	// said and heard count what was, in each conversation.
	said  int
	heard [2]int
	seen  map[uuid.UUID]bool
}

func newTalk(h *handlertest.House, at *receiver) *talk {
	k := &talk{House: h, at: at, ada: h.Person("ada"), seen: make(map[uuid.UUID]bool)}
	k.app = bring(k.ada, at, events.MessagesField)
	for i := range k.rooms {
		k.rooms[i] = k.ada.Start("group", h.Person(fmt.Sprint("p", i)))
		install(k.ada, k.rooms[i], k.app)
	}
	return k
}

func (k *talk) say(count int) {
	for range count {
		for _, room := range k.rooms {
			k.ada.Say(room, fmt.Sprint(k.said))
		}
		k.said++
	}
}

// hear returns when all that was said was heard, in its order. What comes once
// more was heard before.
func (k *talk) hear() {
	k.Helper()
	for k.heard[0] < k.said || k.heard[1] < k.said {
		one := k.at.next()
		if k.seen[one.EventID] {
			continue
		}
		k.seen[one.EventID] = true
		i := 0
		if one.Message.MID[:38] == fmt.Sprint("m_", k.rooms[1]) {
			i = 1
		}
		if one.Message.Text != fmt.Sprint(k.heard[i]) {
			k.Fatalf("in conversation %d %q came when %d was next", i, one.Message.Text, k.heard[i])
		}
		k.heard[i]++
	}
}

// TestAnotherServerGoesOn has two engines share a PostgreSQL: one delivers, and
// when it leaves the other one goes on where it was, without waiting.
func TestAnotherServerGoesOn(t *testing.T) {
	pgtest.Require(t)
	h := handlertest.Open(t, loopback)
	place := viewstest.Postgres(t)
	first := join(h, place(t))
	k := newTalk(h, receive(t, nil))
	k.say(5)
	k.hear()
	join(h, place(t)).watches()
	first.leave()
	k.say(5)
	k.hear()
}

// TestAnotherServerTakesOver has the server that delivers vanish between two
// beats while deliveries are under way: it loses its database, or stands still
// and comes back. Nothing may be lost, or out of order, and what it does when
// it comes back must count no more.
func TestAnotherServerTakesOver(t *testing.T) {
	pgtest.Require(t)
	for _, c := range []struct {
		name   string
		vanish func(*host)
	}{
		{"from one that died", (*host).dies},
		{"from one that stands still", func(*host) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := handlertest.Open(t, loopback)
			place := viewstest.Postgres(t)
			first := join(h, place(t))
			var held atomic.Bool
			reached, release := make(chan struct{}), make(chan struct{})
			let := sync.OnceFunc(func() { close(release) })
			at := receive(t, func(one item) int {
				if one.Message.Text == "7" && held.CompareAndSwap(false, true) {
					close(reached)
					<-release
				}
				return http.StatusOK
			})
			t.Cleanup(let)
			k := newTalk(h, at)
			k.say(1)
			k.hear()
			second := join(h, place(t))
			k.say(11)
			<-reached
			for range 40 { // as long as three servers' patience
				first.beat <- handlertest.Began
				second.look <- handlertest.Began
			}
			if second.waiting(k.app) == 0 {
				t.Fatal("what the first server holds does not wait")
			}
			c.vanish(first)
			second.watches()
			k.hear()
			let()
			k.say(3)
			k.hear()
			for second.waiting(k.app) > 0 {
			}
			made, err := second.Deliveries(t.Context(), k.app.App.ID, webhooks.Listed{Limit: 100})
			if err != nil || len(made) != 2*k.said {
				t.Errorf("%d deliveries are logged of %d: %v", len(made), 2*k.said, err)
			}
			for _, one := range made {
				if one.State != "delivered" || one.Attempts != 1 {
					t.Errorf("logged as %+v", one)
				}
			}
		})
	}
}
