package webhooks_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/handlers/handlertest"
	"parley/projections"
)

// TestAtLeastOnceAndInOrder has a receiver fail at random, in all the ways
// there are, while several people write in several conversations.
func TestAtLeastOnceAndInOrder(t *testing.T) {
	h := open(t)
	const rooms, each = 6, 25
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(1, 2))
	at := receive(t, func(item) int {
		mu.Lock()
		defer mu.Unlock()
		switch random.IntN(3) {
		case 0:
			return []int{500, 503, 302, 404, 429}[random.IntN(5)]
		}
		return http.StatusOK
	})
	ada := h.Person("ada")
	app := bring(ada, at, events.MessagesField)
	var conversations []uuid.UUID
	for i := range rooms {
		room := ada.Start("group", h.Person(fmt.Sprint("p", i)))
		install(ada, room, app)
		conversations = append(conversations, room)
	}
	var writing sync.WaitGroup
	for _, room := range conversations {
		writing.Go(func() {
			for n := range each {
				ada.Say(room, fmt.Sprint(n))
			}
		})
	}
	writing.Wait()
	seen := make(map[uuid.UUID]bool)
	next := make(map[string]int)
	for len(seen) < rooms*each {
		one := at.next()
		if seen[one.EventID] {
			continue // at least once
		}
		seen[one.EventID] = true
		if want := fmt.Sprint(next[one.Sender.ID]); one.Message.Text != want {
			t.Fatalf("in one conversation %q came when %q was next", one.Message.Text, want)
		}
		next[one.Sender.ID]++
	}

	// What was delivered is not delivered again because views are built anew.
	for _, name := range []string{projections.AppsName, projections.ConversationsName} {
		if err := h.Views.Rebuild(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	ada.Say(conversations[0], "the last")
	for one := at.next(); one.Message.Text != "the last"; one = at.next() {
		if !seen[one.EventID] {
			t.Fatalf("%+v was never written", one)
		}
	}
	nothingMore(t, at)
}

func nothingMore(t *testing.T, at *receiver) {
	t.Helper()
	select {
	case one := <-at.items:
		t.Errorf("delivered once more: %+v", one.Message)
	default:
	}
}

func TestAnEndpointThatHangsDelaysNoOther(t *testing.T) {
	h := open(t)
	release := make(chan struct{})
	hanging := receive(t, func(item) int { <-release; return http.StatusOK })
	t.Cleanup(func() { close(release) })
	quick := receive(t, nil)
	ada := h.Person("ada")
	slow, fast := bring(ada, hanging, events.MessagesField), bring(ada, quick, events.MessagesField)
	for i := range 12 { // more than one endpoint has workers
		room := ada.Start("group", h.Person(fmt.Sprint("p", i)))
		install(ada, room, slow)
		install(ada, room, fast)
		ada.Say(room, fmt.Sprint(i))
		quick.next()
	}
}

// TestASilentEndpointIsSwitchedOff has a receiver fail for a day of the clock
// that the waits move.
func TestASilentEndpointIsSwitchedOff(t *testing.T) {
	h := open(t)
	began := h.Clock.Now()
	var mu sync.Mutex
	status := http.StatusServiceUnavailable
	at := receive(t, func(item) int { mu.Lock(); defer mu.Unlock(); return status })
	ada := h.Person("ada")
	app := bring(ada, at, events.MessagesField)
	room := ada.Start("group", h.Person("bob"))
	install(ada, room, app)
	ada.Say(room, "is anybody there?")

	off := await(t, h, ada, app)
	if after := h.Clock.Now().Sub(began); after < 24*time.Hour || after > 26*time.Hour {
		t.Errorf("switched off after %v", after)
	}
	if want := "nobody has taken a delivery for 24 hours; the last one was answered with status 503"; off != want {
		t.Errorf("the owner is told %q, want %q", off, want)
	}
	ada.Say(room, "and now?")
	mu.Lock()
	status = http.StatusOK
	mu.Unlock()
	configure(ada, app, at, events.MessagesField)
	ada.Say(room, "welcome back")
	if one := at.next(); one.Message.Text != "welcome back" {
		t.Errorf("delivered %q, which was written while nobody was there", one.Message.Text)
	}
}

// await returns why the app's webhook was switched off, once it was.
func await(t *testing.T, h *handlertest.House, owner *handlertest.Client, app bot) string {
	t.Helper()
	for recorded, err := range h.Node.Follow(t.Context(), events.Beginning, events.Filter{StreamPrefixes: []string{"app-"}}) {
		if err != nil {
			t.Fatal(err)
		}
		if recorded.Type == events.TypeOf(new(events.WebhookDisabled)) {
			break
		}
	}
	var shown struct {
		State  string
		Reason *string
	}
	owner.Get("/v1/apps/" + app.App.ID.String() + "/webhook").Want(200).Into(&shown)
	if shown.State != "off" || shown.Reason == nil {
		t.Fatalf("the owner sees %+v", shown)
	}
	return *shown.Reason
}
