package node_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"parley/events"
	"parley/events/logtest"
	"parley/events/node"
)

// badDisk is a disk with one fault, which comes after a number of operations
// that match, or bytes that are written, once it is armed.
type badDisk struct {
	match func(errorfs.Op) bool
	// lasting says that all matching operations after the first one fail too.
	lasting bool
	left    atomic.Int64
	armed   atomic.Bool
	// room is how many bytes fit on the disk, if full is set.
	full bool
	room atomic.Int64
}

func (d *badDisk) String() string { return "bad disk" }

func (d *badDisk) MaybeError(op errorfs.Op) error {
	if d.full || !d.armed.Load() || !d.match(op) {
		return nil
	}
	if left := d.left.Add(-1); left == 0 || left < 0 && d.lasting {
		return errDisk
	}
	return nil
}

func (d *badDisk) cause() error {
	if d.full {
		return syscall.ENOSPC
	}
	return errDisk
}

func (d *badDisk) on(fs vfs.FS) vfs.FS { return fillingFS{faultyFS{errorfs.Wrap(fs, d)}, d} }

// fillingFS is a disk that fills up: the write that finds no more room is done
// in part.
type fillingFS struct {
	vfs.FS
	disk *badDisk
}

func (f fillingFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, category)
	if err != nil {
		return nil, err
	}
	return fillingFile{file, f.disk}, nil
}

func (f fillingFS) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.ReuseForWrite(oldname, newname, category)
	if err != nil {
		return nil, err
	}
	return fillingFile{file, f.disk}, nil
}

type fillingFile struct {
	vfs.File
	disk *badDisk
}

func (f fillingFile) Write(p []byte) (int, error) {
	if !f.disk.full || !f.disk.armed.Load() {
		return f.File.Write(p)
	}
	missing := -f.disk.room.Add(-int64(len(p)))
	if missing <= 0 {
		return f.File.Write(p)
	}
	n, err := f.File.Write(p[:max(0, int64(len(p))-missing)])
	return n, errors.Join(syscall.ENOSPC, err)
}

// randomDisk draws a fault.
func randomDisk(random *rand.Rand) (d *badDisk, name string) {
	isSync := func(op errorfs.Op) bool {
		return op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
	}
	isWrite := func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileWrite }
	isTable := func(op errorfs.Op) bool { return strings.HasSuffix(op.Path, ".sst") }
	faults := []struct {
		name   string
		within int64
		match  func(errorfs.Op) bool
	}{
		{"a write of the write-ahead log", 200, func(op errorfs.Op) bool { return isWAL(op) && isWrite(op) }},
		{"a sync of the write-ahead log", 200, func(op errorfs.Op) bool { return isWAL(op) && isSync(op) }},
		{"a new file", 12, func(op errorfs.Op) bool { return op.Kind == errorfs.OpCreate }},
		{"a write of a table", 40, func(op errorfs.Op) bool { return isTable(op) && isWrite(op) }},
		{"a sync of a table", 6, func(op errorfs.Op) bool { return isTable(op) && isSync(op) }},
		{"any write", 300, isWrite},
		{"any sync", 300, isSync},
		{"a full disk", 400 << 10, nil},
	}
	f := faults[random.IntN(len(faults))]
	d = &badDisk{match: f.match, lasting: random.IntN(2) == 0, full: f.match == nil}
	if raceEnabled && f.within > 100 { // checking what was written takes long
		f.within /= 8
	}
	d.left.Store(1 + random.Int64N(f.within))
	d.room.Store(random.Int64N(f.within))
	return d, f.name
}

