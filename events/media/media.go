// Package media keeps the files that people and apps bring into conversations:
// it finds out what a file is from its bytes, and stores it in a folder or a
// bucket.
package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strconv"
	"strings"
	"time"

	"parley/events"
)

// MaxBytes bounds a file.
const MaxBytes = 25 << 20

var (
	// ErrNotFound: the store has nothing under the key.
	ErrNotFound = errors.New("the blob is not in the store")
	// ErrUnavailable: the store cannot be reached or cannot write now.
	ErrUnavailable = errors.New("the media store is unavailable")
)

// Store keeps blobs. What is under a key never changes.
//
// Durability: when Put returns nil, the blob is whole and on stable storage,
// and every later Open finds it; otherwise there is nothing under the key, or
// the whole blob. Concurrency: all methods may be called from any number of
// goroutines, and by several processes on one store.
type Store interface {
	// Incoming makes a file to be filled and handed to Put. Whoever asked for
	// it must Discard it, whatever became of it.
	Incoming() (*os.File, error)
	// Put stores the content of a file that Incoming made.
	Put(ctx context.Context, key Key, file *os.File) error
	// Open reads a blob. It fails with ErrNotFound.
	Open(ctx context.Context, key Key) (Blob, error)
	// Delete removes a blob; one that is not there is no error.
	Delete(ctx context.Context, key Key) error
	// List yields all blobs in no particular order.
	List(ctx context.Context) iter.Seq2[Stored, error]
	// Check tells whether the store can be used now.
	Check(ctx context.Context) error
	Close() error
}

// Discard closes a file that Incoming made, and removes it unless Put has
// taken it.
func Discard(file *os.File) error {
	err := os.Remove(file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(file.Close(), err)
}

// Blob is an open blob. It ends with the context it was opened with.
type Blob interface {
	io.ReadSeekCloser
	// Size is in bytes.
	Size() int64
}

// Stored is a blob as List finds it.
type Stored struct {
	Key
	Size    int64
	Written time.Time
}

// Key names a blob: by the file's digest, and by how often it was deleted
// before, so that deleting one and storing the same file anew never meet.
type Key struct {
	Media      events.Digest
	Generation int
}

// path is ab/abcd… or ab/abcd….1, as folders and buckets have it.
func (k Key) path() string {
	name := k.Media.String()
	if k.Generation > 0 {
		name += "." + strconv.Itoa(k.Generation)
	}
	return name[:2] + "/" + name
}

func parsePath(path string) (Key, bool) {
	_, name, _ := strings.Cut(path, "/")
	digest, generation, numbered := strings.Cut(name, ".")
	media, err := events.ParseDigest(digest)
	if err != nil {
		return Key{}, false
	}
	k := Key{Media: media}
	if numbered {
		k.Generation, err = strconv.Atoi(generation)
	}
	return k, err == nil && k.path() == path
}

// Open opens the store at a location: a URL as s3://BUCKET?region=…, or else
// a folder, which is made if it does not exist.
func Open(ctx context.Context, location string) (Store, error) {
	var store Store
	var err error
	if strings.Contains(location, "://") {
		store, err = openBucket(ctx, location)
	} else {
		store, err = openFolder(location)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the media store %s: %w", location, err)
	}
	return store, nil
}

// Copy puts every blob of a store into another, and returns how many there
// were. Blobs that are deleted meanwhile are passed over.
func Copy(ctx context.Context, from, to Store) (int, error) {
	count := 0
	for stored, err := range from.List(ctx) {
		if err != nil {
			return count, err
		}
		switch err := copyOne(ctx, from, to, stored.Key); {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return count, fmt.Errorf("copying the file %s: %w", stored.Media, err)
		default:
			count++
		}
	}
	return count, nil
}

func copyOne(ctx context.Context, from, to Store, key Key) (err error) {
	blob, err := from.Open(ctx, key)
	if err != nil {
		return err
	}
	defer blob.Close()
	file, err := to.Incoming()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, Discard(file)) }()
	if _, err := io.Copy(file, blob); err != nil {
		return err
	}
	return to.Put(ctx, key, file)
}
