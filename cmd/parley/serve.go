package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley/events/node/wire"
	"parley/handlers"
)

// Bounds of a connection, and of the drain when the server stops.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	drainTimeout  = 15 * time.Second
)

// serving are the flags of commands that listen.
type serving struct {
	listen           string
	nodeListen       string
	openRegistration bool
	rate             int
	door             door
}

func (s *serving) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.listen, "listen", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	flags.StringVar(&s.nodeListen, "node-listen", "", "also serve the embedded log to EventStoreDB clients, on a loopback address or unix:PATH")
	flags.BoolVar(&s.openRegistration, "open-registration", false, "let anybody register as a user")
	flags.IntVar(&s.rate, "rate", 0, "requests a minute that one token or address may make; 0 is the default, -1 no bound")
	s.door.register(flags)
}

func serveCommand(c *config) *cobra.Command {
	s := new(serving)
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the HTTP API and the page",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd.Context(), c, func(context.Context, *house, string) error { return nil })
		},
	}
	s.register(cmd)
	return cmd
}

// run serves until the context ends. announce is called with the server's
// address just before the line that says it is ready.
func (s *serving) run(ctx context.Context, c *config, announce func(context.Context, *house, string) error) (err error) {
	logger := c.logger()
	certificate, err := s.door.certificate(logger)
	if err != nil {
		return err
	}
	c.lists = s.nodeListen != ""
	if c.outbound, err = s.door.networks(); err != nil {
		return err
	}
	if _, err := s.door.address(""); err != nil {
		return err
	}
	h, err := open(ctx, c, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if s.nodeListen != "" {
		stop, err := serveNode(h, s.nodeListen, new(guard))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	handler, err := s.handler(h)
	if err != nil {
		return err
	}
	stopControl, err := serveControl(h, handler)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopControl()) }()
	defer sweepMedia(ctx, handler, logger)()
	defer finishErasures(ctx, h)()
	listener, address, err := s.open(certificate)
	if err != nil {
		return err
	}
	if h.address, err = s.door.address(address); err != nil {
		return errors.Join(err, listener.Close())
	}
	defer h.deliver(ctx)()
	return serveHTTP(ctx, listener, handler, logger, func() error {
		if err := announce(ctx, h, address); err != nil {
			return err
		}
		fmt.Printf("parley: listening on %s\n", address)
		return nil
	})
}

func (s *serving) handler(h *house) (*handlers.Server, error) {
	options := h.options()
	options.OpenRegistration = s.openRegistration
	options.Limits.Rate = s.rate
	if err := s.door.configure(&options); err != nil {
		return nil, err
	}
	return handlers.New(options)
}

// open listens, and returns the address that clients use.
func (s *serving) open(certificate *tlsPair) (net.Listener, string, error) {
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return nil, "", fmt.Errorf("--listen %s: %w", s.listen, err)
	}
	if certificate == nil {
		return listener, "http://" + listener.Addr().String(), nil
	}
	return tls.NewListener(listener, certificate.config()), "https://" + listener.Addr().String(), nil
}

// drainer is a handler with answers that end when they are told to.
type drainer interface{ Drain() }

// serveHTTP serves until the context ends, and drains then: streams end at
// once, and requests that are under way get drainTimeout to finish.
func serveHTTP(ctx context.Context, listener net.Listener, handler http.Handler, logger *slog.Logger, ready func() error) error {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return requests },
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	if err := ready(); err != nil {
		return errors.Join(err, server.Close(), ignoreClosed(<-failed))
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	logger.Info("draining")
	if endless, ok := handler.(drainer); ok {
		endless.Drain()
	}
	drain, stop := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer stop()
	err := server.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		logger.Warn("cutting off requests that did not finish", "after", drainTimeout)
		err = server.Close()
	}
	return errors.Join(err, ignoreClosed(<-failed))
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// serveNode serves the embedded log to EventStoreDB clients and returns what
// stops it.
func serveNode(h *house, address string, g *guard) (stop func() error, err error) {
	if h.node == nil {
		return nil, misused("--node-listen needs the embedded log, but --eventstore names a cluster")
	}
	options, err := g.options(h.logger)
	if err != nil {
		return nil, err
	}
	listener, err := listenGuarded(address, g)
	if err != nil {
		return nil, err
	}
	server := wire.NewServer(h.node, options)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Printf("parley: node listening on %s\n", listener.Addr())
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
		defer cancel()
		return errors.Join(server.Shutdown(ctx), <-served)
	}, nil
}

// listenGuarded listens where only this machine can connect, unless the guard
// keeps strangers out.
func listenGuarded(address string, g *guard) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return net.Listen("unix", path)
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, misused("the node's address must be HOST:PORT or unix:PATH: %w", err)
	}
	if ip := net.ParseIP(host); !g.closed() && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, misused("without --tls-cert and --credentials the node asks nobody who they are, so it listens on loopback addresses only, not on %s", address)
	}
	return net.Listen("tcp", address)
}
