package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"parley/events"
	"parley/events/node"
)

func verifyCommand(c *config) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check a whole data directory against itself",
		Long: "Check a whole data directory against itself: every event is where its stream, its revision,\n" +
			"its position and its id say, nothing is missing in between, every key of the vault opens,\n" +
			"everybody in the log has one, and every file that was sent is there and whole.\n" +
			"Nothing may serve the directory meanwhile; a backup can be verified at any time.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if c.eventstore != embedded {
				return misused("parley verify checks an embedded log; a cluster checks itself")
			}
			if _, err := os.Stat(c.logDir()); err != nil {
				return fmt.Errorf("there is nothing to verify: %w", err)
			}
			h, err := openToVerify(cmd.Context(), c)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, h.close()) }()
			findings := 0
			counts, err := h.verify(cmd.Context(), func(finding string) {
				findings++
				fmt.Fprintln(cmd.OutOrStdout(), finding)
			})
			if findings > 0 {
				return fmt.Errorf("%s is damaged: %d findings; restore it from a backup", c.data, findings)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "verified: %d positions, %d keys, %d files, nothing wrong\n",
				h.node.Tip(), counts.keys, counts.files)
			return err
		},
	}
}

// openToVerify opens the log, and the vault if there is one: it makes none.
func openToVerify(ctx context.Context, c *config) (_ *house, err error) {
	if isPostgres(c.views) || mustHaveVault(ctx, c) == nil {
		h, err := openStores(ctx, c, c.logger())
		return h, orABackup(err)
	}
	h := newHouse(c, c.logger())
	log, err := h.openLog(ctx)
	if err != nil {
		return nil, errors.Join(orABackup(err), h.close())
	}
	h.journal = &events.Journal{Log: log}
	return h, nil
}

// orABackup tells what to do about a directory that is being served.
func orABackup(err error) error {
	if errors.Is(err, node.ErrInUse) {
		return fmt.Errorf("%w; or verify a backup (parley backup), which needs no stop", err)
	}
	return err
}

// verified is what was checked.
type verified struct{ keys, files int }

// verify checks the log and what belongs to it, and tells report what is
// wrong. A log that is damaged cannot say what belongs to it.
func (h *house) verify(ctx context.Context, report func(finding string)) (counts verified, err error) {
	sound := true
	tell := func(finding string) {
		sound = false
		report(finding)
	}
	logErr := h.node.Verify(ctx, tell)
	if h.vault != nil {
		if counts.keys, err = h.vault.Verify(ctx, tell); err != nil {
			return counts, err
		}
	}
	if logErr != nil || !sound {
		return counts, logErr
	}
	people, missing, err := h.countPeople(ctx)
	switch {
	case err != nil:
		return counts, err
	case h.vault == nil && people == 0:
		return counts, nil
	case h.vault == nil:
		return counts, fmt.Errorf("not complete: the log is whole up to position %d, but there is no vault here, "+
			"so the names and texts of %d people cannot be read", h.node.Tip(), people)
	case missing > 0:
		tell(fmt.Sprintf("vault: it has no key of %d of %d people, so their names and texts cannot be read: "+
			"bring the keys from where the log comes from, with parley copy --from-keys DIR --to-keys %s", missing, people, h.config.data))
	}
	counts.files, err = h.verifyMedia(ctx, tell)
	return counts, err
}

// countPeople counts the people in the log, and those of them who have no key,
// whom everybody would take for forgotten.
func (h *house) countPeople(ctx context.Context) (people, missing int, err error) {
	prefix := strings.TrimSuffix(events.UserStream(uuid.Nil), uuid.Nil.String())
	for recorded, err := range h.journal.Log.ReadAll(ctx, events.Beginning, events.Forwards, 0) {
		if err != nil {
			return people, missing, err
		}
		id, isPerson := strings.CutPrefix(recorded.Stream, prefix)
		if !isPerson || recorded.Revision > 0 {
			continue
		}
		owner, err := uuid.Parse(id)
		if err != nil {
			continue // another program's
		}
		people++
		known := false
		if h.vault != nil {
			if known, err = h.vault.Knows(ctx, owner); err != nil {
				return people, missing, err
			}
		}
		if !known {
			missing++
		}
	}
	return people, missing, nil
}
