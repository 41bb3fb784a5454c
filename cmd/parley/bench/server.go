package bench

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"runtime/pprof"
)

// The sides of a comparison, as a profile's label "side" tells them apart; the
// clients have none.
const (
	parleySide  = "parley"
	controlSide = "control"
)

// labelled runs f such that a profile ascribes its work, and that of all
// goroutines it starts, to a side.
func labelled(ctx context.Context, side string, f func(context.Context)) {
	pprof.Do(ctx, pprof.Labels("side", side), f)
}

// server is one side while it serves.
type server struct {
	address string
	stop    func() error
}

// listen serves a handler on a free loopback port, with the same code and
// bounds as `parley serve`.
func listen(ctx context.Context, p Program, side string, handler http.Handler) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	labelled(ctx, side, func(ctx context.Context) {
		go func() { served <- p.Serve(ctx, listener, handler, func() error { return nil }) }()
	})
	return &server{
		address: listener.Addr().String(),
		stop: func() error {
			cancel()
			return <-served
		},
	}, nil
}

// openHouse opens a house in a directory of this name whose work is ascribed to
// Parley. Its views go into the database to be measured, if there is one, and
// out of it when the house closes.
func (o Options) openHouse(ctx context.Context, p Program, name string) (h *House, err error) {
	views, drop := "", func() error { return nil }
	if o.Postgres != "" {
		if views, drop, err = o.schema(ctx, name); err != nil {
			return nil, err
		}
	}
	labelled(ctx, parleySide, func(ctx context.Context) { h, err = p.Open(ctx, filepath.Join(o.Dir, name), views) })
	if err != nil {
		return nil, errors.Join(err, drop())
	}
	closeHouse := h.Close
	h.Close = func() error { return errors.Join(closeHouse(), drop()) }
	return h, nil
}

// closers close in the reverse order of opening, and all of them, whatever
// fails.
type closers []func() error

func (c *closers) add(f func() error) { *c = append(*c, f) }

func (c closers) close() error {
	var failures []error
	for i := len(c) - 1; i >= 0; i-- {
		failures = append(failures, c[i]())
	}
	return errors.Join(failures...)
}
