package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
)

// config is what every command may be told, by flag or by environment.
type config struct {
	data       string
	eventstore string
	views      string
	media      string
	logLevel   string
	// lists keeps the streams of the standard projections, for commands that
	// serve EventStoreDB clients.
	lists bool
	// outbound are the networks beyond the internet that requests to addresses
	// of others may reach.
	outbound []netip.Prefix
}

// embedded is the --eventstore that lives in the data directory.
const embedded = "embedded"

func (c *config) register(flags *pflag.FlagSet) {
	flags.StringVar(&c.data, "data", "./data", "directory that holds the log, the views, the vault and the token key")
	flags.StringVar(&c.eventstore, "eventstore", embedded, "\"embedded\", or the connection string (esdb://…) of an EventStoreDB cluster")
	flags.StringVar(&c.views, "views", sqlite, "where read models live: \"sqlite\", in the data directory, or the URL (postgres://…) of a PostgreSQL database")
	flags.StringVar(&c.media, "media", "", "where files are kept: a folder, or a bucket's URL (s3://…); media below the data directory if it is empty")
	flags.StringVar(&c.logLevel, "log-level", "info", "debug, info, warn or error")
}

// complete fills flags that were not given from PARLEY_… variables, and checks
// what every command shares.
func (c *config) complete(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var bad error
	flags.VisitAll(func(flag *pflag.Flag) {
		name := variable(flag.Name)
		value, set := lookup(name)
		if flag.Changed || !set || bad != nil {
			return
		}
		if err := flags.Set(flag.Name, value); err != nil {
			bad = misused("%s: %w", name, err)
		}
	})
	if bad != nil {
		return bad
	}
	if c.eventstore != embedded && !isCluster(c.eventstore) {
		return misused("--eventstore must be %q or begin with esdb:// or esdb+discover://, not %q", embedded, c.eventstore)
	}
	if c.views != sqlite && !isPostgres(c.views) {
		return misused("--views must be %q or begin with postgres://, not %q", sqlite, c.views)
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.logLevel)); err != nil {
		return misused("--log-level: %w", err)
	}
	return nil
}

// isCluster tells a cluster's connection string from other names of logs.
func isCluster(log string) bool {
	return strings.HasPrefix(log, "esdb://") || strings.HasPrefix(log, "esdb+discover://")
}

// variable is the environment's name for a flag.
func variable(flag string) string {
	return "PARLEY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

func (c *config) logger() *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.logLevel)); err != nil {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

const (
	vaultFolder = "vault"
	mediaFolder = "media"
)

// What is kept where below the data directory.
func (c *config) logDir() string     { return filepath.Join(c.data, "log") }
func (c *config) viewsDir() string   { return filepath.Join(c.data, "views") }
func (c *config) vaultDir() string   { return filepath.Join(c.data, vaultFolder) }
func (c *config) mediaStore() string { return cmp.Or(c.media, filepath.Join(c.data, mediaFolder)) }
func (c *config) tokenKey() string   { return filepath.Join(c.data, "token.key") }

func (c *config) makeData() error {
	if err := os.MkdirAll(c.data, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	return nil
}
