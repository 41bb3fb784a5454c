package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"runtime/pprof"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"parley/cmd/parley/bench"
	"parley/events"
	"parley/events/node"
	"parley/events/node/wire"
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
			bench.Options{Clients: 64, Rooms: 16, Rounds: 5, Duration: 3 * time.Second}),
		benchmark("page", "The newest 50 messages over HTTP, against a bare handler that sends the same bytes", bench.Page,
			bench.Options{Clients: 64, Rooms: 5000, Rounds: 5, Duration: 3 * time.Second}),
		benchmark("inbox", "The inboxes of people in many conversations, against a bare handler that sends the same bytes", bench.Inbox,
			bench.Options{Clients: 2, Rooms: 1000, Rounds: 5, Duration: 2 * time.Second}),
		benchmark("live", "Messages delivered live to many listeners, which are a process of their own, against a bare handler with the same listeners", bench.Live,
			bench.Options{Listeners: 1000, Fanout: 10, Rate: 1000, Rounds: 3, Duration: 3 * time.Second}),
		benchmark("orders", "Updates of orders against plain sends, a customer's card against a bare handler, and an import", bench.Orders,
			bench.Options{Events: 1000, Clients: 64, Rooms: 16, Rounds: 5, Duration: 2 * time.Second}),
		benchmark("attachments", "Files shared by an app, uploaded and downloaded, against a bare handler that copies the same bytes", bench.Attachments,
			bench.Options{Clients: 8, Rounds: 3, Duration: time.Second}),
		benchmark("webhooks", "Deliveries to apps' webhooks of which one in ten hangs, against a bare client that signs and posts the same bodies", bench.Webhooks,
			bench.Options{Clients: 100, Rooms: 400, Rounds: 5, Requests: 12_000}),
		benchmark("replay", "Views rebuilt from the log, in --views, against a bare scan of it", bench.Replay,
			bench.Options{Events: 1_000_000, Rounds: 3}),
		benchmark("search", "Searches of one's own conversations over HTTP, against a bare handler that sends the same bytes", bench.Search,
			bench.Options{Events: 1_000_000, Clients: 4, Rooms: 20_000, Rounds: 3, Duration: 2 * time.Second}),
		benchmark("append", "Durable appends to the embedded log, in process and over gRPC, against a group-committed file", bench.Append,
			bench.Options{Rounds: 5, Duration: time.Second}),
		benchmark("read", "The log read in process and over gRPC, against a bare file and a bare stream", bench.Read,
			bench.Options{Events: 500_000, Rounds: 5}),
		benchmark("size", "Start, appends, disk and memory as the log grows, against a small log beside it", bench.Size,
			bench.Options{Events: 10_000_000, Clients: 64, Rounds: 5, Requests: 20_000}),
		crowdCommand(),
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
	f.define(cmd)
	return cmd
}

// define adds the flags of what the benchmark has a default for; it has no use
// for the others, which are set to what can be measured.
func (f *benchFlags) define(cmd *cobra.Command) {
	o, flags := &f.options, cmd.Flags()
	for _, number := range []struct {
		value       *int
		name, usage string
	}{
		{&o.Events, "events", "how many events the log has, or orders a customer and the imported folder"},
		{&o.Clients, "clients", "how many clients ask at a time, or endpoints are delivered to"},
		{&o.Rooms, "rooms", "in how many conversations"},
		{&o.Listeners, "listeners", "how many listen, each with a token and a stream of their own"},
		{&o.Fanout, "fanout", "how many listen to the same conversation"},
		{&o.Rate, "rate", "how many messages are sent in a second, to all conversations together"},
	} {
		if *number.value == 0 {
			*number.value = 1
			continue
		}
		flags.IntVar(number.value, number.name, *number.value, number.usage)
	}
	switch {
	case o.Duration > 0:
		flags.DurationVar(&o.Duration, "duration", o.Duration, "how long a round takes")
		flags.IntVar(&o.Requests, "requests", 0, "end a round after so many requests instead")
	case o.Requests > 0:
		flags.IntVar(&o.Requests, "requests", o.Requests, "how many requests a round has")
	default:
		o.Requests = 1
	}
}

func (f *benchFlags) run(cmd *cobra.Command, run measure) (err error) {
	f.options.Err, f.options.Terminal = os.Stderr, term.IsTerminal(int(os.Stderr.Fd()))
	if views, err := cmd.Flags().GetString("views"); err == nil && isPostgres(views) {
		f.options.Postgres = views
	}
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

// crowdCommand is the listeners' side of bench live.
func crowdCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "crowd",
		Short:  "Listen and send as standard input says, for bench live",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return bench.Crowd(cmd.Context(), os.Stdin, os.Stdout) },
	}
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
var benchProgram = bench.Program{Open: benchHouse, OpenJournal: benchJournal, OpenNode: benchNode, Serve: benchServe, Crowd: benchCrowd}

// benchConfig is of a house that says nothing but what goes wrong.
func benchConfig(dir string) *config {
	return &config{data: dir, eventstore: embedded, views: sqlite, logLevel: "warn"}
}

func benchHouse(ctx context.Context, dir, postgres string) (*bench.House, error) {
	c := benchConfig(dir)
	c.outbound = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} // where the receivers are
	if postgres != "" {
		c.views = postgres
	}
	h, err := open(ctx, c, c.logger())
	if err != nil {
		return nil, err
	}
	handler, err := h.handler()
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return &bench.House{
		Handler: handler, Commands: h.commands, Journal: h.journal, Views: h.views, Tokens: h.tokens, Webhooks: h.webhooks,
		Rest: func() { h.rest() }, Project: h.project, Close: h.close,
	}, nil
}

func benchJournal(ctx context.Context, dir string) (_ *events.Journal, _ func() error, err error) {
	c := benchConfig(dir)
	h := newHouse(c, c.logger())
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
	keys, err := openVault(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	h.closers = append(h.closers, keys)
	return &events.Journal{Log: log, Keys: keys, Now: time.Now, NewID: newID}, h.close, nil
}

func benchNode(dir string) (*bench.Node, error) {
	logger := benchConfig("").logger()
	n, err := node.Open(dir, node.Options{Logger: logger})
	if err != nil {
		return nil, err
	}
	serve := func(ctx context.Context, l net.Listener) error {
		server := wire.NewServer(n, wire.Options{Logger: logger})
		served := make(chan error, 1)
		go func() { served <- server.Serve(l) }()
		<-ctx.Done()
		ending, cancel := context.WithTimeout(context.Background(), drainTimeout)
		defer cancel()
		return errors.Join(server.Shutdown(ending), <-served)
	}
	return &bench.Node{Log: n, Serve: serve, Copy: n.Checkpoint, Close: n.Close}, nil
}

func benchCrowd(ctx context.Context) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, self, "bench", "crowd"), nil
}

func benchServe(ctx context.Context, l net.Listener, handler http.Handler, ready func() error) error {
	return serveHTTP(ctx, l, handler, benchConfig("").logger(), ready)
}
