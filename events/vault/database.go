package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"parley/events/postgres"
)

// Database is the place of a vault in a PostgreSQL database, by its connection
// string. Any number of servers share it. Its tables are in a schema of their
// own, named for the connection string's search_path: parley_vault if it has
// none.
//
// Once a person is forgotten, no query finds their wrapped key any more. Its
// bytes can lie in PostgreSQL's write-ahead log until that is recycled, and in
// archives and backups for as long as those are kept; whoever finds them there
// needs the master key as well.
type Database string

// String names the database without its password.
func (d Database) String() string {
	config, schema, err := postgres.Config(string(d))
	if err != nil {
		return "PostgreSQL"
	}
	return fmt.Sprintf("%s of the database %s on %s", vaultSchema(schema), config.Database, config.Host)
}

const (
	// databaseConnections bounds how many statements of a vault run at once.
	databaseConnections = 8
	// databasePatience bounds how long one is waited for, so that a database
	// that hangs is not waited for without end.
	databasePatience = 3 * time.Second
	// databaseIdle is how long a connection that nobody uses is kept.
	databaseIdle = 5 * time.Minute
)

func vaultSchema(schema string) string { return schema + "_vault" }

func (d Database) open(ctx context.Context) (*store, error) {
	config, schema, err := postgres.Config(string(d))
	if err != nil {
		return nil, err
	}
	schema = vaultSchema(schema)
	config.RuntimeParams["search_path"] = schema
	// A key that is lost cannot be made again, whatever the database's default.
	config.RuntimeParams["synchronous_commit"] = "on"
	config.RuntimeParams["default_transaction_isolation"] = "read committed"
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(databaseConnections)
	db.SetMaxIdleConns(databaseConnections)
	db.SetConnMaxIdleTime(databaseIdle)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(postgres.Unavailable(err), db.Close())
	}
	return &store{&database{schema: schema}, db}, nil
}

// Exists tells whether there is a vault in the database, without making one.
func (d Database) Exists(ctx context.Context) (is bool, err error) {
	store, err := d.open(ctx)
	if err != nil {
		return false, err
	}
	err = store.db.QueryRowContext(ctx, `SELECT to_regclass('vault') IS NOT NULL`).Scan(&is)
	return is, errors.Join(store.fault(err), store.close())
}

// database is the engine of a PostgreSQL database.
type database struct{ schema string }

func (d *database) define(ctx context.Context, tx *sql.Tx) error {
	// Two servers that start at once do not make the same thing.
	if err := d.queue(ctx, tx); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`
		CREATE SCHEMA IF NOT EXISTS %[1]s;
		CREATE TABLE IF NOT EXISTS %[1]s.vault (
			name  TEXT PRIMARY KEY,
			value BYTEA NOT NULL
		);
		CREATE TABLE IF NOT EXISTS %[1]s.person_keys (
			owner     BYTEA PRIMARY KEY,
			wrapped   BYTEA,
			forgotten BIGINT UNIQUE,
			CHECK ((wrapped IS NULL) <> (forgotten IS NULL))
		)`, d.schema), pgx.QueryExecModeSimpleProtocol)
	return err
}

func (d *database) queue(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, d.schema)
	return err
}

// scrub removes the rows' old versions from the table.
func (d *database) scrub(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, `VACUUM person_keys`)
	return d.fault(err)
}

func (d *database) copy(ctx context.Context, v *Vault, path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fs.ErrExist, err)
	}
	_, err := Adopt(ctx, File(path), v.master, v.Travellers(ctx))
	return err
}

func (d *database) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, databasePatience)
}

func (d *database) fault(err error) error { return postgres.Unavailable(err) }
