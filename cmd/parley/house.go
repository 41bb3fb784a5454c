package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"parley/events"
	"parley/events/commands"
	"parley/events/esdb"
	"parley/events/node"
	"parley/events/vault"
	"parley/handlers"
	"parley/handlers/web"
	"parley/handlers/webhooks"
	"parley/projections"
)

// house is all that stands on one data directory, from the log up. Commands
// and tests boot this same type.
type house struct {
	config   *config
	logger   *slog.Logger
	metrics  *prometheus.Registry
	node     *node.Node   // nil when the log is a cluster's
	health   func() error // tells what keeps the log from taking writes
	vault    *vault.Vault
	journal  *events.Journal
	commands *commands.Commands
	library  *commands.Library
	views    *projections.Set
	feed     *projections.Feed
	tokens   *handlers.Tokens
	webhooks *webhooks.Engine
	// address is where the server is found, set before it delivers anything.
	address string

	// closers end what was opened, the last one first.
	closers []io.Closer
	// rest ends the projections and waits for them.
	rest func()
	// stop ends what else follows the log, and stopped waits for it.
	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// open builds the house and starts its projections. Close it.
func open(ctx context.Context, c *config, logger *slog.Logger) (_ *house, err error) {
	h, err := openStores(ctx, c, logger)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	h.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	h.commands = commands.New(h.journal)
	if h.tokens, err = c.openTokens(ctx, h.vault); err != nil {
		return nil, err
	}
	engine, err := h.openViews(ctx)
	if err != nil {
		return nil, err
	}
	h.views, err = projections.Open(ctx, h.journal, projections.Options{
		Views: engine, Now: time.Now, Logger: logger, Metrics: h.metrics,
	})
	if err != nil {
		return nil, err
	}
	h.closers = append(h.closers, h.views)
	h.commands.Messages = h.views.Conversations
	h.feed = projections.NewFeed(h.views, logger)
	if err := h.openLibrary(ctx); err != nil {
		return nil, err
	}
	h.library.Sightings = h.views.Media
	h.commands.Library = h.library
	if err := h.openWebhooks(ctx, engine); err != nil {
		return nil, err
	}
	h.run()
	return h, nil
}

// newHouse is a house of which nothing is open yet.
func newHouse(c *config, logger *slog.Logger) *house {
	return &house{config: c, logger: logger, metrics: prometheus.NewRegistry(), rest: func() {}, stop: func() {}}
}

// openStores opens the ground floor alone: the log and the vault. Close it.
func openStores(ctx context.Context, c *config, logger *slog.Logger) (_ *house, err error) {
	h := newHouse(c, logger)
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if err := c.makeData(); err != nil {
		return nil, err
	}
	log, err := h.openLog(ctx)
	if err != nil {
		return nil, err
	}
	if h.vault, err = openVault(ctx, c); err != nil {
		return nil, err
	}
	h.closers = append(h.closers, h.vault)
	h.journal = &events.Journal{Log: log, Keys: h.vault, Now: time.Now, NewID: newID}
	return h, nil
}

// newID gives ids that rise with time, which keeps the log's index of ids
// compact.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func (h *house) openLog(ctx context.Context) (events.Log, error) {
	if h.config.eventstore != embedded {
		log, err := esdb.Open(ctx, h.config.eventstore, esdb.Options{Logger: h.logger})
		if err != nil {
			return nil, fmt.Errorf("--eventstore: %w", err)
		}
		h.health = log.Health
		h.closers = append(h.closers, log)
		return log, nil
	}
	n, err := node.Open(h.config.data, node.Options{Logger: h.logger, Lists: h.config.lists})
	if err != nil {
		return nil, err
	}
	h.node, h.health = n, n.Health
	h.closers = append(h.closers, n)
	return n, nil
}

// run starts what follows the log until close.
func (h *house) run() {
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	h.project()
	h.stopped.Go(func() { h.feed.Run(ctx) })
	h.stopped.Go(func() { tellUntold(ctx, h.views.Orders, h.commands, h.logger) })
}

// project runs the projections until rest or close.
func (h *house) project() {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	h.rest = func() {
		stop()
		<-ended
	}
	go func() {
		defer close(ended)
		h.views.Run(ctx)
	}()
}

// options are what the house's HTTP is made of; who serves it may change them.
func (h *house) options() handlers.Options {
	return handlers.Options{
		Commands: h.commands,
		Journal:  h.journal,
		Views:    h.views,
		Library:  h.library,
		Feed:     h.feed,
		Tokens:   h.tokens,
		Now:      time.Now,
		NewID:    newID,
		Logger:   h.logger,
		Metrics:  h.metrics,
		Health:   h.health,
		Page:     web.Handler(),
		Webhooks: h.webhooks,
		Outbound: h.config.outbound,
		Version:  version,
	}
}

// handler is the house's HTTP for commands of this machine, which may ask as
// often as they like.
func (h *house) handler() (http.Handler, error) {
	options := h.options()
	options.Limits.Rate = -1
	return handlers.New(options)
}

// close stops the projections and closes everything, the log last.
func (h *house) close() error {
	h.stop()
	h.rest()
	h.stopped.Wait()
	var failures []error
	for i := len(h.closers) - 1; i >= 0; i-- {
		failures = append(failures, h.closers[i].Close())
	}
	return errors.Join(failures...)
}
