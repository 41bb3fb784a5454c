package main

import (
	"context"
	"errors"
	"os"
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
		engine = h.config.deliveries()
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

// deliveries is where they are kept, unless PostgreSQL has them.
func (c *config) deliveries() *views.SQLite {
	return views.NewSQLite(filepath.Join(c.data, deliveriesFolder))
}

// backupDeliveries copies what is to be delivered, and what was, into a new
// directory below the one given, and returns its path. It is empty if a
// PostgreSQL has the deliveries.
func (h *house) backupDeliveries(ctx context.Context, below string) (copied string, err error) {
	if h.config.views != sqlite {
		return "", nil
	}
	if err := os.MkdirAll(below, 0o700); err != nil {
		return "", err
	}
	if copied, err = os.MkdirTemp(below, ".parley-deliveries-*"); err != nil {
		return "", err
	}
	if err := webhooks.Copy(ctx, h.config.deliveries(), copied); err != nil {
		return "", errors.Join(err, os.RemoveAll(copied))
	}
	return copied, nil
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
