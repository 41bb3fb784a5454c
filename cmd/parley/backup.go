package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"parley/events/node"
	"parley/events/vault"
)

func backupCommand(c *config) *cobra.Command {
	return &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy the log, the vault, the files and the deliveries to webhooks into a new directory, while serving",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			directory, err := filepath.Abs(args[0])
			if err != nil {
				return misuseError{err}
			}
			if c.eventstore != embedded {
				return misused("parley backup copies an embedded log; a cluster has a backup of its own")
			}
			if err := takeBackup(cmd.Context(), c, directory); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(),
				"backup: %s holds the log, the vault, the files that were sent and the deliveries to webhooks\nbackup: the master key is not in it; keep %s or PARLEY_MASTER_KEY apart from it\n",
				directory, filepath.Join(c.vaultDir(), vault.MasterFileName))
			return err
		},
	}
}

// takeBackup asks the server that owns the data directory, or copies it
// itself if none runs.
func takeBackup(ctx context.Context, c *config, directory string) (err error) {
	if _, err := os.Stat(c.logDir()); err != nil {
		return fmt.Errorf("there is nothing to back up: %w", err)
	}
	h, err := openStores(ctx, c, c.logger())
	if errors.Is(err, node.ErrInUse) {
		return askServer(ctx, c, "/backup", backupRequest{directory})
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	return h.backup(ctx, directory)
}

// backup takes a backup, which does not bear its name before it is whole.
func (h *house) backup(ctx context.Context, directory string) error {
	if !filepath.IsAbs(directory) {
		return fmt.Errorf("the backup's directory must be an absolute path, not %q", directory)
	}
	if h.node == nil {
		return errors.New("the log is a cluster's, which has a backup of its own")
	}
	if _, err := os.Stat(directory); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s exists already: name a new directory", directory), err)
	}
	part := directory + ".part"
	if _, err := os.Stat(part); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s is of a backup that is being taken or was cut short: if none is, remove it", part), err)
	}
	if err := h.backupTo(ctx, part); err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	return putInPlace(part, directory)
}

// backupTo copies the log, then the vault and the files: what an event speaks of
// is there before the event is in the log, so that the copy has everything
// that the copied log needs. Deliveries are copied before the log, which they
// follow. The views are not copied, since the log rebuilds them; neither are
// files in a bucket, which has a backup of its own.
func (h *house) backupTo(ctx context.Context, directory string) (err error) {
	deliveries, err := h.backupDeliveries(ctx, filepath.Dir(directory))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(deliveries)) }()
	if err := h.node.Checkpoint(directory); err != nil {
		return err
	}
	if deliveries != "" {
		if err := os.Rename(deliveries, filepath.Join(directory, deliveriesFolder)); err != nil {
			return err
		}
	}
	if err := h.vault.Copy(ctx, filepath.Join(directory, vaultFolder, vault.FileName)); err != nil {
		return err
	}
	return h.backupMedia(ctx, filepath.Join(directory, mediaFolder))
}

// putInPlace gives what is whole its name, durably.
func putInPlace(part, name string) error {
	if err := os.Rename(part, name); err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(parent.Sync(), parent.Close())
}
