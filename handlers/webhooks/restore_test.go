package webhooks_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"parley/handlers/handlertest"
	"parley/handlers/webhooks"
	"parley/projections/views"
)

// TestACopiedStoreGoesOnWhereItWasCopied copies the store while one delivery
// cannot be made, and goes on from the copy days later: what had been delivered
// by then is not delivered again, what waited is, and so is what came since.
func TestACopiedStoreGoesOnWhereItWasCopied(t *testing.T) {
	h := handlertest.Open(t, loopback)
	dir, copied := t.TempDir(), t.TempDir()
	never := func(time.Duration) <-chan time.Time { return nil }
	first := join(h, views.NewSQLite(dir), func(o *webhooks.Options) { o.Now, o.After = h.Clock.Now, never })
	var refused atomic.Int64
	tried := make(chan struct{}, 10)
	at := receive(t, func(one item) int {
		if one.Message.Text == "stuck" && refused.Add(1) <= 2 { // by each of the engines once
			tried <- struct{}{}
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	k := newTalk(h, at)
	k.say(3)
	k.hear()
	k.ada.Say(k.rooms[1], "stuck")
	<-tried
	for first.waiting(k.app) > 1 || attempts(first, k.app) == 0 {
	}
	if err := webhooks.Copy(t.Context(), views.NewSQLite(dir), copied); err != nil {
		t.Fatal(err)
	}
	k.ada.Say(k.rooms[0], "after the copy")
	k.ada.Say(k.rooms[1], "behind what is stuck")
	at.next()
	first.leave()

	h.Clock.Advance(72 * time.Hour)
	second := join(h, views.NewSQLite(copied), func(o *webhooks.Options) { o.Now, o.After = h.Clock.Now, h.Clock.After })
	var came []string
	for range 3 {
		came = append(came, at.next().Message.Text)
	}
	if i := slices.Index(came, "stuck"); i < 0 || !slices.Contains(came[i:], "behind what is stuck") || !slices.Contains(came, "after the copy") {
		t.Errorf("from the copy came %q", came)
	}
	for second.waiting(k.app) > 0 {
	}
	nothingMore(t, at)
}

// attempts is how often the first of an app's waiting deliveries was tried.
func attempts(h *host, app bot) int64 {
	h.Helper()
	waits, err := h.Deliveries(h.Context(), app.App.ID, webhooks.Listed{State: "waiting", Limit: 1})
	if err != nil || len(waits) != 1 {
		h.Fatal(fmt.Sprint(waits), err)
	}
	return waits[0].Attempts
}
