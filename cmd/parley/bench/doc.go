// Package bench measures Parley against bare programs that do only what
// cannot be left out: the disk's sync, the bytes on the wire, the scan of the
// log. Subject and control run in one process, in turns, under the same
// clients, and what counts is the ratio of the two.
package bench

import (
	"context"
	"net"
	"net/http"
	"os/exec"

	"parley/events"
	"parley/events/commands"
	"parley/handlers"
	"parley/handlers/webhooks"
	"parley/projections"
)

// Program is the running program that is measured, as its commands build it.
type Program struct {
	// Open builds a whole house on a data directory, its projections running
	// and its rates unbounded. Its views are in the PostgreSQL database that is
	// named, or in the directory if none is.
	Open func(ctx context.Context, dir, postgres string) (*House, error)
	// OpenJournal opens a log and a vault with nothing above them. The
	// function returned closes them.
	OpenJournal func(ctx context.Context, dir string) (*events.Journal, func() error, error)
	// OpenNode opens the embedded log alone, as `parley node` does.
	OpenNode func(dir string) (*Node, error)
	// Crowd is this program as a process of its own that runs Crowd on its
	// standard input and output. The context's end kills it.
	Crowd func(context.Context) (*exec.Cmd, error)
	// Serve serves HTTP until the context ends, and drains then. It calls
	// ready once it listens.
	Serve func(ctx context.Context, l net.Listener, h http.Handler, ready func() error) error
}

// Node is an open embedded log.
type Node struct {
	Log events.Log
	// Serve serves the log to EventStoreDB clients until the context ends. It
	// closes the listener.
	Serve func(ctx context.Context, l net.Listener) error
	// Copy makes a copy of the log, as it stands, in a new directory, in which
	// a house can be opened.
	Copy  func(dir string) error
	Close func() error
}

// House is one Parley on one data directory.
type House struct {
	Handler  http.Handler
	Commands *commands.Commands
	Journal  *events.Journal
	Views    *projections.Set
	Tokens   *handlers.Tokens
	// Webhooks delivers to addresses of this machine too, and only while it
	// runs.
	Webhooks *webhooks.Engine
	// Rest ends the projections, and Project has them go on.
	Rest, Project func()
	Close         func() error
}
