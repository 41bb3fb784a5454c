package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// formatVersion is that of the whole directory: key layout, record format and
// what this file lays out. Format 1 had other keys for event ids. They are
// read where they are, and a directory in it becomes one in format 2 by being
// opened.
const formatVersion = 2

// A data directory:
//
//	FORMAT  the format's version, in JSON
//	LOCK    locked by the process that owns the directory
//	OWNER   the process id of the owner, for the message to others
//	log/    Pebble's tables and manifest; log/wal/ its write-ahead log
type directory struct {
	fs   vfs.FS
	path string
	lock io.Closer
}

const walName = "wal"

// ErrInUse: another process owns the data directory.
var ErrInUse = errors.New("the data directory is in use")

type format struct {
	Format int `json:"format"`
}

func (d *directory) file(name string) string { return d.fs.PathJoin(d.path, name) }
func (d *directory) log() string             { return d.file("log") }
func (d *directory) wal() string             { return d.fs.PathJoin(d.log(), walName) }

// openDirectory locks the directory and checks or writes its format.
func openDirectory(fs vfs.FS, path string) (*directory, error) {
	d := &directory{fs: fs, path: path}
	if err := d.make(); err != nil {
		return nil, err
	}
	if err := d.acquire(); err != nil {
		return nil, err
	}
	if err := d.checkFormat(); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

func (d *directory) acquire() error {
	lock, err := d.fs.Lock(d.file("LOCK"))
	if err != nil {
		return fmt.Errorf("%w: %s by %s; stop it, or use another directory (%w)", ErrInUse, d.path, d.owner(), err)
	}
	d.lock = lock
	pid := strconv.Itoa(os.Getpid())
	if err := d.write("OWNER", []byte(pid+"\n")); err != nil {
		return errors.Join(err, d.close())
	}
	return nil
}

func (d *directory) owner() string {
	content, err := d.read("OWNER")
	if pid := strings.TrimSpace(string(content)); err == nil && pid != "" {
		return "process " + pid
	}
	return "another process"
}

func (d *directory) close() error {
	if d.lock == nil {
		return nil
	}
	lock := d.lock
	d.lock = nil
	return lock.Close()
}

// checkFormat writes the format of a new directory and checks that of an old
// one. A directory with a log but without a format was not made by a node.
func (d *directory) checkFormat() error {
	name := d.file("FORMAT")
	content, err := d.read("FORMAT")
	if errors.Is(err, os.ErrNotExist) {
		if _, err := d.fs.Stat(d.log()); err == nil {
			return fmt.Errorf("%s is missing although %s exists: restore the data directory from a backup", name, d.log())
		}
		return d.writeFormat()
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	var found format
	if err := json.Unmarshal(content, &found); err != nil || found.Format < 1 {
		return fmt.Errorf("%s is damaged (found %q, expected {\"format\":%d}): restore the data directory from a backup",
			name, shorten(content), formatVersion)
	}
	if found.Format > formatVersion {
		return fmt.Errorf("%s says format %d; this program supports up to %d: use the newer program that wrote it",
			name, found.Format, formatVersion)
	}
	if found.Format < formatVersion {
		return d.writeFormat()
	}
	return nil
}

func shorten(b []byte) []byte { return b[:min(len(b), 80)] }

// create makes a directory that must not exist.
func (d *directory) create() error {
	if _, err := d.fs.Stat(d.path); err == nil {
		return fmt.Errorf("%s exists already: name a new directory", d.path)
	}
	return d.make()
}

// make makes the directory and those above it as far as they are missing, and
// makes their names durable.
func (d *directory) make() error {
	var parents []string
	for path := d.path; ; {
		if _, err := d.fs.Stat(path); err == nil {
			break
		}
		parent := d.fs.PathDir(path)
		if parent == path {
			break
		}
		parents = append(parents, parent)
		path = parent
	}
	err := d.fs.MkdirAll(d.path, 0o700)
	for i := len(parents) - 1; i >= 0 && err == nil; i-- {
		err = d.syncDir(parents[i])
	}
	if err != nil {
		return fmt.Errorf("creating data directory %s: %w", d.path, err)
	}
	return nil
}

func (d *directory) writeFormat() error {
	content, err := json.Marshal(format{formatVersion})
	if err != nil {
		return err
	}
	return d.write("FORMAT", append(content, '\n'))
}

func (d *directory) read(name string) ([]byte, error) {
	f, err := d.fs.Open(d.file(name))
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, 1<<16))
	return content, errors.Join(err, f.Close())
}

// write replaces a small file at once and durably.
func (d *directory) write(name string, content []byte) error {
	path := d.file(name)
	if err := d.writeTo(path+".new", content); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := d.fs.Rename(path+".new", path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := d.syncDir(d.path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

func (d *directory) writeTo(path string, content []byte) error {
	f, err := d.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (d *directory) syncDir(path string) error {
	dir, err := d.fs.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
