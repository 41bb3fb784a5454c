package node

import (
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fence stands between Pebble and the disk and makes a failing write-ahead log
// survivable. Pebble answers such a failure with panics, some of them in the
// middle of its locks, which no one can recover from. The fence tells health
// first and then tells Pebble that all went well.
//
// This is sound because a batch is acknowledged only if health is good after
// its sync: nothing that the fence pretended to write is ever acknowledged.
// From the failure on, the log on disk does not grow, so it ends where a
// crash would have ended it.
type fence struct {
	vfs.FS
	health *health
	// walDir holds the write-ahead log and nothing else.
	walDir string
	// armed once the store is open; before, errors are simply returned.
	armed atomic.Bool
	// released when the store is being closed.
	released chan struct{}
}

func newFence(fs vfs.FS, walDir string, h *health) *fence {
	return &fence{FS: fs, health: h, walDir: walDir, released: make(chan struct{})}
}

func (f *fence) isWAL(name string) bool { return f.PathDir(name) == f.walDir }

func (f *fence) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !f.isWAL(name) {
		f.park()
		return f.FS.Create(name, category)
	}
	return f.wal(func() (vfs.File, error) { return f.FS.Create(name, category) })
}

func (f *fence) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !f.isWAL(newname) {
		return f.FS.ReuseForWrite(oldname, newname, category)
	}
	return f.wal(func() (vfs.File, error) { return f.FS.ReuseForWrite(oldname, newname, category) })
}

// OpenDir fences the directory of the write-ahead log too: Pebble syncs it
// with every new log file, and panics if it cannot.
func (f *fence) OpenDir(name string) (vfs.File, error) {
	dir, err := f.FS.OpenDir(name)
	if err != nil || name != f.walDir {
		return dir, err
	}
	return &fencedFile{File: dir, fence: f}, nil
}

func (f *fence) wal(open func() (vfs.File, error)) (vfs.File, error) {
	if f.failed() {
		return nowhere{}, nil
	}
	file, err := open()
	if err != nil {
		if f.absorb(err) != nil {
			return nil, err
		}
		return nowhere{}, nil
	}
	return &fencedFile{File: file, fence: f}, nil
}

// park holds Pebble's flushes and compactions after a failure, also one while
// the store is being opened: it would retry them at once and for ever.
func (f *fence) park() {
	select {
	case <-f.health.stuck:
		<-f.released
	default:
		if f.failed() {
			<-f.released
		}
	}
}

func (f *fence) failed() bool { return f.armed.Load() && f.health.err() != nil }

// absorb reports an error to health and hides it, unless the store is still
// being opened.
func (f *fence) absorb(err error) error {
	if err == nil || !f.armed.Load() {
		return err
	}
	f.health.fail(err)
	return nil
}

// fencedFile is a file of the write-ahead log, or its directory. After a
// failure it drops what is written to it.
type fencedFile struct {
	vfs.File
	fence *fence
}

func (f *fencedFile) Write(p []byte) (int, error) {
	if f.fence.failed() {
		return len(p), nil
	}
	n, err := f.File.Write(p)
	if err != nil {
		return len(p), f.fence.absorb(err)
	}
	return n, nil
}

func (f *fencedFile) guard(op func() error) error {
	if f.fence.failed() {
		return nil
	}
	return f.fence.absorb(op())
}

func (f *fencedFile) Sync() error     { return f.guard(f.File.Sync) }
func (f *fencedFile) SyncData() error { return f.guard(f.File.SyncData) }
func (f *fencedFile) Close() error    { return f.fence.absorb(f.File.Close()) }

func (f *fencedFile) SyncTo(length int64) (full bool, err error) {
	err = f.guard(func() (err error) {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, err
}

// nowhere is the file of a write-ahead log that could not be created.
type nowhere struct{ vfs.File }

func (nowhere) Write(p []byte) (int, error)    { return len(p), nil }
func (nowhere) Preallocate(int64, int64) error { return nil }
func (nowhere) Sync() error                    { return nil }
func (nowhere) SyncData() error                { return nil }
func (nowhere) SyncTo(int64) (bool, error)     { return false, nil }
func (nowhere) Close() error                   { return nil }
func (nowhere) Fd() uintptr                    { return vfs.InvalidFd }
func (nowhere) Prefetch(int64, int64) error    { return nil }
func (nowhere) Stat() (vfs.FileInfo, error)    { return emptyInfo{}, nil }

// emptyInfo describes the file that is nowhere.
type emptyInfo struct{}

func (emptyInfo) Name() string           { return "nowhere" }
func (emptyInfo) Size() int64            { return 0 }
func (emptyInfo) Mode() fs.FileMode      { return 0 }
func (emptyInfo) ModTime() time.Time     { return time.Time{} }
func (emptyInfo) IsDir() bool            { return false }
func (emptyInfo) Sys() any               { return nil }
func (emptyInfo) DeviceID() vfs.DeviceID { return vfs.DeviceID{} }
