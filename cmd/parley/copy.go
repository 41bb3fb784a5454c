package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"parley/cmd/parley/moving"
	"parley/events"
	"parley/events/vault"
)

// moveFlags name two houses, each by a data directory, or by the connection
// string of a cluster and where its vault is: a data directory or a PostgreSQL
// database.
type moveFlags struct{ from, to, fromKeys, toKeys string }

func copyCommand(c *config) *cobra.Command {
	m := new(moveFlags)
	cmd := &cobra.Command{
		Use:   "copy --from LOG --to LOG",
		Short: "Copy a log and its keys between a data directory and a cluster, and compare them",
		Long: "Copy a log and its keys between data directories and EventStoreDB clusters. A copy that was\n" +
			"stopped goes on when it is run again. At the end both logs are read and their digests compared.\n" +
			"Files that were sent go with keys from one data directory to another; keys and files stay where\n" +
			"they are if --from-keys and --to-keys are the same.\n" +
			"With --from-keys and --to-keys alone, only keys are copied.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return m.run(cmd, c) },
	}
	flags := cmd.Flags()
	flags.StringVar(&m.from, "from", "", "data directory, or connection string of a cluster")
	flags.StringVar(&m.to, "to", "", "data directory, or connection string of a cluster")
	flags.StringVar(&m.fromKeys, "from-keys", "", "where the source's vault is: a data directory, or the URL (postgres://…) of a database")
	flags.StringVar(&m.toKeys, "to-keys", "", "where the target's vault shall be: a data directory, or the URL (postgres://…) of a database")
	return cmd
}

func (m *moveFlags) run(cmd *cobra.Command, c *config) (err error) {
	for _, name := range []*string{&m.from, &m.to, &m.fromKeys, &m.toKeys} {
		if *name != "" && !strings.Contains(*name, "://") {
			*name = filepath.Clean(*name) // so that the same directory has the same name
		}
	}
	if m.from == "" && m.to == "" && m.fromKeys != "" && m.toKeys != "" {
		return m.copyKeysAlone(cmd, c)
	}
	if m.from == "" || m.to == "" || m.from == m.to {
		return misused("say what to copy: --from and --to, each a data directory or a connection string")
	}
	if m.fromKeys == "" && !isCluster(m.from) {
		m.fromKeys = m.from
	}
	if m.toKeys == "" && !isCluster(m.to) {
		m.toKeys = m.to
	}
	if !isCluster(m.from) {
		if _, err := os.Stat(filepath.Join(m.from, "log")); err != nil {
			return fmt.Errorf("--from: there is no log: %w", err)
		}
	}
	ctx := cmd.Context()
	from, closeFrom, err := openAnyLog(ctx, c, m.from)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	defer func() { err = errors.Join(err, closeFrom()) }()
	to, closeTo, err := openAnyLog(ctx, c, m.to)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer func() { err = errors.Join(err, closeTo()) }()
	keys, keysErr := m.copyKeys(ctx, c)
	if keysErr != nil && !errors.Is(keysErr, errNoKeys) {
		return keysErr
	}
	files, err := m.copyFiles(ctx)
	if err != nil {
		return err
	}
	show, end := progress(cmd.ErrOrStderr(), "copied")
	copied, err := moving.Copy(ctx, from, to, show)
	end()
	if err != nil {
		return fmt.Errorf("the copy stopped after %d events, and goes on when it is run again: %w", copied.Events, err)
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "comparing both logs")
	digest, err := moving.Compare(ctx, from, copied.Last, to)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "copied: %d events, %d were there already, %d keys, %d files, digest %s\n",
		copied.Events, copied.Present, keys, files, digest)
	return keysErr
}

// copyFiles takes the files that were sent along, if they are in the data
// directory where the source's keys are and there is one at the target. Like
// keys, they go before the events that speak of them.
func (m *moveFlags) copyFiles(ctx context.Context) (int, error) {
	if m.fromKeys == "" || isPostgres(m.fromKeys) || m.fromKeys == m.toKeys {
		return 0, nil
	}
	from := filepath.Join(m.fromKeys, mediaFolder)
	if found, err := os.ReadDir(from); errors.Is(err, fs.ErrNotExist) || err == nil && len(found) == 0 {
		return 0, nil
	}
	if m.toKeys == "" || isPostgres(m.toKeys) {
		_, err := fmt.Fprintf(os.Stderr, "copy the files that were sent by hand: %s to where the server's --media will be\n", from)
		return 0, err
	}
	return copyMedia(ctx, from, filepath.Join(m.toKeys, mediaFolder))
}

