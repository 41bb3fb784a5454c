// Package handlertest boots all of Parley's server in a temporary directory,
// on the real log, vault and views, and speaks HTTP with it.
package handlertest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"parley/events"
	"parley/events/commands"
	"parley/events/media"
	"parley/events/node"
	"parley/events/vault"
	"parley/handlers"
	"parley/handlers/webhooks"
	"parley/projections"
	"parley/projections/views"
)

// Began is what a house's clock shows at first.
var Began = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// House is a running server. It ends with its test.
type House struct {
	testing.TB
	handlers.Options
	Server *handlers.Server
	Node   *node.Node
	Clock  *Clock
	// URL is where the server listens.
	URL string
	// Dir holds everything that is kept.
	Dir string

	delivering sync.WaitGroup
}

// Open boots a house. Each change is applied to the server's options before it
// starts.
func Open(t testing.TB, changes ...func(*handlers.Options)) *House {
	t.Helper()
	return OpenOn(t, vfs.Default, changes...)
}

// OpenOn is Open with the log on a disk that can fail.
func OpenOn(t testing.TB, disk vfs.FS, changes ...func(*handlers.Options)) *House {
	t.Helper()
	h := &House{TB: t, Dir: t.TempDir(), Clock: &Clock{now: Began}}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	logger := slog.New(slog.DiscardHandler)

	var err error
	h.Node, err = node.Open(filepath.Join(h.Dir, "log"), node.Options{FS: disk, Now: h.Clock.Now, Logger: logger})
	h.must(err)
	t.Cleanup(h.closeNode)
	master, err := vault.LoadMaster(h.Dir, "", rand.Reader)
	h.must(err)
	keys, err := vault.Open(ctx, vault.File(filepath.Join(h.Dir, "vault.db")), master, vault.Options{})
	h.must(err)
	t.Cleanup(func() { h.close(keys.Close) })

	journal := &events.Journal{Log: h.Node, Keys: keys, Now: h.Clock.Now, NewID: newID}
	views, feed := h.project(ctx, cancel, journal, logger)
	store, err := media.Open(ctx, filepath.Join(h.Dir, "media"))
	h.must(err)
	t.Cleanup(func() { h.close(store.Close) })
	tokens, err := handlers.OpenTokens(filepath.Join(h.Dir, "tokens.key"), h.Clock.Now)
	h.must(err)
	write := commands.New(journal)
	write.Messages = views.Conversations
	write.Library = commands.NewLibrary(journal, store)
	write.Library.Sightings = views.Media
	h.finishErasures(ctx, write, views, logger)
	h.Options = handlers.Options{
		Commands: write, Library: write.Library, Journal: journal, Views: views, Feed: feed, Tokens: tokens,
		Now: h.Clock.Now, NewID: newID, Logger: logger, Metrics: prometheus.NewRegistry(), Health: h.Node.Health,
		Limits: handlers.Limits{Rate: -1, Wait: 30 * time.Second},
	}
	for _, change := range changes {
		change(&h.Options)
	}
	h.openWebhooks(ctx)
	h.Server, err = handlers.New(h.Options)
	h.must(err)
	listener := httptest.NewServer(h.Server)
	t.Cleanup(listener.Close)
	t.Cleanup(h.Server.Drain)
	h.URL = listener.URL
	return h
}

func (h *House) project(ctx context.Context, cancel context.CancelFunc, journal *events.Journal, logger *slog.Logger) (*projections.Set, *projections.Feed) {
	views, err := projections.Open(ctx, journal, projections.Options{
		Views: views.NewSQLite(filepath.Join(h.Dir, "views")), Now: h.Clock.Now, Logger: logger,
	})
	h.must(err)
	feed := projections.NewFeed(views, logger)
	var running sync.WaitGroup
	running.Go(func() { views.Run(ctx) })
	running.Go(func() { feed.Run(ctx) })
	h.Cleanup(func() {
		cancel()
		running.Wait()
		h.close(views.Close)
	})
	return views, feed
}

// openWebhooks opens the engine of deliveries, which delivers once Deliver is
// called. What it waits for moves the clock, and is there at once.
func (h *House) openWebhooks(ctx context.Context) {
	engine, err := webhooks.Open(ctx, webhooks.Options{
		Views: views.NewSQLite(filepath.Join(h.Dir, "deliveries")), Journal: h.Journal, Commands: h.Commands, NewID: newID,
		Now: h.Clock.Now, After: h.Clock.After, Logger: h.Logger, Outbound: h.Outbound,
		Link: func(file events.Digest, until time.Time) string {
			return h.URL + handlers.MediaLink(h.Journal.Keys, file, until)
		},
	})
	h.must(err)
	h.Options.Webhooks = engine
	h.Cleanup(func() {
		h.delivering.Wait()
		h.close(engine.Close)
	})
}

// Deliver has the house deliver to webhooks, until it ends.
func (h *House) Deliver() {
	ctx, cancel := context.WithCancel(context.Background())
	h.Cleanup(cancel)
	h.delivering.Go(func() { h.Options.Webhooks.Run(ctx) })
}

// CatchUp returns when the views show all that was written.
func (h *House) CatchUp() {
	h.Helper()
	h.must(h.Views.CatchUp(h.Context()))
}

func (h *House) finishErasures(ctx context.Context, write *commands.Commands, views *projections.Set, logger *slog.Logger) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { write.FinishErasures(ctx, views.Erasures(), logger) })
	h.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

func (h *House) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *House) close(step func() error) {
	if err := step(); err != nil {
		h.Errorf("closing: %v", err)
	}
}

// closeNode expects a failure of a node that has failed.
func (h *House) closeNode() {
	failed := h.Node.Health() != nil
	if err := h.Node.Close(); err != nil && !failed {
		h.Errorf("closing the log: %v", err)
	}
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// Clock stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

// Now is what the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// After moves the clock and fires.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.Advance(d)
	fired := make(chan time.Time, 1)
	fired <- c.Now()
	return fired
}
