package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func verifyCommand(c *config) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check a whole data directory against itself",
		Long: "Check a whole data directory against itself: every event is where its stream, its revision,\n" +
			"its position and its id say, nothing is missing in between, every key of the vault opens,\n" +
			"and every file that was sent is there and whole.\n" +
			"Nothing may serve the directory meanwhile; a backup can be verified at any time.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if c.eventstore != embedded {
				return misused("parley verify checks an embedded log; a cluster checks itself")
			}
			if _, err := os.Stat(c.logDir()); err != nil {
				return fmt.Errorf("there is nothing to verify: %w", err)
			}
			h, err := openStores(cmd.Context(), c, c.logger())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, h.close()) }()
			findings := 0
			report := func(finding string) {
				findings++
				fmt.Fprintln(cmd.OutOrStdout(), finding)
			}
			logErr := h.node.Verify(cmd.Context(), report)
			keys, err := h.vault.Verify(cmd.Context(), report)
			if err != nil {
				return err
			}
			files, filesErr := 0, error(nil)
			if logErr == nil && findings == 0 { // a log that is damaged cannot say what files there are
				files, filesErr = h.verifyMedia(cmd.Context(), report)
			}
			if findings > 0 {
				return fmt.Errorf("%s is damaged: %d findings; restore it from a backup", c.data, findings)
			}
			if err := errors.Join(logErr, filesErr); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "verified: %d positions, %d keys, %d files, nothing wrong\n", h.node.Tip(), keys, files)
			return err
		},
	}
}
