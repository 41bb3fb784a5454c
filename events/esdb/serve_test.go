package esdb

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"parley/events/node"
	"parley/events/node/wire"
)

// testDeadline bounds what a test waits for.
const testDeadline = 20 * time.Second

// openNode opens a node in memory, for the length of the test.
func openNode(t testing.TB) *node.Node {
	t.Helper()
	n, err := node.Open("node", node.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// serve serves a node on an address, 127.0.0.1:0 for a free port, until the
// returned function is called or the test ends.
func serve(t testing.TB, n *node.Node, address string) (listening string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := wire.NewServer(n, wire.Options{})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.Background(), testDeadline)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return listener.Addr().String(), stop
}

// open opens a log on an address for the length of the test.
func open(t testing.TB, address string, opts Options) *Log {
	t.Helper()
	return openString(t, "esdb://"+address+"?tls=false", opts)
}

func openString(t testing.TB, connectionString string, opts Options) *Log {
	t.Helper()
	log, err := Open(t.Context(), connectionString, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return log
}
