package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"parley/cmd/parley/moving"
	"parley/events"
	"parley/events/vault"
)

// moveFlags name two houses, each by a data directory or by the connection
// string of a cluster and the data directory of its vault.
type moveFlags struct{ from, to, fromKeys, toKeys string }

func copyCommand(c *config) *cobra.Command {
	m := new(moveFlags)
	cmd := &cobra.Command{
		Use:   "copy --from LOG --to LOG",
		Short: "Copy a log and its keys between a data directory and a cluster, and compare them",
		Long: "Copy a log and its keys between data directories and EventStoreDB clusters. A copy that was\n" +
			"stopped goes on when it is run again. At the end both logs are read and their digests compared.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return m.run(cmd, c) },
	}
	flags := cmd.Flags()
	flags.StringVar(&m.from, "from", "", "data directory, or connection string of a cluster")
	flags.StringVar(&m.to, "to", "", "data directory, or connection string of a cluster")
	flags.StringVar(&m.fromKeys, "from-keys", "", "data directory of the source's vault, if --from is a cluster")
	flags.StringVar(&m.toKeys, "to-keys", "", "data directory for the target's vault, if --to is a cluster")
	return cmd
}

func (m *moveFlags) run(cmd *cobra.Command, c *config) (err error) {
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
	keys, keysErr := m.copyKeys(ctx)
	if keysErr != nil && !errors.Is(keysErr, errNoKeys) {
		return keysErr
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
	fmt.Fprintf(cmd.OutOrStdout(), "copied: %d events, %d were there already, %d keys, digest %s\n",
		copied.Events, copied.Present, keys, digest)
	return keysErr
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

// copyKeys takes the keys to their new vault, under the master key that they
// have. They go first: no event must arrive before its key.
func (m *moveFlags) copyKeys(ctx context.Context) (_ int, err error) {
	if m.fromKeys == "" || m.toKeys == "" {
		return 0, fmt.Errorf("%w: name --from-keys and --to-keys", errNoKeys)
	}
	source := &house{config: &config{data: m.fromKeys}}
	keys, err := source.openVault(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	taken, err := adoptKeys(ctx, filepath.Join(m.fromKeys, vaultFolder), filepath.Join(m.toKeys, vaultFolder), keys.Travellers(ctx))
	if err != nil {
		return 0, err
	}
	return taken, m.needMaster()
}

// needMaster tells the operator where the master key has to be.
func (m *moveFlags) needMaster() error {
	path := filepath.Join(m.toKeys, vaultFolder, vault.MasterFileName)
	if _, err := os.Stat(path); err == nil || os.Getenv(vault.MasterVariable) != "" {
		return nil
	}
	_, err := fmt.Fprintf(os.Stderr, "copy the master key by hand, it is never moved for you: %s to %s\n",
		filepath.Join(m.fromKeys, vaultFolder, vault.MasterFileName), path)
	return err
}
