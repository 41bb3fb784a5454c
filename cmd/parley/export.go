package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"parley/cmd/parley/moving"
	"parley/events/node"
	"parley/events/vault"
)

// errNoKeys: the log arrived, but nobody can read its personal values there.
var errNoKeys = errors.New("not complete: the vault's keys did not travel along, so names and texts cannot be read there")

func exportCommand(c *config) *cobra.Command {
	var withoutKeys bool
	cmd := &cobra.Command{
		Use:   "export [FILE]",
		Short: "Write every event, and the vault's wrapped keys, as JSON lines",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if _, err := os.Stat(c.logDir()); err != nil && c.eventstore == embedded {
				return fmt.Errorf("there is nothing to export: %w", err)
			}
			h, err := openStores(cmd.Context(), c, c.logger())
			if errors.Is(err, node.ErrInUse) {
				return fmt.Errorf("%w; or export a backup (parley backup), which needs no stop", err)
			}
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, h.close()) }()
			out, finish, err := exportTo(cmd.OutOrStdout(), args)
			if err != nil {
				return err
			}
			var keys iter.Seq2[vault.WrappedKey, error]
			if !withoutKeys {
				keys = h.vault.Travellers(cmd.Context())
			}
			show, end := progress(cmd.ErrOrStderr(), "exported")
			digest, err := moving.Export(cmd.Context(), h.journal.Log, keys, out, show)
			end()
			if err := errors.Join(err, finish(err)); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "exported: %d events, digest %s\n", digest.Count(), digest)
			return nil
		},
	}
	cmd.Flags().BoolVar(&withoutKeys, "without-keys", false, "leave the vault's keys out: names and texts stay unreadable")
	return cmd
}

// exportTo is where an export goes. finish is told how it went and puts a
// whole file in its place.
func exportTo(stdout io.Writer, args []string) (w io.Writer, finish func(error) error, err error) {
	if len(args) == 0 || args[0] == "-" {
		return stdout, func(error) error { return nil }, nil
	}
	file, err := os.CreateTemp(filepath.Dir(args[0]), filepath.Base(args[0])+".part-*")
	if err != nil {
		return nil, nil, err
	}
	return file, func(failed error) error {
		err := errors.Join(file.Sync(), file.Close())
		if err == nil && failed == nil {
			return putInPlace(file.Name(), args[0])
		}
		return errors.Join(err, os.Remove(file.Name()))
	}, nil
}

// importLines is `parley import --format jsonl`.
func importLines(cmd *cobra.Command, c *config, path string) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines, err := moving.OpenLines(file)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	h := newHouse(c, c.logger())
	defer func() { err = errors.Join(err, h.close()) }()
	if err := c.makeData(); err != nil {
		return err
	}
	log, err := h.openLog(cmd.Context())
	if err != nil {
		return err
	}
	keys := 0
	if lines.HasKeys {
		if keys, err = adoptKeys(cmd.Context(), c.vaultDir(), c.vaultPlace(), lines.Keys()); err != nil {
			return err
		}
	}
	show, end := progress(cmd.ErrOrStderr(), "imported")
	digest, err := moving.Import(cmd.Context(), lines, log, show)
	end()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "imported: %d events, %d keys, digest %s\n", digest.Count(), keys, digest)
	if !lines.HasKeys {
		return errNoKeys
	}
	return nil
}

// adoptKeys puts keys into a vault, under the master key that they have.
func adoptKeys(ctx context.Context, masterDir string, to vault.Place, keys iter.Seq2[vault.WrappedKey, error]) (int, error) {
	if err := os.MkdirAll(masterDir, 0o700); err != nil {
		return 0, fmt.Errorf("making the vault's directory: %w", err)
	}
	environment := os.Getenv(vault.MasterVariable)
	file := filepath.Join(masterDir, vault.MasterFileName)
	if _, err := os.Stat(file); environment == "" && errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("the keys are wrapped under the master key of the house they come from: put it at %s, or into %s", file, vault.MasterVariable)
	}
	master, err := vault.LoadMaster(masterDir, environment, rand.Reader)
	if err != nil {
		return 0, err
	}
	return vault.Adopt(ctx, to, master, keys)
}