// TestRandomFaults lets a disk fail under load, at a random moment and in a
// random way, and lose what was not synced, over and over. The append that was
// hit is refused, and all after it, even if the disk has recovered; what was
// acknowledged is read before and after the restart; nothing is there by half.
func TestRandomFaults(t *testing.T) {
	rounds := uint32(24)
	if raceEnabled {
		rounds = 10
	}
	random := logtest.Random(t)
	disk := vfs.NewCrashableMem()
	v := &victim{t: t, dir: "data", acked: map[job]events.Appended{}}
	for ; v.life < rounds && !t.Failed(); v.life++ {
		if v.life%4 == 0 { // what is checked as a whole stays small
			v.acked, v.life0, disk = map[job]events.Appended{}, v.life, vfs.NewCrashableMem()
		}
		bad, name := randomDisk(random)
		t.Run(fmt.Sprintf("%d %s", v.life, name), func(t *testing.T) {
			v.t = t
			v.fail(bad, disk)
			disk = disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50 * random.IntN(3), RNG: random})
			v.check(disk, v.dir)
		})
		v.t = t
	}
}

// fail writes until the disk fails.
func (v *victim) fail(bad *badDisk, disk vfs.FS) {
	v.t.Helper()
	n, err := node.Open(v.dir, node.Options{FS: bad.on(disk), MemTableBytes: killedMemTable, Logger: quiet})
	if err != nil {
		v.t.Fatal(err)
	}
	bad.armed.Store(true)
	var mu sync.Mutex
	remember := func(j job, place events.Appended) error {
		mu.Lock()
		defer mu.Unlock()
		v.acked[j] = place
		return nil
	}
	var writers sync.WaitGroup
	for writer := range killedWriters {
		writers.Go(func() {
			err := writeJobs(n, job{life: v.life, writer: uint8(writer)}, remember)
			if !refusedBy(err, bad) {
				v.t.Errorf("a refused append says %v", err)
			}
		})
	}
	writers.Wait()
	v.down(n, bad)
	if err := n.Close(); err == nil {
		v.t.Error("closing hides the failure")
	}
}

// refusedBy tells whether an error is an outage with the disk's fault for its
// cause.
func refusedBy(err error, bad *badDisk) bool {
	return errors.Is(err, events.ErrUnavailable) && strings.Contains(err.Error(), bad.cause().Error())
}

// down checks a node whose disk has failed: it says so, takes no writes, and
// shows what it showed.
func (v *victim) down(n *node.Node, bad *badDisk) {
	v.t.Helper()
	if err := n.Health(); !refusedBy(err, bad) {
		v.t.Errorf("the node's health is %v", err)
	}
	if _, err := n.Append(v.t.Context(), "late", events.Any, event("Tested", "{}")); !refusedBy(err, bad) {
		v.t.Errorf("an append after the failure: %v", err)
	}
	stored := v.stored(n)
	followed := 0
	for e, err := range n.Follow(v.t.Context(), events.Beginning, events.Filter{}) {
		if err != nil {
			v.t.Fatalf("following fails with the writes: %v", err)
		}
		if e.IsMark() {
			break
		}
		followed++
	}
	if tip := n.Tip(); followed != int(tip) || len(stored) < len(v.acked) {
		v.t.Errorf("%d events are followed, %d appends read, of %d events", followed, len(stored), tip)
	}
}

// TestOpeningOnAFullDisk opens a log with less and less room. It opens or says
// why it does not, and all is there once there is room.
func TestOpeningOnAFullDisk(t *testing.T) {
	random := logtest.Random(t)
	memory := vfs.NewMem()
	used(t, memory)
	for range 40 {
		bad := &badDisk{full: true}
		bad.armed.Store(true)
		bad.room.Store(random.Int64N(3000))
		n, err := node.Open("data", node.Options{FS: bad.on(memory), Logger: quiet})
		if err == nil {
			err = n.Close()
		}
		if err != nil && !strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
			t.Errorf("with room for %d bytes: %v", bad.room.Load(), err)
		}
		// The process ends and with it what it had locked.
		again := vfs.NewMem()
		if ok, err := vfs.Clone(memory, again, "data", "data"); err != nil || !ok {
			t.Fatal(ok, err)
		}
		memory = again
	}
	after := open(t, "data", node.Options{FS: memory, Logger: quiet})
	if after.Tip() != 100 {
		t.Errorf("%d events, want 100", after.Tip())
	}
}
