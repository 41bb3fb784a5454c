package webhooks_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/pgtest"
	"parley/handlers/handlertest"
	"parley/handlers/webhooks"
	"parley/projections/views/viewstest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// TestAnotherServerGoesOn has two engines share a PostgreSQL: one delivers, and
// when it ends the other one goes on where it was.
func TestAnotherServerGoesOn(t *testing.T) {
	pgtest.Require(t)
	h := handlertest.Open(t, loopback)
	place := viewstest.Postgres(t)
	ended := make(chan struct{}, 2)
	serve := func() context.CancelFunc {
		engine, err := webhooks.Open(t.Context(), webhooks.Options{
			Views: place(t), Journal: h.Journal, Commands: h.Commands, NewID: uuid.New, Logger: h.Logger, Outbound: h.Outbound,
			Link: func(events.Digest, time.Time) string { return "" },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			engine.Run(ctx)
			if err := engine.Close(); err != nil {
				t.Error(err)
			}
			ended <- struct{}{}
		}()
		return cancel
	}
	stopFirst, stopSecond := serve(), serve()
	at := receive(t, nil)
	ada := h.Person("ada")
	app := bring(ada, at, events.MessagesField)
	room := ada.Start("group", h.Person("bob"))
	install(ada, room, app)
	seen := make(map[uuid.UUID]bool)
	say := func(n int) {
		ada.Say(room, fmt.Sprint(n))
		one := at.next()
		for seen[one.EventID] { // what was under way when the first one ended
			one = at.next()
		}
		seen[one.EventID] = true
		if one.Message.Text != fmt.Sprint(n) {
			t.Fatalf("message %d came as %q", n, one.Message.Text)
		}
	}
	for n := range 5 {
		say(n)
	}
	nothingMore(t, at)
	stopFirst()
	<-ended
	for n := range 5 {
		say(5 + n)
	}
	nothingMore(t, at)
	stopSecond()
	<-ended
}
