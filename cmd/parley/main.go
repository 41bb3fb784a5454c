// Command parley is the messaging backend and its tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	done   = 0
	failed = 1
	misuse = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run carries out one command line and answers with its exit code.
func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(args)
	// The second interrupt ends a drain that takes too long.
	err := root.ExecuteContext(ctx)
	var misused misuseError
	switch {
	case err == nil:
		return done
	case errors.As(err, &misused):
		fmt.Fprintf(os.Stderr, "parley: %v\nRun 'parley help' for usage.\n", err)
		return misuse
	default:
		fmt.Fprintf(os.Stderr, "parley: %v\n", err)
		return failed
	}
}

// misuseError is a command line that cannot be carried out as it was written.
type misuseError struct{ error }

func misused(format string, args ...any) error {
	return misuseError{fmt.Errorf(format, args...)}
}

func (m misuseError) Unwrap() error { return m.error }

func newRoot() *cobra.Command {
	config := new(config)
	root := &cobra.Command{
		Use:           "parley",
		Short:         "An event-sourced messaging backend",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return config.complete(cmd.Flags(), os.LookupEnv)
		},
	}
	config.register(root.PersistentFlags())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return misuseError{err} })
	root.AddCommand(
		serveCommand(config),
		nodeCommand(config),
		demoCommand(config),
		importCommand(config),
		exportCommand(config),
		copyCommand(config),
		backupCommand(config),
		verifyCommand(config),
		rebuildCommand(config),
		checkCommand(config),
		tokenCommand(config),
		appCommand(),
		growthCommand(config),
		replayCommand(config),
		auditCommand(config),
		benchCommand(),
		versionCommand(),
	)
	wrapArgs(root)
	return root
}

// wrapArgs makes every complaint about arguments a misuse.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return misuseError{err}
			}
			return nil
		}
	}
	for _, child := range cmd.Commands() {
		wrapArgs(child)
	}
}
