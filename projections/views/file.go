package views

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/ext/fts5"
)

// readers bounds how many queries of one generation run at once; the others
// wait.
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

// file is the backend of one generation. Its statements are kept prepared.
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
	// A file that is none is found by the first statement.
	if _, err = f.writer.ExecContext(ctx, "PRAGMA user_version"); err != nil {
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
	return func(c *sqlite3.Conn) error {
		// Otherwise a statement that compares a column with a parameter is
		// planned anew whenever another value is bound.
		_, err := c.Config(sqlite3.DBCONFIG_ENABLE_QPSG, true)
		if err == nil && len(schema.Texts) > 0 {
			err = fts5.Register(c)
		}
		return err
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

// generationTable says what the file is for. Being made last, it says also
// that the file was made to the end.
const generationTable = `CREATE TABLE generation (id BIGINT PRIMARY KEY, purpose TEXT NOT NULL, definition TEXT NOT NULL)`

// define makes the tables, all or none.
func (f *file) define(ctx context.Context, schema Schema, purpose purpose) error {
	tx, err := f.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	var statements []string
	for _, table := range schema.tables() {
		kept := " WITHOUT ROWID"
		if table.Wide {
			kept = ""
		}
		statements = append(statements, fmt.Sprintf("CREATE TABLE %s (%s, PRIMARY KEY (%s))%s", table.Name, table.Columns, table.Key, kept))
	}
	statements = slices.Concat(statements, fullText.definitions(schema), schema.Indexes, []string{beginCheckpoint, generationTable})
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", statement, err), undo(tx))
		}
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO generation (id, purpose, definition) VALUES (0, $1, $2)", string(purpose), schema.definition())
	if err != nil {
		return errors.Join(err, undo(tx))
	}
	return tx.Commit()
}

// describe reads what the file is for, or gives sql.ErrNoRows.
func (f *file) describe(ctx context.Context, g *Generation) error {
	var tables int
	err := f.writer.QueryRowContext(ctx, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'generation'").Scan(&tables)
	if err != nil {
		return err
	}
	if tables == 0 {
		return sql.ErrNoRows
	}
	return f.writer.QueryRowContext(ctx, "SELECT purpose, definition FROM generation WHERE id = 0").Scan(&g.purpose, &g.definition)
}

// serve is synced when it returns: what served before is removed then.
func (f *file) serve(ctx context.Context) error {
	if _, err := f.writer.ExecContext(ctx, "UPDATE generation SET purpose = $1 WHERE id = 0", string(serving)); err != nil {
		return err
	}
	var busy, frames, moved int
	return f.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(FULL)").Scan(&busy, &frames, &moved)
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
