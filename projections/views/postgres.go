package views

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"parley/events/postgres"
)

const (
	// postgresReaders bounds how many queries of a server run at once, of all
	// stores together; the others wait.
	postgresReaders = 16
	// readTimeout bounds a query, so that a database that hangs is not waited
	// for without end.
	readTimeout = 10 * time.Second
	// idleTimeout is how long a connection that nobody uses is kept.
	idleTimeout = time.Minute
)

// Postgres is an Engine with a schema for each store, in one database.
type Postgres struct {
	schema  string // the beginning of the names of all schemas
	graces  bool   // what serves no more is kept for a while
	readers *sql.DB
	writers *sql.DB
}

// OpenPostgres connects to a database by a connection string or URL as libpq
// takes it. Schemas are named for the search_path in it, or postgres.DefaultSchema.
//
// Errors: ErrUnavailable, and those of a connection string that is none.
func OpenPostgres(ctx context.Context, connection string) (*Postgres, error) {
	config, schema, err := postgres.Config(connection)
	if err != nil {
		return nil, err
	}
	e := &Postgres{schema: schema, graces: true, readers: openPool(config, "read", postgresReaders), writers: openPool(config, "write", 0)}
	err = e.check(ctx)
	if err == nil {
		err = e.define(ctx)
	}
	if err != nil {
		return nil, errors.Join(postgres.Unavailable(err), e.Close())
	}
	return e, nil
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

// define makes the schema with the list of all generations, if it is missing.
func (e *Postgres) define(ctx context.Context) error {
	return e.transact(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx,
			// Two servers that start at once do not make the same thing.
			fmt.Sprintf("SELECT pg_advisory_xact_lock(hashtextextended('%s', 0))", e.schema),
			"CREATE SCHEMA IF NOT EXISTS "+e.schema,
			fmt.Sprintf(`CREATE TABLE IF NOT EXISTS %s.generations (
				number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
				model TEXT NOT NULL,
				version BIGINT NOT NULL,
				purpose TEXT NOT NULL,
				definition TEXT NOT NULL)`, e.schema))
	})
}

// transact runs a transaction of the engine's own.
func (e *Postgres) transact(ctx context.Context, change func(*sql.Tx) error) error {
	tx, err := e.writers.BeginTx(ctx, nil)
	if err != nil {
		return postgres.Unavailable(err)
	}
	if err := change(tx); err != nil {
		return errors.Join(postgres.Unavailable(err), undo(tx))
	}
	return postgres.Unavailable(tx.Commit())
}

