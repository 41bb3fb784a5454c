package main

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"parley/events"
	"parley/handlers"
	"parley/handlers/webhooks"
	"parley/projections/views"
)

// deliveriesFolder holds what is to be delivered to apps, and what was, where
// views are files too. It cannot be rebuilt from the log.
const deliveriesFolder = "deliveries"

// openWebhooks opens the engine of deliveries, which does not deliver yet.
func (h *house) openWebhooks(ctx context.Context, shared views.Engine) (err error) {
	engine := shared
	if h.config.views == sqlite {
		engine = views.NewSQLite(filepath.Join(h.config.data, deliveriesFolder))
	}
	h.webhooks, err = webhooks.Open(ctx, webhooks.Options{
		Views: engine, Journal: h.journal, Commands: h.commands, Link: h.mediaURL, NewID: newID,
		Outbound: h.config.outbound, Logger: h.logger, Metrics: h.metrics,
	})
	if err == nil {
		h.closers = append(h.closers, h.webhooks)
	}
	return err
}

// mediaURL is where anybody can read a file until a time.
func (h *house) mediaURL(file events.Digest, until time.Time) string {
	return h.address + handlers.MediaLink(h.journal.Keys, file, until)
}

// deliver has the engine deliver until stop is called.
func (h *house) deliver(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { h.webhooks.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}
