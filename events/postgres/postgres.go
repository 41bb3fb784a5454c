// Package postgres is what all that is kept in a PostgreSQL database has in
// common: how it is connected to, and which of its faults may pass.
package postgres

import (
	"fmt"
	"net"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
)

// connectTimeout holds if the connection string has none.
const connectTimeout = 5 * time.Second

// DefaultSchema begins the names of Parley's own schemas unless the connection
// string's search_path names another.
const DefaultSchema = "parley"

// schemaName is what a search_path may name: schemas' names begin with it and
// are at most 63 bytes long.
var schemaName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,23}$`)

// Config reads a connection string or URL as libpq takes it. The names of
// schemas begin with the search_path in it, or DefaultSchema; connections of
// the configuration have no search_path, and notice within 20 seconds that the
// database is gone without a word.
func Config(connection string) (config *pgx.ConnConfig, schema string, err error) {
	config, err = pgx.ParseConfig(connection)
	if err != nil {
		return nil, "", fmt.Errorf("the connection string of PostgreSQL: %w", err)
	}
	schema = DefaultSchema
	if path := config.RuntimeParams["search_path"]; path != "" {
		schema = path
	}
	if !schemaName.MatchString(schema) {
		return nil, "", fmt.Errorf("the search_path of PostgreSQL's connection string must be one name of lower-case letters, digits and _, not %q", schema)
	}
	delete(config.RuntimeParams, "search_path")
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "parley"
	}
	dialer := &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3},
		Control:         boundUnacknowledged,
	}
	config.DialFunc = dialer.DialContext
	return config, schema, nil
}
