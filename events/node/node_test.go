package node_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/logtest"
	"parley/events/node"
)

var quiet = slog.New(slog.DiscardHandler)

// open opens a node that is checked as a whole and closed when the test is
// over.
func open(t *testing.T, dir string, options node.Options) *node.Node {
	t.Helper()
	n, err := node.Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { finish(t, n) })
	return n
}

// finish checks and closes a node, if that was not done already.
func finish(t *testing.T, n *node.Node) {
	t.Helper()
	if errors.Is(n.Health(), events.ErrUnavailable) {
		return
	}
	verify(t, n)
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

func verify(t *testing.T, n *node.Node) {
	t.Helper()
	if err := n.Verify(context.Background(), func(finding string) { t.Error(finding) }); err != nil {
		t.Error(err)
	}
}

// event is an event with a new id, in the order of time.
func event(kind, data string) events.Proposed {
	return events.Proposed{ID: uuid.Must(uuid.NewV7()), Type: kind, Data: []byte(data)}
}

func TestContract(t *testing.T) {
	dir := t.TempDir()
	n := open(t, dir, node.Options{})
	logtest.Run(t, logtest.Subject{
		Log: n,
		Reopen: func(*testing.T) events.Log {
			finish(t, n)
			n = open(t, dir, node.Options{})
			return n
		},
		Tombstone: func(t *testing.T, stream string) {
			o, err := n.Tombstone(t.Context(), stream, events.Any)
			if err != nil || o.Status != node.Written {
				t.Fatal(o, err)
			}
		},
		Delete: func(t *testing.T, stream string) {
			o, err := n.Delete(t.Context(), stream, events.Any)
			if err != nil || o.Status != node.Written {
				t.Fatal(o, err)
			}
		},
		Truncate: func(t *testing.T, stream string, before uint64) {
			metadata := event(node.TypeMetadata, fmt.Sprintf(`{"$tb":%d}`, before))
			if _, err := n.Append(t.Context(), node.MetastreamPrefix+stream, events.Any, metadata); err != nil {
				t.Fatal(err)
			}
		},
	})
}

func TestPositionsAreDenseAcrossReopening(t *testing.T) {
	fs := vfs.NewMem()
	for round := range 3 {
		n := open(t, "data", node.Options{FS: fs})
		if want := events.Position(round * 10); n.Tip() != want {
			t.Fatalf("the tip is %d, want %d", n.Tip(), want)
		}
		for i := range 10 {
			a, err := n.Append(t.Context(), fmt.Sprintf("stream-%d", i), events.Any, event("Tested", "{}"))
			if want := n.Tip(); err != nil || a.Position != want {
				t.Fatalf("position %d, want %d: %v", a.Position, want, err)
			}
		}
		finish(t, n)
	}
}

func TestCheckpointIsANode(t *testing.T) {
	fs := vfs.NewMem()
	n := open(t, "data", node.Options{FS: fs})
	for range 50 {
		if _, err := n.Append(t.Context(), "stream", events.Any, event("Tested", "{}")); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Checkpoint("backup/first"); err != nil {
		t.Fatal(err)
	}
	if err := n.Checkpoint("backup/first"); err == nil {
		t.Error("a checkpoint into an existing directory was not refused")
	}
	if _, err := n.Append(t.Context(), "stream", events.At(49), event("Tested", "{}")); err != nil {
		t.Fatal(err)
	}
	copied := open(t, "backup/first", node.Options{FS: fs})
	if copied.Tip() != 50 {
		t.Errorf("the copy ends at %d, want 50", copied.Tip())
	}
	a, err := copied.Append(t.Context(), "stream", events.At(49), event("Tested", "{}"))
	if err != nil || a.Position != 51 {
		t.Errorf("the copy answers %+v, %v", a, err)
	}
}

func TestFollowRefusesAPositionBeyondTheEnd(t *testing.T) {
	n := open(t, "data", node.Options{FS: vfs.NewMem()})
	for _, err := range n.Follow(t.Context(), 7, events.Filter{}) {
		if !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%v, want ErrInvalid", err)
		}
	}
}

func TestCloseEndsFollowersAndWrites(t *testing.T) {
	n := open(t, "data", node.Options{FS: vfs.NewMem()})
	ended := make(chan error, 1)
	marked := make(chan struct{})
	go func() {
		for _, err := range n.Follow(t.Context(), events.Beginning, events.Filter{}) {
			if err != nil {
				ended <- err
				return
			}
			close(marked)
		}
	}()
	<-marked
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if err := <-ended; !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("the follower ended with %v", err)
	}
	if _, err := n.Append(t.Context(), "stream", events.Any, event("Tested", "{}")); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("an append to a closed node: %v", err)
	}
	for _, err := range n.Read(t.Context(), "stream", 0, events.Forwards, 0) {
		if !errors.Is(err, events.ErrUnavailable) {
			t.Errorf("a read of a closed node: %v", err)
		}
	}
}
