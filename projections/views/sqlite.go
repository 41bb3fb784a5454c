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
	"sync"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/ext/fts5"
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

// SQLite is an Engine with a file for each store.
type SQLite struct{ dir string }

// NewSQLite is an engine whose files are in a directory, which is made if it
// does not exist. A file's name is <name>.v<version>.db.
func NewSQLite(dir string) *SQLite { return &SQLite{dir} }

// Close is Engine.Close. Stores hold their files themselves.
func (e *SQLite) Close() error { return nil }

// Open is Engine.Open. Files of older versions are removed.
//
// Errors name the file: a newer version's is refused, and so is a damaged one.
func (e *SQLite) Open(ctx context.Context, schema Schema) (*Store, error) {
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of views: %w", err)
	}
	older, err := otherVersions(e.dir, schema)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(e.dir, fileName(schema.Name, schema.Version))
	file, err := openFile(ctx, path, schema)
	if err != nil {
		return nil, fmt.Errorf("opening the view %s: %w", path, err)
	}
	for _, path := range older {
		if err := removeFile(path); err != nil {
			return nil, errors.Join(fmt.Errorf("removing a view's older version: %w", err), file.close())
		}
	}
	return &Store{schema, file}, nil
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

// file is one store's. Its statements are kept prepared.
type file struct {
	db     *sql.DB // makes writer
	writer *sql.Conn
	writes map[string]*sql.Stmt // prepared on writer; owned by who updates
	reader *sql.DB
	reads  sync.Map // text → *sql.Stmt of reader
}

func openFile(ctx context.Context, path string, schema Schema) (_ *file, err error) {
	f := &file{writes: make(map[string]*sql.Stmt)}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if f.db, err = driver.Open(source(path, writerPragmas)+"&_txlock=immediate", extended(schema)); err != nil {
		return nil, err
	}
	f.db.SetMaxOpenConns(1)
	if f.writer, err = f.db.Conn(ctx); err != nil {
		return nil, err
	}
	if err = f.define(ctx, schema); err != nil {
		return nil, err
	}
	if f.reader, err = driver.Open(source(path, readerPragmas), extended(schema)); err != nil {
		return nil, err
	}
	f.reader.SetMaxOpenConns(readers)
	f.reader.SetMaxIdleConns(readers)
	return f, nil
}

// extended gives connections what a schema's tables need beyond SQLite's core.
func extended(schema Schema) func(*sqlite3.Conn) error {
	if len(schema.Texts) == 0 {
		return func(*sqlite3.Conn) error { return nil }
	}
	return func(c *sqlite3.Conn) error {
		// FTS5 looks each word up by a statement of its own, which would be
		// planned anew whenever another word is bound.
		_, err := c.Config(sqlite3.DBCONFIG_ENABLE_QPSG, true)
		return errors.Join(err, fts5.Register(c))
	}
}

func (f *file) dialect() *dialect { return &fullText }

func (f *file) close() error {
	var errs []error
	for _, stmt := range f.writes {
		errs = append(errs, stmt.Close())
	}
	if f.reader != nil {
		errs = append(errs, f.reader.Close())
	}
	if f.writer != nil {
		errs = append(errs, f.writer.Close())
	}
	if f.db != nil {
		errs = append(errs, f.db.Close())
	}
	return errors.Join(errs...)
}

func source(path string, pragmas []string) string {
	query := url.Values{"_pragma": pragmas}
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: query.Encode()}).String()
}

// define makes the tables that are missing, all or none.
func (f *file) define(ctx context.Context, schema Schema) error {
	tx, err := f.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, table := range schema.tables() {
		text := fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s (%s, PRIMARY KEY (%s)) WITHOUT ROWID", table.Name, table.Columns, table.Key)
		if _, err := tx.ExecContext(ctx, text); err != nil {
			return errors.Join(fmt.Errorf("making the table %s: %w", table.Name, err), undo(tx))
		}
	}
	for _, index := range append(fullText.definitions(schema), schema.Indexes...) {
		if _, err := tx.ExecContext(ctx, index); err != nil {
			return errors.Join(fmt.Errorf("making an index: %w", err), undo(tx))
		}
	}
	return tx.Commit()
}

// fault leaves errors as they are: Passing knows those of SQLite.
func (f *file) fault(err error) error { return err }

// bound leaves the time to the caller: the disk answers.
func (f *file) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return ctx, func() {}
}

func (f *file) read(ctx context.Context, text string, args []any) (*sql.Rows, error) {
	stmt, err := f.prepareRead(ctx, text)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (f *file) prepareRead(ctx context.Context, text string) (*sql.Stmt, error) {
	if known, ok := f.reads.Load(text); ok {
		return known.(*sql.Stmt), nil
	}
	made, err := f.reader.PrepareContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("preparing %q: %w", text, err)
	}
	if known, lost := f.reads.LoadOrStore(text, made); lost {
		return known.(*sql.Stmt), made.Close()
	}
	return made, nil
}

func (f *file) prepareWrite(ctx context.Context, text string) (*sql.Stmt, error) {
	if known, ok := f.writes[text]; ok {
		return known, nil
	}
	made, err := f.writer.PrepareContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("preparing %q: %w", text, err)
	}
	f.writes[text] = made
	return made, nil
}

func (f *file) snapshot(ctx context.Context) (transaction, error) {
	tx, err := f.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	return &fileTx{tx, tx.PrepareContext}, nil
}

func (f *file) update(ctx context.Context) (transaction, error) {
	tx, err := f.writer.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	return &fileTx{tx, f.prepareWrite}, nil
}

// fileTx is a transaction on a file.
type fileTx struct {
	tx *sql.Tx
	// prepare gives a statement of the transaction's connection.
	prepare func(ctx context.Context, text string) (*sql.Stmt, error)
}

func (t *fileTx) query(ctx context.Context, text string, args []any) (*sql.Rows, error) {
	stmt, err := t.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (t *fileTx) exec(ctx context.Context, text string, args []any) (int64, error) {
	stmt, err := t.prepare(ctx, text)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (t *fileTx) queue(ctx context.Context, text string, args []any) error {
	_, err := t.exec(ctx, text, args)
	return err
}

func (t *fileTx) commit(context.Context) error { return t.tx.Commit() }

func (t *fileTx) rollback() error { return undo(t.tx) }

// undo rolls back, which a context that ended has already done.
func undo(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}
