package esdb

import (
	"fmt"
	"os"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/logtest"
	"parley/events/node"
)

// TestContractOverTheNode holds the adapter to the contract of every log, over
// gRPC against the embedded node's listener.
func TestContractOverTheNode(t *testing.T) {
	fs := vfs.NewMem()
	var n *node.Node
	stop, address := func() {}, "127.0.0.1:0"
	start := func(t *testing.T) {
		t.Helper()
		var err error
		if n, err = node.Open("node", node.Options{FS: fs}); err != nil {
			t.Fatal(err)
		}
		address, stop = serve(t, n, address)
	}
	start(t)
	t.Cleanup(func() {
		stop()
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	logtest.Run(t, logtest.Subject{
		Log: open(t, address, Options{}),
		Reopen: func(inner *testing.T) events.Log {
			stop()
			if err := n.Close(); err != nil {
				inner.Fatal(err)
			}
			start(t)
			return open(t, address, Options{})
		},
		Tombstone: func(t *testing.T, stream string) {
			if _, err := n.Tombstone(t.Context(), stream, events.Any); err != nil {
				t.Fatal(err)
			}
		},
		Delete: func(t *testing.T, stream string) {
			if _, err := n.Delete(t.Context(), stream, events.Any); err != nil {
				t.Fatal(err)
			}
		},
		Truncate: func(t *testing.T, stream string, before uint64) {
			metadata := events.Proposed{ID: uuid.New(), Type: node.TypeMetadata, Data: fmt.Appendf(nil, `{"$tb":%d}`, before)}
			if _, err := n.Append(t.Context(), node.MetastreamPrefix+stream, events.Any, metadata); err != nil {
				t.Fatal(err)
			}
		},
		Writers: 16,
	})
}

// TestContractOverACluster holds the adapter to the same contract against the
// EventStoreDB that PARLEY_TEST_ESDB, a connection string, names.
func TestContractOverACluster(t *testing.T) {
	connectionString := os.Getenv("PARLEY_TEST_ESDB")
	if connectionString == "" {
		t.Skip("PARLEY_TEST_ESDB names no EventStoreDB")
	}
	log, err := Open(t.Context(), connectionString, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	logtest.Run(t, logtest.Subject{Log: log, Writers: 16})
}
