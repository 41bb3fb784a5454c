package media

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// unfinished is how files begin that are not whole yet.
const unfinished = ".incoming-"

// folder is a Store in a directory, one file a blob.
type folder struct{ root string }

// abandoned is how old an unfinished file is that no upload can be filling.
const abandoned = time.Hour

// openFolder removes what uploads left behind that a crash has cut off.
func openFolder(root string) (*folder, error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, err
	}
	left, err := filepath.Glob(filepath.Join(root, unfinished+"*"))
	if err != nil {
		return nil, err
	}
	for _, path := range left {
		info, err := os.Stat(path)
		if err == nil && time.Since(info.ModTime()) > abandoned {
			err = os.Remove(path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return &folder{root}, nil
}

func (f *folder) path(key Key) string { return filepath.Join(f.root, filepath.FromSlash(key.path())) }

func (f *folder) Incoming() (*os.File, error) {
	return os.CreateTemp(f.root, unfinished) // mode 0600
}

// Put moves the file, which lies in this folder already.
func (f *folder) Put(_ context.Context, key Key, file *os.File) error {
	if err := file.Sync(); err != nil {
		return err
	}
	path := f.path(key)
	if err := f.makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func (f *folder) makeDir(dir string) error {
	switch err := os.Mkdir(dir, 0o700); {
	case err == nil:
		return syncDir(f.root)
	case errors.Is(err, fs.ErrExist):
		return nil
	default:
		return err
	}
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// openedFile lets net/http hand the file to the kernel.
type openedFile struct {
	*os.File
	size int64
}

func (o openedFile) Size() int64 { return o.size }

func (f *folder) Open(_ context.Context, key Key) (Blob, error) {
	file, err := os.Open(f.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return openedFile{file, info.Size()}, nil
}

func (f *folder) Delete(_ context.Context, key Key) error {
	if err := os.Remove(f.path(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (f *folder) List(ctx context.Context) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		err := filepath.WalkDir(f.root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return errors.Join(err, ctx.Err())
			}
			stored, ok, err := f.stored(path, entry)
			if err == nil && ok && !yield(stored, nil) {
				return fs.SkipAll
			}
			return err
		})
		if err != nil {
			yield(Stored{}, err)
		}
	}
}

// stored passes over what is no blob, and what was removed meanwhile.
func (f *folder) stored(path string, entry fs.DirEntry) (Stored, bool, error) {
	relative, err := filepath.Rel(f.root, path)
	if err != nil || strings.HasPrefix(entry.Name(), unfinished) {
		return Stored{}, false, err
	}
	key, ok := parsePath(filepath.ToSlash(relative))
	if !ok {
		return Stored{}, false, nil
	}
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return Stored{}, false, nil
	}
	if err != nil {
		return Stored{}, false, err
	}
	return Stored{key, info.Size(), info.ModTime()}, true, nil
}

func (f *folder) Check(context.Context) error {
	_, err := os.Stat(f.root)
	return err
}

func (f *folder) Close() error { return nil }
