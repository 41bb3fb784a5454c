package views

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/ncruces/go-sqlite3/driver"
)

// SQLite is an Engine with a file for each generation.
type SQLite struct{ dir string }

// NewSQLite is an engine whose files are in a directory, which is made if it
// does not exist. A file's name is <name>.v<version>.<number>.db. One process
// at a time may use it.
func NewSQLite(dir string) *SQLite { return &SQLite{dir} }

// Close is Engine.Close. Stores hold their files themselves.
func (e *SQLite) Close() error { return nil }

// Open is Engine.Open. Errors name the file: a damaged one is refused.
func (e *SQLite) Open(ctx context.Context, schema Schema) (*Store, error) {
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of views: %w", err)
	}
	return openStore(ctx, schema, &fileShelf{e.dir, schema})
}

// Copy writes a consistent copy of a read model's files, while they are in use,
// into a directory, which is made if it does not exist and has none of them
// yet. An engine on that directory opens them as they are.
func (e *SQLite) Copy(ctx context.Context, schema Schema, dir string) error {
	from, to := &fileShelf{e.dir, schema}, &fileShelf{dir, schema}
	paths, err := from.paths()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making a directory for copies: %w", err)
	}
	for number, version := range paths {
		path := to.path(number, version)
		if err := copyFile(ctx, from.path(number, version), path, schema); err != nil {
			return fmt.Errorf("copying a view to %s: %w", path, err)
		}
	}
	return nil
}

func copyFile(ctx context.Context, from, to string, schema Schema) (err error) {
	db, err := driver.Open(source(from, []string{"busy_timeout(10000)"}), extended(schema))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// SQLite fills an empty file, which this one makes readable by its owner
	// alone, and refuses one with content.
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, to)
	return err
}

// fileShelf is a read model's files.
type fileShelf struct {
	dir    string
	schema Schema
}

// fileName is what follows a read model's name in its files' names. Files from
// before there were generations have no number.
var fileName = regexp.MustCompile(`^\.v([0-9]+)(?:\.([0-9]+))?\.db$`)

// paths lists the files by number and version.
func (s *fileShelf) paths() (map[int64]int, error) {
	names, err := filepath.Glob(filepath.Join(s.dir, s.schema.Name+".v*.db"))
	if err != nil {
		return nil, err
	}
	found := make(map[int64]int)
	for _, name := range names {
		parts := fileName.FindStringSubmatch(filepath.Base(name)[len(s.schema.Name):])
		if parts == nil {
			continue
		}
		version, versionErr := strconv.Atoi(parts[1])
		number, numberErr := strconv.ParseInt(parts[2], 10, 64)
		if versionErr != nil || numberErr != nil {
			if err := removeFile(name); err != nil {
				return nil, err
			}
			continue
		}
		found[number] = version
	}
	return found, nil
}

func (s *fileShelf) path(number int64, version int) string {
	return filepath.Join(s.dir, fmt.Sprintf("%s.v%d.%d.db", s.schema.Name, version, number))
}

func (s *fileShelf) list(ctx context.Context) ([]*Generation, error) {
	paths, err := s.paths()
	if err != nil {
		return nil, err
	}
	var all []*Generation
	for number, version := range paths {
		g, err := s.open(ctx, number, version)
		if err != nil {
			for _, g := range all {
				err = errors.Join(err, g.tables.close())
			}
			return nil, fmt.Errorf("opening the view %s: %w", s.path(number, version), err)
		}
		if g != nil {
			all = append(all, g)
		}
	}
	slices.SortFunc(all, func(a, b *Generation) int { return int(a.Number - b.Number) })
	return all, nil
}

// open opens a file, or removes one that was not made to the end.
func (s *fileShelf) open(ctx context.Context, number int64, version int) (*Generation, error) {
	path := s.path(number, version)
	file, err := openFile(ctx, path, s.schema)
	if err != nil {
		return nil, err
	}
	g := &Generation{Number: number, Version: version, tables: file}
	err = file.describe(ctx, g)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, errors.Join(file.close(), removeFile(path))
	case err != nil:
		return nil, errors.Join(err, file.close())
	}
	return g, nil
}

func (s *fileShelf) create(ctx context.Context, purpose purpose) (*Generation, error) {
	paths, err := s.paths()
	if err != nil {
		return nil, err
	}
	number := int64(1)
	for taken := range paths {
		number = max(number, taken+1)
	}
	path := s.path(number, s.schema.Version)
	file, err := openFile(ctx, path, s.schema)
	if err != nil {
		return nil, fmt.Errorf("making the view %s: %w", path, err)
	}
	if err := file.define(ctx, s.schema, purpose); err != nil {
		return nil, errors.Join(fmt.Errorf("making the view %s: %w", path, err), file.close(), removeFile(path))
	}
	return &Generation{Number: number, Version: s.schema.Version, purpose: purpose, definition: s.schema.definition(), tables: file}, nil
}

func (s *fileShelf) serve(ctx context.Context, g *Generation) error {
	if err := g.tables.(*file).serve(ctx); err != nil {
		return fmt.Errorf("having the view %s serve: %w", s.path(g.Number, g.Version), err)
	}
	return nil
}

func (s *fileShelf) remove(_ context.Context, g *Generation) error {
	return removeFile(s.path(g.Number, g.Version))
}

// One process at a time has the files.

func (s *fileShelf) shared() bool { return false }

func (s *fileShelf) grace(*Generation) time.Duration { return 0 }

func (s *fileShelf) newest(context.Context, int64) (*Generation, error) { return nil, nil }

func removeFile(path string) error {
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("removing a view: %w", err)
		}
	}
	return nil
}
