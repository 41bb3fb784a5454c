package views

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

// readers bounds how many queries of one store run at once; the others wait.
const readers = 8

// writerPragmas: the log is the truth, so a power cut may take the last
// updates, rows and checkpoint together, but must leave the file whole.
var writerPragmas = []string{
	"busy_timeout(10000)",
	"journal_mode(wal)",
	"synchronous(normal)",
	"wal_autocheckpoint(4000)",
	"journal_size_limit(67108864)",
	"cache_size(-32768)",
	"temp_store(memory)",
}

var readerPragmas = []string{
	"busy_timeout(10000)",
	"query_only(on)",
	"cache_size(-4096)",
	"temp_store(memory)",
}

// OpenSQLite opens or makes the store of a read model's version in a
// directory. Its file is <name>.v<version>.db. Files of older versions are
// removed.
//
// Errors name the file: a newer version's is refused, and so is a damaged one.
func OpenSQLite(ctx context.Context, dir string, schema Schema) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of views: %w", err)
	}
	older, err := otherVersions(dir, schema)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, fileName(schema.Name, schema.Version))
	store, err := openFile(ctx, path, schema)
	if err != nil {
		return nil, fmt.Errorf("opening the view %s: %w", path, err)
	}
	for _, file := range older {
		if err := removeFile(file); err != nil {
			return nil, errors.Join(fmt.Errorf("removing a view's older version: %w", err), store.Close())
		}
	}
	return store, nil
}

func fileName(name string, version int) string {
	return name + ".v" + strconv.Itoa(version) + ".db"
}

// otherVersions lists the files of older versions, and fails for a newer one.
func otherVersions(dir string, schema Schema) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, schema.Name+".v*.db"))
	if err != nil {
		return nil, err
	}
	var older []string
	for _, file := range files {
		number := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), schema.Name+".v"), ".db")
		version, err := strconv.Atoi(number)
		switch {
		case err != nil || version == schema.Version:
		case version > schema.Version:
			return nil, fmt.Errorf("the view %s was made by a newer program; this one writes version %d: run the newer one, or remove the file to have the view rebuilt", file, schema.Version)
		default:
			older = append(older, file)
		}
	}
	return older, nil
}

func removeFile(path string) error {
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func openFile(ctx context.Context, path string, schema Schema) (_ *Store, err error) {
	s := &Store{schema: schema, writes: make(map[string]*sql.Stmt)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closeOpened())
		}
	}()
	if s.db, err = driver.Open(source(path, writerPragmas) + "&_txlock=immediate"); err != nil {
		return nil, err
	}
	s.db.SetMaxOpenConns(1)
	if s.writer, err = s.db.Conn(ctx); err != nil {
		return nil, err
	}
	if err = s.define(ctx); err != nil {
		return nil, err
	}
	if s.reader, err = driver.Open(source(path, readerPragmas)); err != nil {
		return nil, err
	}
	s.reader.SetMaxOpenConns(readers)
	s.reader.SetMaxIdleConns(readers)
	return s, nil
}

func (s *Store) closeOpened() error {
	var errs []error
	for _, stmt := range s.writes {
		errs = append(errs, stmt.Close())
	}
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}

func source(path string, pragmas []string) string {
	query := url.Values{"_pragma": pragmas}
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: query.Encode()}).String()
}

// define makes the tables that are missing, all or none.
func (s *Store) define(ctx context.Context) error {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, table := range s.schema.tables() {
		text := fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s (%s, PRIMARY KEY (%s)) WITHOUT ROWID", table.Name, table.Columns, table.Key)
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return errors.Join(fmt.Errorf("making the table %s: %w", table.Name, err), undo(tx))
		}
	}
	for _, index := range s.schema.Indexes {
		if _, err := tx.ExecContext(ctx, index); err != nil {
			return errors.Join(fmt.Errorf("making an index: %w", err), undo(tx))
		}
	}
	return tx.Commit()
}

// passing are the faults of a moment: of the disk, of locks, of memory.
var passing = []error{
	sqlite3.BUSY, sqlite3.LOCKED, sqlite3.NOMEM, sqlite3.READONLY, sqlite3.INTERRUPT,
	sqlite3.IOERR, sqlite3.FULL, sqlite3.CANTOPEN, sqlite3.PROTOCOL,
}

// Passing tells whether an update failed by a fault that may pass, rather than
// by what was to be stored.
func Passing(err error) bool {
	for _, fault := range passing {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}