// each runs statements without arguments, all sent at once.
func each(ctx context.Context, tx *sql.Tx, statements ...string) error {
	text := strings.Join(statements, ";\n")
	if _, err := tx.ExecContext(ctx, text, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return nil
}

// Close is Engine.Close.
func (e *Postgres) Close() error { return errors.Join(e.readers.Close(), e.writers.Close()) }

// Open is Engine.Open.
func (e *Postgres) Open(ctx context.Context, schema Schema) (*Store, error) {
	return openStore(ctx, schema, &schemaShelf{e, schema})
}

// schemaShelf is a read model's schemas. The list of generations says which
// there are.
type schemaShelf struct {
	engine *Postgres
	schema Schema
}

func (s *schemaShelf) shared() bool { return true }

const (
	// swapGrace is for servers that have not adopted the newer generation yet.
	swapGrace = time.Minute
	// versionGrace is for servers of another version of the program, which are
	// replaced one after the other, and for checks that go on elsewhere.
	versionGrace = time.Hour
)

func (s *schemaShelf) grace(g *Generation) time.Duration {
	switch {
	case !s.engine.graces:
		return 0
	case g.Version == s.schema.Version && g.purpose == serving:
		return swapGrace
	}
	return versionGrace
}

func (s *schemaShelf) newest(ctx context.Context, above int64) (*Generation, error) {
	found, err := s.find(ctx, "model = $1 AND version = $2 AND purpose = $3 AND number > $4 ORDER BY number DESC LIMIT 1",
		s.schema.Name, s.schema.Version, string(serving), above)
	return first(found), err
}

func first(all []*Generation) *Generation {
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

func (s *schemaShelf) list(ctx context.Context) ([]*Generation, error) {
	return s.find(ctx, "model = $1 ORDER BY number", s.schema.Name)
}

func (s *schemaShelf) find(ctx context.Context, which string, args ...any) (all []*Generation, err error) {
	rows, err := s.engine.readers.QueryContext(ctx, fmt.Sprintf(
		"SELECT number, version, purpose, definition FROM %s.generations WHERE %s", s.engine.schema, which), args...)
	if err != nil {
		return nil, postgres.Unavailable(err)
	}
	defer rows.Close()
	for rows.Next() {
		g := new(Generation)
		if err := rows.Scan(&g.Number, &g.Version, &g.purpose, &g.definition); err != nil {
			return nil, postgres.Unavailable(err)
		}
		g.tables = s.tables(g.Number)
		all = append(all, g)
	}
	return all, postgres.Unavailable(rows.Err())
}

func (s *schemaShelf) tables(number int64) *postgresTables {
	t := &postgresTables{engine: s.engine, schema: s.name(number), names: make(map[string]bool)}
	for _, table := range s.allTables() {
		t.names[table.Name] = true
	}
	return t
}

// allTables are the schema's own and those that keep its texts.
func (s *schemaShelf) allTables() []Table {
	return append(s.schema.tables(), vectors.tables(s.schema)...)
}

func (s *schemaShelf) name(number int64) string {
	return fmt.Sprintf("%s_%s_%d", s.engine.schema, s.schema.Name, number)
}

func (s *schemaShelf) create(ctx context.Context, purpose purpose) (*Generation, error) {
	g := &Generation{Version: s.schema.Version, purpose: purpose, definition: s.schema.definition()}
	if purpose == building {
		// Servers that build the same thing at once build it together.
		begun, err := s.find(ctx, "model = $1 AND version = $2 AND purpose = $3 ORDER BY number DESC LIMIT 1", s.schema.Name, s.schema.Version, string(building))
		if err != nil || len(begun) > 0 {
			return first(begun), err
		}
	}
	err := s.engine.transact(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, fmt.Sprintf(
			"INSERT INTO %s.generations (model, version, purpose, definition) VALUES ($1, $2, $3, $4) RETURNING number", s.engine.schema),
			s.schema.Name, g.Version, string(purpose), g.definition).Scan(&g.Number)
		if err != nil {
			return err
		}
		return each(ctx, tx, s.definitions(g.Number)...)
	})
	if err != nil {
		return nil, fmt.Errorf("making a generation of the view %s: %w", s.schema.Name, err)
	}
	g.tables = s.tables(g.Number)
	return g, nil
}

// definitions make a generation's schema.
func (s *schemaShelf) definitions(number int64) []string {
	statements := []string{"CREATE SCHEMA " + s.name(number)}
	for _, table := range s.allTables() {
		statements = append(statements, fmt.Sprintf("CREATE TABLE %s.%s (%s, PRIMARY KEY (%s))",
			s.name(number), table.Name, collate(table.Columns), table.Key))
	}
	tables := s.tables(number)
	for _, index := range append(vectors.definitions(s.schema), s.schema.Indexes...) {
		statements = append(statements, tables.qualified(index))
	}
	return append(statements, tables.qualified(beginCheckpoint))
}

func (s *schemaShelf) serve(ctx context.Context, g *Generation) error {
	return s.engine.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, fmt.Sprintf("UPDATE %s.generations SET purpose = $1 WHERE number = $2", s.engine.schema), string(serving), g.Number)
		return err
	})
}

func (s *schemaShelf) remove(ctx context.Context, g *Generation) error {
	return s.engine.transact(ctx, func(tx *sql.Tx) error {
		return each(ctx, tx,
			fmt.Sprintf("DELETE FROM %s.generations WHERE number = %d", s.engine.schema, g.Number),
			fmt.Sprintf("DROP SCHEMA IF EXISTS %s CASCADE", s.name(g.Number)))
	})
}