// openAnyLog opens the log of a data directory or of a cluster.
func openAnyLog(ctx context.Context, c *config, name string) (events.Log, func() error, error) {
	one := *c
	one.data, one.eventstore = name, embedded
	if isCluster(name) {
		one.data, one.eventstore = "", name
	}
	h := newHouse(&one, c.logger())
	log, err := h.openLog(ctx)
	return log, h.close, err
}

func (m *moveFlags) copyKeysAlone(cmd *cobra.Command, c *config) error {
	keys, err := m.copyKeys(cmd.Context(), c)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "copied: %d keys\n", keys)
	return err
}

// copyKeys takes the keys to their new vault, under the master key that they
// have. They go first: no event must arrive before its key.
func (m *moveFlags) copyKeys(ctx context.Context, c *config) (_ int, err error) {
	if m.fromKeys == "" || m.toKeys == "" {
		return 0, fmt.Errorf("%w: name --from-keys and --to-keys, both the same if the keys stay where they are", errNoKeys)
	}
	if m.fromKeys == m.toKeys && m.from == "" {
		return 0, misused("--from-keys and --to-keys are the same")
	}
	from, to := m.keeper(c, m.fromKeys), m.keeper(c, m.toKeys)
	if err := mustHaveVault(ctx, from); err != nil {
		return 0, fmt.Errorf("--from-keys: %w", err)
	}
	if m.fromKeys == m.toKeys {
		return 0, nil
	}
	keys, err := openVault(ctx, from)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	taken, err := adoptKeys(ctx, masterDir(from, to), to.vaultPlace(), keys.Travellers(ctx))
	if errors.Is(err, vault.ErrWrongMaster) {
		return 0, fmt.Errorf("%w: --to-keys has a master key of its own; if nothing was sealed under it, move it away: %s",
			err, filepath.Join(to.vaultDir(), vault.MasterFileName))
	}
	if err != nil {
		return 0, err
	}
	return taken, needMaster(from, to)
}

// masterDir is where the master key is under which the target will open its
// keys: its own, if it has one.
func masterDir(from, to *config) string {
	if _, err := os.Stat(filepath.Join(to.vaultDir(), vault.MasterFileName)); err == nil && !isPostgres(to.views) {
		return to.vaultDir()
	}
	return from.vaultDir()
}

// keeper is a house of which only the keys matter. The master key of a database
// is looked for in the directory that is named beside it.
func (m *moveFlags) keeper(c *config, name string) *config {
	if !isPostgres(name) {
		return &config{data: name, views: sqlite}
	}
	data := c.data
	for _, other := range []string{m.fromKeys, m.toKeys} {
		if !isPostgres(other) {
			data = other
		}
	}
	return &config{data: data, views: name}
}

func mustHaveVault(ctx context.Context, c *config) error {
	if !isPostgres(c.views) {
		if _, err := os.Stat(filepath.Join(c.vaultDir(), vault.FileName)); err != nil {
			return fmt.Errorf("there is no vault: %w", err)
		}
		return nil
	}
	place := vault.Database(c.views)
	made, err := place.Exists(ctx)
	if err == nil && !made {
		err = fmt.Errorf("there is no vault %s", place)
	}
	return err
}

// needMaster tells the operator where the master key has to be.
func needMaster(from, to *config) error {
	if os.Getenv(vault.MasterVariable) != "" {
		return nil
	}
	source, target := filepath.Join(from.vaultDir(), vault.MasterFileName), filepath.Join(to.vaultDir(), vault.MasterFileName)
	if isPostgres(to.views) {
		_, err := fmt.Fprintf(os.Stderr, "give the master key to each server by hand, it is never moved for you: the content of %s in %s\n", source, vault.MasterVariable)
		return err
	}
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	_, err := fmt.Fprintf(os.Stderr, "copy the master key by hand, it is never moved for you: %s to %s\n", source, target)
	return err
}
