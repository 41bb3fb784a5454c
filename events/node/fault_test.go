package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"parley/events"
	"parley/events/node"
)

var errDisk = errors.New("input/output error")

// failing makes the operations that match fail, once it is broken.
type failing struct {
	broken atomic.Bool
	hit    atomic.Bool
	match  func(errorfs.Op) bool
}

func (f *failing) String() string { return "failing disk" }

func (f *failing) MaybeError(op errorfs.Op) error {
	if f.broken.Load() && f.match(op) {
		f.hit.Store(true)
		return errDisk
	}
	return nil
}

// faultyFS is a disk with faults. It replaces files that are to be reused,
// because errorfs lets faults pass in those.
type faultyFS struct{ *errorfs.FS }

func (f faultyFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.Remove(oldname); err != nil {
		return nil, err
	}
	return f.Create(newname, category)
}

func isWAL(op errorfs.Op) bool { return strings.Contains(op.Path, "/wal/") }

// TestAFailingDisk breaks the disk under load in every way that a write can
// meet. Whatever was acknowledged must be there after a restart on a healed
// disk; once an append was refused, no later one is taken; reads go on; the
// node can be closed.
func TestAFailingDisk(t *testing.T) {
	for name, match := range map[string]func(errorfs.Op) bool{
		"write-ahead log write": func(op errorfs.Op) bool {
			return isWAL(op) && op.Kind == errorfs.OpFileWrite
		},
		"write-ahead log sync": func(op errorfs.Op) bool {
			return isWAL(op) && (op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData)
		},
		"new write-ahead log": func(op errorfs.Op) bool {
			return isWAL(op) && op.Kind == errorfs.OpCreate
		},
		"write-ahead log directory": func(op errorfs.Op) bool {
			return strings.HasSuffix(op.Path, "/wal") && op.Kind == errorfs.OpFileSync
		},
		"new table": func(op errorfs.Op) bool {
			return strings.HasSuffix(op.Path, ".sst") && op.Kind == errorfs.OpCreate
		},
		"table write": func(op errorfs.Op) bool {
			return strings.HasSuffix(op.Path, ".sst") && op.Kind == errorfs.OpFileWrite
		},
		"manifest": func(op errorfs.Op) bool {
			return strings.Contains(op.Path, "MANIFEST") && op.Kind == errorfs.OpFileWrite
		},
		"everything": func(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsWrite },
	} {
		t.Run(name, func(t *testing.T) { breakDisk(t, match) })
	}
}

func breakDisk(t *testing.T, match func(errorfs.Op) bool) {
	memory := vfs.NewCrashableMem()
	disk := &failing{match: match}
	n, err := node.Open("data", node.Options{FS: faultyFS{errorfs.Wrap(memory, disk)}, MemTableBytes: 64 << 10, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	var known ledger
	var writers sync.WaitGroup
	for writer := range 4 {
		writers.Go(func() { writeUntilRefused(t, n, &known, writer) })
	}
	if _, err := n.Wait(t.Context(), 200); err != nil {
		t.Fatal(err)
	}
	disk.broken.Store(true)
	writers.Wait()
	if !disk.hit.Load() {
		t.Fatal("the fault was never met")
	}
	if err := n.Health(); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("the node calls itself healthy: %v", err)
	}
	promised := known.snapshot()
	count := 0
	for _, err := range n.ReadAll(t.Context(), events.Beginning, events.Forwards, 0) {
		if err != nil {
			t.Fatalf("reads fail with the writes: %v", err)
		}
		count++
	}
	if count < len(promised) {
		t.Errorf("%d events are read, %d were acknowledged", count, len(promised))
	}
	if err := n.Close(); err == nil {
		t.Error("closing hides the failure")
	}
	after := open(t, "data", node.Options{FS: memory.CrashClone(vfs.CrashCloneCfg{}), Logger: quiet})
	holds(t, after, promised)
}

// writeUntilRefused appends until an append is refused, and then expects every
// other one to be refused too.
func writeUntilRefused(t *testing.T, n *node.Node, known *ledger, writer int) {
	for i := range 2_000 {
		batch := []events.Proposed{event("Tested", fmt.Sprintf(`{"writer":%d,"pad":"%0*d"}`, writer, 300, i))}
		stream := fmt.Sprintf("stream-%d", (writer+i)%5)
		place, err := n.Append(context.Background(), stream, events.Any, batch...)
		if err == nil {
			known.add(acked{stream, batch, place})
			continue
		}
		if !errors.Is(err, events.ErrUnavailable) || !strings.Contains(err.Error(), errDisk.Error()) {
			t.Errorf("a refused append says %v", err)
		}
		break
	}
	for range 3 {
		if _, err := n.Append(context.Background(), "stream-0", events.Any, event("Tested", "{}")); !errors.Is(err, events.ErrUnavailable) {
			t.Errorf("an append after a refused one: %v", err)
		}
	}
}

// stuckDisk is a disk whose syncs of the write-ahead log do not end until they
// are released.
type stuckDisk struct {
	stuck   atomic.Bool
	entered chan struct{}
	release chan struct{}
}

type stuckFS struct {
	vfs.FS
	disk *stuckDisk
}

func (f stuckFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, category)
	return stuckFile{file, f.disk}, err
}

type stuckFile struct {
	vfs.File
	disk *stuckDisk
}

func (f stuckFile) SyncData() error {
	f.wait()
	return f.File.SyncData()
}

func (f stuckFile) Sync() error {
	f.wait()
	return f.File.Sync()
}

func (f stuckFile) wait() {
	if f.disk.stuck.Load() {
		f.disk.entered <- struct{}{}
		<-f.disk.release
	}
}
