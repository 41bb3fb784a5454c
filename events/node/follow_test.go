package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"parley/events"
	"parley/events/node"
)

// TestFollowersFallBackOnTheStore lets a follower fall further behind than
// memory goes, by count and by bytes, and expects it to miss nothing.
func TestFollowersFallBackOnTheStore(t *testing.T) {
	for name, size := range map[string]struct{ appends, events, bytes int }{
		"many events":  {10, 1000, 2},
		"large events": {24, 1, 1 << 20 * 9 / 10},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := node.Open("data", node.Options{FS: vfs.NewMem()})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := n.Close(); err != nil {
					t.Error(err)
				}
			}()
			appendSome := func() {
				for i := range size.appends {
					batch := make([]events.Proposed, size.events)
					for j := range batch {
						batch[j] = event("Tested", strings.Repeat("1", size.bytes))
					}
					if _, err := n.Append(t.Context(), fmt.Sprintf("s-%d", i%3), events.Any, batch...); err != nil {
						t.Fatal(err)
					}
				}
			}
			total := events.Position(size.appends * size.events)
			appendSome()
			next, wrote := events.Position(1), false
			for e, err := range n.FollowAll(t.Context(), 0) {
				if err != nil {
					t.Fatal(err)
				}
				if e.IsMark() {
					if e.Position != next-1 {
						t.Fatalf("a mark at %d after position %d", e.Position, next-1)
					}
					if next > 2*total {
						break
					}
					continue
				}
				if e.Position != next || len(e.Data) != size.bytes {
					t.Fatalf("position %d with %d bytes, want %d with %d", e.Position, len(e.Data), next, size.bytes)
				}
				next++
				if !wrote && e.Position > total/2 {
					wrote = true
					appendSome()
				}
			}
		})
	}
}

func TestWait(t *testing.T) {
	n := open(t, "data", node.Options{FS: vfs.NewMem()})
	woken := make(chan events.Position)
	go func() {
		tip, err := n.Wait(t.Context(), 0)
		if err != nil {
			t.Error(err)
		}
		woken <- tip
	}()
	if _, err := n.Append(t.Context(), "s", events.Any, event("Tested", "{}")); err != nil {
		t.Fatal(err)
	}
	if tip := <-woken; tip != 1 {
		t.Errorf("woken at %d", tip)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Wait(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}

// TestAnAppendGivesUpWithItsContext while the writer is busy with a sync that
// does not end.
func TestAnAppendGivesUpWithItsContext(t *testing.T) {
	disk := &stuckDisk{entered: make(chan struct{}, 1), release: make(chan struct{})}
	n := open(t, "data", node.Options{FS: stuckFS{vfs.NewMem(), disk}, Logger: quiet})
	disk.stuck.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() {
		_, err := n.Append(ctx, "s", events.Any, event("Tested", "{}"))
		answered <- err
	}()
	<-disk.entered
	if n.Tip() != 0 {
		t.Errorf("an event that is not yet synced is shown: the tip is %d", n.Tip())
	}
	for e := range n.ReadAll(t.Context(), 0, events.Forwards, 0) {
		t.Errorf("an event that is not yet synced is read: %+v", e)
	}
	state, err := n.State("s")
	if err != nil || state.Status != node.Absent {
		t.Errorf("a stream that is not yet synced is shown: %+v, %v", state, err)
	}
	cancel()
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	disk.stuck.Store(false)
	close(disk.release)
	if _, err := n.Wait(t.Context(), 0); err != nil {
		t.Error(err)
	}
}
