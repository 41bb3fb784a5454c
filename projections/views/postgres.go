package views

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// postgresReaders bounds how many queries of a server run at once, of all
	// stores together; the others wait.
	postgresReaders = 16
	// connectTimeout holds if the connection string has none.
	connectTimeout = 5 * time.Second
	// readTimeout bounds a query, so that a database that hangs is not waited
	// for without end.
	readTimeout = 10 * time.Second
	// idleTimeout is how long a connection that nobody uses is kept.
	idleTimeout = time.Minute
)

// DefaultSchema holds Parley's own tables unless the connection string's
// search_path names another schema.
const DefaultSchema = "parley"

// schemaName is what a search_path may name: schemas' names begin with it and
// are at most 63 bytes long.
var schemaName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,23}$`)

// Postgres is an Engine with a schema for each store, in one database.
type Postgres struct {
	schema  string // the beginning of the names of all schemas
	readers *sql.DB
	writers *sql.DB
}

// OpenPostgres connects to a database by a connection string or URL as libpq
// takes it. Schemas are named for the search_path in it, or DefaultSchema.
//
// Errors: ErrUnavailable, and those of a connection string that is none.
func OpenPostgres(ctx context.Context, connection string) (*Postgres, error) {
	config, err := pgx.ParseConfig(connection)
	if err != nil {
		return nil, fmt.Errorf("the connection string of PostgreSQL: %w", err)
	}
	schema := DefaultSchema
	if path := config.RuntimeParams["search_path"]; path != "" {
		schema = path
	}
	if !schemaName.MatchString(schema) {
		return nil, fmt.Errorf("the search_path of PostgreSQL's connection string must be one name of lower-case letters, digits and _, not %q", schema)
	}
	prepareConfig(config)
	e := &Postgres{schema: schema, readers: openPool(config, "read", postgresReaders), writers: openPool(config, "write", 0)}
	if err := e.check(ctx); err != nil {
		return nil, errors.Join(unavailable(err), e.Close())
	}
	return e, nil
}

func prepareConfig(config *pgx.ConnConfig) {
	delete(config.RuntimeParams, "search_path")
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "parley"
	}
	dialer := &net.Dialer{
		// A database that is gone without a word is noticed within 20 seconds.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control:         boundUnacknowledged,
	}
	config.DialFunc = dialer.DialContext
}

// openPool opens connections as they are needed. Writers do not wait for the
// disk: the log is the truth, so a crash may take the last updates, rows and
// checkpoint together.
func openPool(config *pgx.ConnConfig, use string, limit int) *sql.DB {
	config = config.Copy()
	switch use {
	case "read":
		config.RuntimeParams["default_transaction_read_only"] = "on"
	case "write":
		config.RuntimeParams["synchronous_commit"] = "off"
	}
	pool := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		if use == "write" {
			// Where the server was built without it, the default serves.
			_, _ = c.Exec(ctx, "SET default_toast_compression = lz4")
		}
		return nil
	}))
	pool.SetMaxOpenConns(limit)
	pool.SetMaxIdleConns(postgresReaders)
	pool.SetConnMaxIdleTime(idleTimeout)
	return pool
}

// oldestPostgres is the first version on which all of this is known to run.
const oldestPostgres = 130000

func (e *Postgres) check(ctx context.Context) error {
	var version, encoding string
	err := e.readers.QueryRowContext(ctx, "SELECT current_setting('server_version_num'), current_setting('server_encoding')").Scan(&version, &encoding)
	if err != nil {
		return err
	}
	if number, err := strconv.Atoi(version); err != nil || number < oldestPostgres {
		return fmt.Errorf("PostgreSQL is too old: its version is %s, and at least %d is needed", version, oldestPostgres)
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database's encoding is %s, and UTF8 is needed", encoding)
	}
	return nil
}

// Close is Engine.Close.
func (e *Postgres) Close() error { return errors.Join(e.readers.Close(), e.writers.Close()) }

// Open is Engine.Open.
func (e *Postgres) Open(ctx context.Context, schema Schema) (*Store, error) {
	tables := &postgresTables{engine: e, schema: fmt.Sprintf("%s_%s_v%d", e.schema, schema.Name, schema.Version), names: make(map[string]bool)}
	for _, table := range append(schema.tables(), vectors.tables(schema)...) {
		tables.names[table.Name] = true
	}
	if err := tables.define(ctx, schema); err != nil {
		return nil, fmt.Errorf("opening the view %s in PostgreSQL: %w", tables.schema, unavailable(err))
	}
	return &Store{schema, tables}, nil
}

// postgresTables are the tables of one store.
type postgresTables struct {
	engine *Postgres
	schema string
	names  map[string]bool
	texts  sync.Map // statement → the statement qualified
}

// qualified is a statement for this store's tables.
func (t *postgresTables) qualified(text string) string {
	if known, ok := t.texts.Load(text); ok {
		return known.(string)
	}
	made := qualify(text, t.schema, t.names)
	t.texts.Store(text, made)
	return made
}

// define makes the tables that are missing, all or none.
func (t *postgresTables) define(ctx context.Context, schema Schema) error {
	tx, err := t.engine.writers.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	statements := []string{
		// Two servers that start at once do not make the same thing.
		"SELECT pg_advisory_xact_lock(hashtextextended('" + t.schema + "', 0))",
		"CREATE SCHEMA IF NOT EXISTS " + t.schema,
	}
	for _, table := range append(schema.tables(), vectors.tables(schema)...) {
		statements = append(statements, fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s.%s (%s, PRIMARY KEY (%s))",
			t.schema, table.Name, collate(table.Columns), table.Key))
	}
	for _, index := range append(vectors.definitions(schema), schema.Indexes...) {
		statements = append(statements, t.qualified(index))
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", statement, err), undo(tx))
		}
	}
	return tx.Commit()
}

func (t *postgresTables) dialect() *dialect { return &vectors }

func (t *postgresTables) close() error { return nil }

func (t *postgresTables) fault(err error) error { return unavailable(err) }

func (t *postgresTables) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, readTimeout)
}

func (t *postgresTables) read(ctx context.Context, text string, args []any) (*sql.Rows, error) {
	return t.engine.readers.QueryContext(ctx, t.qualified(text), args...)
}

func (t *postgresTables) snapshot(ctx context.Context) (transaction, error) {
	return t.begin(ctx, t.engine.readers, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
}

func (t *postgresTables) update(ctx context.Context) (transaction, error) {
	return t.begin(ctx, t.engine.writers, "BEGIN")
}

// begin takes a connection. The statement goes with the first one that is
// sent.
func (t *postgresTables) begin(ctx context.Context, pool *sql.DB, statement string) (transaction, error) {
	connection, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	tx := &postgresTx{tables: t, connection: connection}
	tx.queued.Queue(statement)
	return tx, nil
}

// queuedAtOnce bounds the statements that wait to be sent together.
const queuedAtOnce = 1024

// postgresTx is a transaction. Statements whose counts nobody needs are sent
// many at a time.
type postgresTx struct {
	tables     *postgresTables
	connection *sql.Conn
	queued     pgx.Batch
	ended      bool
}

func (t *postgresTx) query(ctx context.Context, text string, args []any) (*sql.Rows, error) {
	if err := t.flush(ctx); err != nil {
		return nil, err
	}
	return t.connection.QueryContext(ctx, t.tables.qualified(text), args...)
}

func (t *postgresTx) exec(ctx context.Context, text string, args []any) (int64, error) {
	if err := t.flush(ctx); err != nil {
		return 0, err
	}
	result, err := t.connection.ExecContext(ctx, t.tables.qualified(text), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (t *postgresTx) queue(ctx context.Context, text string, args []any) error {
	t.queued.Queue(t.tables.qualified(text), args...)
	if t.queued.Len() < queuedAtOnce {
		return nil
	}
	return t.flush(ctx)
}

// flush sends what is queued and reads the answers.
func (t *postgresTx) flush(ctx context.Context) error {
	if t.queued.Len() == 0 {
		return nil
	}
	_, err := t.send(ctx)
	return err
}

// send is flush, and returns what the last statement was answered with.
func (t *postgresTx) send(ctx context.Context) (last pgconn.CommandTag, err error) {
	batch := t.queued
	t.queued = pgx.Batch{}
	err = t.connection.Raw(func(connection any) error {
		answers := connection.(*stdlib.Conn).Conn().SendBatch(ctx, &batch)
		for range batch.Len() {
			if last, err = answers.Exec(); err != nil {
				break
			}
		}
		if ended := answers.Close(); err == nil {
			err = ended
		}
		return err
	})
	return last, err
}

// errAborted: a statement failed before, and its error was passed over.
var errAborted = errors.New("the transaction was aborted by an earlier error")

// commit does not end with its context: an update that is about to be stored
// is stored.
func (t *postgresTx) commit(ctx context.Context) error {
	t.queued.Queue("COMMIT")
	last, err := t.send(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	t.ended = true
	if last.String() != "COMMIT" {
		err = errAborted
	}
	return errors.Join(err, t.connection.Close())
}

func (t *postgresTx) rollback() error {
	if t.ended {
		return nil
	}
	t.ended = true
	_, err := t.connection.ExecContext(context.Background(), "ROLLBACK")
	if err != nil && passes(err) {
		// The connection is lost, and with it the transaction.
		err = nil
	}
	return errors.Join(err, t.connection.Close())
}
