package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"parley/events/postgres"
	"parley/projections/views"
)

// openViews opens an engine without any views yet. The function returned closes
// it and removes what it kept.
func (o Options) openViews(ctx context.Context, number int) (views.Engine, func() error, error) {
	if o.Postgres == "" {
		dir := filepath.Join(o.Dir, fmt.Sprintf("views-%d", number))
		engine := views.NewSQLite(dir)
		return engine, func() error { return errors.Join(engine.Close(), os.RemoveAll(dir)) }, nil
	}
	connection, drop, err := o.schema(ctx, fmt.Sprint(number))
	if err != nil {
		return nil, nil, err
	}
	engine, err := views.OpenPostgres(ctx, connection)
	if err != nil {
		return nil, nil, err
	}
	return engine, func() error { return errors.Join(engine.Close(), drop()) }, nil
}

// schema is the connection to schemas of the measurement's own, which nothing
// has made yet, and what drops them.
func (o Options) schema(ctx context.Context, name string) (connection string, drop func() error, err error) {
	schema := schemaName(name)
	if connection, err = o.database(schema); err != nil {
		return "", nil, err
	}
	return connection, func() error { return dropSchemas(context.WithoutCancel(ctx), o.Postgres, schema) }, nil
}

// database is the database's URL with another search_path, or none.
func (o Options) database(path string) (string, error) {
	address, err := url.Parse(o.Postgres)
	if err != nil {
		return "", fmt.Errorf("%w: --views: %w", ErrOptions, err)
	}
	query := address.Query()
	query.Del("search_path") // which libpq does not know
	if path != "" {
		query.Set("search_path", path)
	}
	address.RawQuery = query.Encode()
	return address.String(), nil
}

func schemaName(name string) string { return fmt.Sprintf("bench%d_%s", os.Getpid(), name) }

// dropSchemas removes a schema and all whose names begin with its name.
func dropSchemas(ctx context.Context, connection, schema string) (err error) {
	config, _, err := postgres.Config(connection)
	if err != nil {
		return err
	}
	db, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close(ctx)) }()
	rows, err := db.Query(ctx, `SELECT nspname FROM pg_namespace WHERE nspname = $1 OR starts_with(nspname, $1 || '_')`, schema)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := db.Exec(ctx, "DROP SCHEMA "+pgx.Identifier{name}.Sanitize()+" CASCADE"); err != nil {
			return err
		}
	}
	return nil
}
