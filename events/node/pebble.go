package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/sstable/block"
	"github.com/cockroachdb/pebble/v2/wal"

	"parley/events"
)

// memTables is how many memory tables may be filled before writes wait for the
// disk to sort them away.
const memTables = 4

func openPebble(dir string, fs *fence, options Options, h *health) (*pebble.DB, error) {
	o := &pebble.Options{
		FS: fs,
		// Pebble takes the memory tables out of the cache.
		CacheSize: options.CacheBytes + memTables*options.MemTableBytes,
		WALDir:    pebble.MakeStoreRelativePath(fs, walName),
		// A checkpoint has its write-ahead log beside its tables.
		WALRecoveryDirs:    []wal.Dir{{FS: fs, Dirname: pebble.MakeStoreRelativePath(fs, "")}},
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             h,
		EventListener: &pebble.EventListener{
			BackgroundError: h.backgroundError,
			DataCorruption:  h.corruption,
		},
		MemTableSize:                uint64(options.MemTableBytes),
		MemTableStopWritesThreshold: memTables,
		// Events and most ids are only ever added behind the others, so that
		// their tables move down without being rewritten. What is merged is
		// the index of streams: six memory tables of it at a time, into a
		// first level that is small. At three million events an append so
		// costs 48 bytes of merging; with two at a time into 16 MiB, 229.
		L0CompactionThreshold:      12,
		L0StopWritesThreshold:      1000,
		LBaseMaxBytes:              16 << 20,
		CompactionConcurrencyRange: func() (int, int) { return 1, 2 },
	}
	o.Experimental.SpanPolicyFunc = keepApart
	// A read that finds its key in a lower level is no reason to rewrite
	// tables.
	o.Experimental.ReadSamplingMultiplier = -1
	// A memory table's events make one table, which is far above the size
	// (25 times that of the base level) up to which Pebble adds neighbours in
	// level 0 to a merge.
	o.TargetFileSizes = [...]int64{64 << 20, 256 << 10, 4 << 20, 4 << 20, 4 << 20, 4 << 20, 4 << 20}
	for i := range o.Levels {
		o.Levels[i] = pebble.LevelOptions{
			BlockSize: 32 << 10,
			// Every new event asks whether its id and every new stream whether
			// its name is there; the filter answers without reading a block.
			FilterPolicy: bloom.FilterPolicy(10),
			FilterType:   pebble.TableFilter,
			Compression:  func() *sstable.CompressionProfile { return block.SnappyCompression },
		}
	}
	if err := checkPresence(dir, fs); err != nil {
		return nil, err
	}
	db, err := openUnlessStuck(dir, o, h)
	var detailed interface{ ErrorDetail() string }
	if errors.As(err, &detailed) {
		err = fmt.Errorf("%w (%s)", err, detailed.ErrorDetail())
	}
	return db, err
}

// keepApart ends each table where the kind of key changes, and ids of version
// 7 apart from the scattered ones, so that what needs no merging is not merged
// along with its neighbours.
func keepApart(start []byte) (policy pebble.SpanPolicy, end []byte, err error) {
	if start[0] == prefixID && len(start) > 1 {
		return policy, []byte{prefixID, start[1] + 1}, nil
	}
	return policy, []byte{start[0] + 1}, nil
}

// openUnlessStuck gives up on a Pebble that waits for a flush which the disk
// does not take, as a full one. The fence parks that flush, and Pebble's own
// lock keeps others from the directory until the process ends.
func openUnlessStuck(dir string, o *pebble.Options, h *health) (*pebble.DB, error) {
	type opened struct {
		db  *pebble.DB
		err error
	}
	done := make(chan opened, 1)
	go func() {
		db, err := pebble.Open(dir, o)
		done <- opened{db, err}
	}()
	select {
	case result := <-done:
		return result.db, result.err
	case <-h.stuck:
		return nil, h.err()
	}
}

// checkPresence refuses a directory whose manifest is lost: Pebble would take
// it for a new one and delete the events.
func checkPresence(dir string, fs *fence) error {
	if _, err := fs.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	desc, err := pebble.Peek(dir, fs)
	if err != nil || desc.Exists {
		return err
	}
	for _, place := range []string{dir, fs.walDir} {
		names, err := fs.List(place)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		for _, name := range names {
			if ext := filepath.Ext(name); ext == ".sst" || ext == ".log" {
				return fmt.Errorf("there is %s but no marker.manifest", fs.PathJoin(place, name))
			}
		}
	}
	return nil
}

// lastEvent is the event at the end of the log, or the zero event.
func lastEvent(db *pebble.DB) (events.Recorded, error) {
	var last events.Recorded
	lower, upper := eventRange(events.Beginning, events.End)
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return last, err
	}
	defer it.Close()
	if !it.Last() {
		return last, it.Error()
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return last, err
	}
	if len(it.Key()) != eventKeySize {
		return last, fmt.Errorf("damaged key %x", it.Key())
	}
	return last, unpack(&last, events.Position(keyNumber(it.Key())), value, newNames(2), &arena{})
}
