package handlers_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"parley/events"
	"parley/events/node"
	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

// walDisk is a disk whose write-ahead log can break.
type walDisk struct {
	broken atomic.Bool
	kind   errorfs.OpKind
	err    error
}

func (d *walDisk) String() string { return "breaking disk" }

func (d *walDisk) MaybeError(op errorfs.Op) error {
	if d.broken.Load() && op.Kind == d.kind && strings.Contains(filepath.ToSlash(op.Path), "/wal/") {
		return d.err
	}
	return nil
}

// TestADiskThatFails lets the log's disk fail below a running server: writes
// are refused with 503, reads go on from the views, /readyz names the log, and
// what was acknowledged is there after a restart on a healed disk.
func TestADiskThatFails(t *testing.T) {
	for name, disk := range map[string]*walDisk{
		"full":               {kind: errorfs.OpFileWrite, err: syscall.ENOSPC},
		"a write that fails": {kind: errorfs.OpFileWrite, err: syscall.EIO},
		"a sync that fails":  {kind: errorfs.OpFileSyncData, err: syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			h := handlertest.OpenOn(t, errorfs.Wrap(vfs.Default, disk))
			ada, bob := h.Person("ada"), h.Person("bob")
			room := ada.Start("direct", bob)
			path := "/v1/conversations/" + room.String() + "/messages"
			position := ada.Say(room, "acknowledged").Position()
			ada.Get(path, "Parley-Position", position).Want(200)
			h.Nobody().Get("/readyz").Want(200)

			disk.broken.Store(true)
			for range 3 {
				refusedByTheLog(t, ada.Post(path, `{"text":"refused"}`))
			}
			refusedByTheLog(t, bob.Post("/v1/conversations", map[string]any{"kind": "group", "participants": []any{ada.User.ID}}))
			readsGoOn(t, h, ada, path, position)
			notReady(t, h)

			disk.broken.Store(false)
			refusedByTheLog(t, ada.Post(path, `{"text":"still refused"}`))
			if err := h.Node.Close(); err == nil {
				t.Error("closing hides the failure")
			}
			recovers(t, h, "messages-"+room.String())
		})
	}
}

func refusedByTheLog(t *testing.T, answer *handlertest.Answer) {
	t.Helper()
	if answer.Refused(503, "event log").Header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After in %v", answer.Header)
	}
}

func readsGoOn(t *testing.T, h *handlertest.House, reader *handlertest.Client, path, position string) {
	t.Helper()
	var page projections.Page
	reader.Get(path, "Parley-Position", position).Want(200).Into(&page)
	if len(page.Messages) != 1 || page.Messages[0].Text != "acknowledged" {
		t.Errorf("the page is %+v", page)
	}
	for _, path := range []string{strings.TrimSuffix(path, "/messages"), "/v1/conversations", "/v1/users/" + reader.User.ID.String()} {
		reader.Get(path, "Parley-Position", position).Want(200)
	}
	h.Scoped(handlers.Auditor).Get("/v1/audit/events").Want(200)
	h.Nobody().Get("/healthz").Want(200)
}

func notReady(t *testing.T, h *handlertest.House) {
	t.Helper()
	answer := h.Nobody().Get("/readyz").Want(503)
	var state struct {
		Ready       bool
		Log         string
		Projections []struct{ State string }
	}
	if err := json.Unmarshal(answer.Body, &state); err != nil {
		t.Fatal(err)
	}
	if state.Ready || state.Log != "unavailable" || answer.Header.Get("Retry-After") == "" {
		t.Errorf("/readyz says %s, with %v", answer.Body, answer.Header)
	}
	for _, view := range state.Projections {
		if view.State != "running" {
			t.Errorf("a view is %s: %s", view.State, answer.Body)
		}
	}
}

// recovers opens the log anew, as a restart does: it is sound, and the stream
// has what was acknowledged and nothing that was refused after the first time.
func recovers(t *testing.T, h *handlertest.House, stream string) {
	t.Helper()
	n, err := node.Open(filepath.Join(h.Dir, "log"), node.Options{Logger: h.Logger})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Verify(context.Background(), func(finding string) { t.Error(finding) }); err != nil {
		t.Error(err)
	}
	count := 0
	for _, err := range n.Read(t.Context(), stream, 0, events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	// The one that was hit may or may not have reached the disk.
	if count < 1 || count > 2 {
		t.Errorf("%d messages are in the log, 1 was acknowledged", count)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}
