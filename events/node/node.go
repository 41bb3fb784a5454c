// Package node is the embedded event log: an EventStoreDB-compatible store in
// one directory, on Pebble, called in process.
//
// One goroutine, the writer, owns all that changes. It takes the requests that
// wait, decides each, and commits them in one synced batch. Only then does the
// durable tip move, and no reader is shown anything beyond the durable tip.
//
// *Node keeps the contract of events.Log. Beside it stand Write, Delete,
// Tombstone, ReadStream, ReadEvent, ScanAll and FollowAll, which answer as the
// EventStoreDB protocol does, for a server to translate.
package node

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"parley/events"
)

// Options of a node; the zero value is ready to use.
type Options struct {
	// FS is where the data directory lives; the operating system's by default.
	FS vfs.FS
	// Now dates events; time.Now by default. An event is never dated before
	// its predecessor.
	Now func() time.Time
	// NewID names the events that the node writes by itself (stream metadata
	// and tombstones); random UUIDs by default.
	NewID func() uuid.UUID
	// Logger is told what an operator should know; slog.Default by default.
	Logger *slog.Logger
	// CacheBytes bounds the memory for blocks read from disk; 64 MiB by default.
	CacheBytes int64
	// MemTableBytes is how much is collected in memory before it is sorted
	// into a table, and with it how much is replayed after a crash: usually
	// one such table, at most four; 16 MiB by default.
	MemTableBytes int64
	// Lists keeps the streams $ce-<category>, $et-<type> and $streams, as an
	// EventStoreDB server's standard projections do. They follow the log a
	// moment later; switched on for an existing log, they are made in the
	// background, and a restart goes on where it was.
	Lists bool
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = uuid.New
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 16 << 20
	}
	return o
}

// Node is an open data directory. All its methods may be called from any
// number of goroutines.
type Node struct {
	options Options
	health  *health
	dir     *directory
	fence   *fence
	db      *pebble.DB

	// requests is the bounded queue to the writer.
	requests chan *request
	// lister is nil without Lists.
	lister *lister
	// closing asks the writer to stop, and followers to end.
	closing chan struct{}
	// written is closed when the writer and the lister have stopped.
	written chan struct{}

	// tip is the last durable position. The writer alone moves it.
	tip    atomic.Uint64
	recent *recent
	plain  *plain

	// gate is held shared by every use of db, and exclusively to close it.
	gate   sync.RWMutex
	closed bool
}

var _ events.Log = (*Node)(nil)

// Open opens the data directory, creating it if there is none, and owns it
// until Close. It takes the same time however many events there are.
//
// It refuses a directory that another process owns, one in a newer format and
// one that is damaged; the error names the directory or file and says what to
// do.
func Open(dir string, options Options) (*Node, error) {
	options = options.withDefaults()
	directory, err := openDirectory(options.FS, dir)
	if err != nil {
		return nil, err
	}
	n := &Node{
		options:  options,
		health:   newHealth(options.Logger),
		dir:      directory,
		requests: make(chan *request, maxBatchRequests),
		closing:  make(chan struct{}),
		written:  make(chan struct{}),
	}
	if err := n.start(); err != nil {
		return nil, errors.Join(err, directory.close())
	}
	return n, nil
}

func (n *Node) start() error {
	n.fence = newFence(n.options.FS, n.dir.wal(), n.health)
	db, err := openPebble(n.dir.log(), n.fence, n.options, n.health)
	if err != nil {
		return fmt.Errorf("opening the event log in %s: %w (restore the directory from a backup if it is damaged)", n.dir.log(), err)
	}
	n.db = db
	last, err := lastEvent(db)
	if err == nil && last.Position == events.Beginning {
		// Pebble writes the first write-ahead log of a new store in an older
		// format, in which damage to what was synced passes for the torn end
		// that a crash leaves. A flush makes it begin another.
		err = db.Flush()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("reading the event log in %s: %w", n.dir.log(), err), db.Close())
	}
	n.fence.armed.Store(true)
	n.tip.Store(uint64(last.Position))
	n.recent = newRecent(last.Position)
	n.plain = newPlain()
	w, err := newWriter(n, last)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	listed, err := n.startLists()
	if err != nil {
		return errors.Join(err, db.Close())
	}
	go func() {
		defer close(n.written)
		w.run()
		<-listed
	}()
	return nil
}

// startLists answers with what is closed when nothing is listed any more.
func (n *Node) startLists() (<-chan struct{}, error) {
	if !n.options.Lists {
		none := make(chan struct{})
		close(none)
		return none, nil
	}
	lister, err := newLister(n)
	if err != nil {
		return nil, err
	}
	n.lister = lister
	go lister.run()
	return lister.stopped, nil
}

// Close lets the commit in progress finish, ends followers and releases the
// directory. Writes that still wait are refused. The error is the first that
// occurred; after a failure of Pebble's own files the directory stays locked
// until the process ends.
func (n *Node) Close() error {
	n.gate.Lock()
	if n.closed {
		n.gate.Unlock()
		return nil
	}
	n.closed = true
	n.gate.Unlock()

	close(n.closing)
	close(n.fence.released)
	failure := n.health.err()
	if !n.writerStopped() {
		return n.staysLocked()
	}
	if failure == nil {
		// What is in a table need not be replayed when the log is opened.
		failure = n.db.Flush()
	}
	n.health.fail(errClosed)
	closed := make(chan error, 1)
	go func() { closed <- n.db.Close() }()
	select {
	case err := <-closed:
		return errors.Join(failure, err, n.dir.close())
	case <-n.health.halted:
		return n.staysLocked()
	}
}

func (n *Node) staysLocked() error {
	return fmt.Errorf("the event log in %s stays locked until the process ends: %w", n.dir.log(), n.health.err())
}

// writerStopped waits for the writer. On a failed disk Pebble may never let it
// go, so that Close gives up on it.
func (n *Node) writerStopped() bool {
	if n.health.err() == nil {
		select {
		case <-n.written:
			return true
		case <-n.health.down:
		}
	}
	select {
	case <-n.written:
		return true
	case <-time.After(5 * time.Second):
		return false
	}
}

// Health is nil while the node takes writes. After a failed write or fsync it
// is an events.ErrUnavailable that says why the node refuses them until it is
// opened anew.
func (n *Node) Health() error { return n.health.err() }

// Tip is the position of the last durable event, system events included.
func (n *Node) Tip() events.Position { return events.Position(n.tip.Load()) }

// Checkpoint makes a consistent copy of the log in a new directory, which can
// be opened as a node's. It shares files with the original where the file
// system can link them, so it is fast and takes little space at first.
func (n *Node) Checkpoint(dir string) error {
	release, err := n.use()
	if err != nil {
		return err
	}
	defer release()
	copied := &directory{fs: n.options.FS, path: dir}
	if err := copied.create(); err != nil {
		return err
	}
	if err := n.db.Checkpoint(copied.log(), pebble.WithFlushedWAL()); err != nil {
		return fmt.Errorf("copying the event log to %s: %w", dir, err)
	}
	return copied.writeFormat()
}

// use holds the store open until the returned function is called.
func (n *Node) use() (release func(), err error) {
	n.gate.RLock()
	if n.closed {
		n.gate.RUnlock()
		return nil, events.Unavailable(errClosed)
	}
	return n.gate.RUnlock, nil
}
