package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"parley/events"
	"parley/handlers"
)

func auditCommand(c *config) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Inspect the event log",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(auditEventsCommand(c), auditEventCommand(c))
	return cmd
}

// auditFlags choose events.
type auditFlags struct {
	stream, kind, actor, from, to, after, format string
	limit                                        int
}

func auditEventsCommand(c *config) *cobra.Command {
	f := new(auditFlags)
	cmd := &cobra.Command{
		Use:   "events",
		Short: "List events in the order of the log",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return f.list(cmd, c) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.stream, "stream", "", "one stream only")
	flags.StringVar(&f.kind, "type", "", "one type only")
	flags.StringVar(&f.actor, "actor", "", "one actor only: a user's id, or another name")
	flags.StringVar(&f.from, "from", "", "events that the log took at this time or later")
	flags.StringVar(&f.to, "to", "", "events that the log took before this time")
	flags.StringVar(&f.after, "after", "", "events after this position")
	flags.IntVar(&f.limit, "limit", 100, "print at most so many; 0 for all")
	flags.StringVar(&f.format, "format", "table", "table, or json: one event a line")
	return cmd
}

// auditPage is one answer of /v1/audit/events.
type auditPage struct {
	Events []json.RawMessage `json:"events"`
	Next   *string           `json:"next"`
}

// list follows the pages until it has printed what was asked for.
func (f *auditFlags) list(cmd *cobra.Command, c *config) (err error) {
	write, flush, err := f.printer(cmd.OutOrStdout())
	if err != nil {
		return err
	}
	a, err := openAPI(cmd.Context(), c, handlers.Auditor)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	path, query := "/v1/audit/events", flagQuery(map[string]string{
		"stream": f.stream, "type": f.kind, "actor": f.actor, "from": f.from, "to": f.to, "after": f.after,
	})
	for printed := 0; ; {
		body, err := a.get(cmd.Context(), path, query)
		if err != nil {
			return err
		}
		var page auditPage
		if err := json.Unmarshal(body, &page); err != nil {
			return err
		}
		for _, event := range page.Events {
			if err := write(event); err != nil {
				return err
			}
			if printed++; printed == f.limit {
				return flush()
			}
		}
		if page.Next == nil {
			return flush()
		}
		next, err := url.Parse(*page.Next)
		if err != nil {
			return err
		}
		path, query = next.Path, next.Query()
	}
}

// printer writes events in the format asked for.
func (f *auditFlags) printer(w io.Writer) (write func(json.RawMessage) error, flush func() error, err error) {
	switch f.format {
	case "json":
		return func(event json.RawMessage) error {
			_, err := fmt.Fprintf(w, "%s\n", event)
			return err
		}, func() error { return nil }, nil
	case "table":
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "position\tcreated\tstream\trevision\ttype\tactor")
		return func(event json.RawMessage) error { return auditRow(t, event) }, t.Flush, nil
	}
	return nil, nil, misused("--format must be table or json, not %q", f.format)
}

func auditRow(w io.Writer, event json.RawMessage) error {
	var row struct {
		Position events.Position `json:"position"`
		Created  time.Time       `json:"created"`
		Stream   string          `json:"stream"`
		Revision uint64          `json:"revision"`
		Type     string          `json:"type"`
		Metadata struct {
			Actor string `json:"actor"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(event, &row); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%s\t%s\n",
		row.Position, row.Created.Format(time.RFC3339), row.Stream, row.Revision, row.Type, row.Metadata.Actor)
	return err
}

func auditEventCommand(c *config) *cobra.Command {
	return &cobra.Command{
		Use:   "event POSITION",
		Short: "Print one event in full",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			a, err := openAPI(cmd.Context(), c, handlers.Auditor)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, a.close()) }()
			body, err := a.get(cmd.Context(), "/v1/audit/events/"+url.PathEscape(args[0]), nil)
			if err != nil {
				return err
			}
			var event any
			if err := json.Unmarshal(body, &event); err != nil {
				return err
			}
			pretty, err := json.MarshalIndent(event, "", "  ")
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", pretty)
			return err
		},
	}
}
