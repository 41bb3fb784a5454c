package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/pprof"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"parley/cmd/parley/bench"
	"parley/events"
)

// benchFlags are the flags of all benchmarks.
type benchFlags struct {
	options    bench.Options
	data       string
	json       bool
	cpuProfile string
}

func benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this program against bare ones in the same run",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		benchmark("send", "Durable sends over HTTP, against a bare handler with a group-committed append", bench.Send,
			bench.Options{Rooms: 16, Rounds: 5}),
		benchmark("page", "The newest 50 messages over HTTP, against a bare handler that sends the same bytes", bench.Page,
			bench.Options{Rooms: 5000, Rounds: 5}),
		benchmark("replay", "Views rebuilt from the log, against a bare scan of it", bench.Replay,
			bench.Options{Rooms: 1, Rounds: 3}),
	)
	return cmd
}

type measure func(context.Context, bench.Program, bench.Options) (*bench.Report, error)

func benchmark(name, short string, run measure, defaults bench.Options) *cobra.Command {
	f := &benchFlags{options: defaults}
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.run(cmd, run) },
	}
	o, flags := &f.options, cmd.Flags()
	flags.IntVar(&o.Rounds, "rounds", defaults.Rounds, "how many times the two sides take turns")
	flags.StringVar(&f.data, "data", os.TempDir(), "directory for temporary data, on the disk to be measured")
	flags.BoolVar(&f.json, "json", false, "print the report as JSON")
	flags.StringVar(&f.cpuProfile, "cpuprofile", "", "write a profile to this file; its label \"side\" tells parley from control")
	flags.IntVar(&o.Events, "events", 1_000_000, "how many events are replayed")
	flags.IntVar(&o.Clients, "clients", 64, "how many clients ask at a time")
	flags.IntVar(&o.Rooms, "rooms", defaults.Rooms, "in how many conversations")
	flags.DurationVar(&o.Duration, "duration", 3*time.Second, "how long a round takes")
	flags.IntVar(&o.Requests, "requests", 0, "end a round after so many requests instead")
	unused := []string{"events"}
	if name == "replay" {
		unused = []string{"clients", "rooms", "duration", "requests"}
	}
	for _, flag := range unused {
		if err := flags.MarkHidden(flag); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return cmd
}

func (f *benchFlags) run(cmd *cobra.Command, run measure) (err error) {
	f.options.Err, f.options.Terminal = os.Stderr, term.IsTerminal(int(os.Stderr.Fd()))
	if err := f.options.Check(); err != nil {
		return misuseError{err}
	}
	if f.options.Dir, err = os.MkdirTemp(f.data, "parley-bench-*"); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(f.options.Dir)) }()
	stop, err := f.profile()
	if err != nil {
		return err
	}
	report, err := run(cmd.Context(), benchProgram, f.options)
	if err = errors.Join(err, stop()); err != nil {
		return err
	}
	if f.json {
		return report.JSON(cmd.OutOrStdout())
	}
	return report.Table(cmd.OutOrStdout())
}

// profile begins a profile if one is asked for, and returns what ends it.
func (f *benchFlags) profile() (stop func() error, err error) {
	if f.cpuProfile == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(f.cpuProfile)
	if err != nil {
		return nil, fmt.Errorf("--cpuprofile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return file.Close()
	}, nil
}

// benchProgram is this program as it measures itself.
var benchProgram = bench.Program{Open: benchHouse, OpenJournal: benchJournal, Serve: benchServe}

// benchConfig is of a house that says nothing but what goes wrong.
func benchConfig(dir string) *config {
	return &config{data: dir, eventstore: embedded, views: "sqlite", logLevel: "warn"}
}

func benchHouse(ctx context.Context, dir string) (*bench.House, error) {
	c := benchConfig(dir)
	h, err := open(ctx, c, c.logger())
	if err != nil {
		return nil, err
	}
	handler, err := h.handler(false, -1)
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return &bench.House{
		Handler: handler, Commands: h.commands, Journal: h.journal, Views: h.views, Tokens: h.tokens, Close: h.close,
	}, nil
}

func benchJournal(ctx context.Context, dir string) (_ *events.Journal, _ func() error, err error) {
	c := benchConfig(dir)
	h := &house{config: c, logger: c.logger(), stop: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if err := c.makeData(); err != nil {
		return nil, nil, err
	}
	log, err := h.openLog(ctx)
	if err != nil {
		return nil, nil, err
	}
	keys, err := h.openVault(ctx)
	if err != nil {
		return nil, nil, err
	}
	return &events.Journal{Log: log, Keys: keys, Now: time.Now, NewID: newID}, h.close, nil
}

func benchServe(ctx context.Context, l net.Listener, handler http.Handler, ready func() error) error {
	return serveHTTP(ctx, l, handler, benchConfig("").logger(), ready)
}
