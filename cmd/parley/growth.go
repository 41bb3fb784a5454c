package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"parley/handlers"
	"parley/projections"
)

// growthFlags are the questions that growth answers.
type growthFlags struct {
	from, to, interval, product, since, asOf, format string
}

func growthCommand(c *config) *cobra.Command {
	f := new(growthFlags)
	cmd := &cobra.Command{
		Use:   "growth",
		Short: "Show users over time",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.show(cmd, c, "/v1/growth", map[string]string{
				"from": f.from, "to": f.to, "interval": f.interval, "product": f.product,
			}, growthTable)
		},
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.from, "from", "", "first day, as 2015-03-25 or RFC 3339")
	flags.StringVar(&f.to, "to", "", "end, not included")
	flags.StringVar(&f.format, "format", "table", "table, json or csv")
	cmd.Flags().StringVar(&f.interval, "interval", "", "day, week or month")
	cmd.Flags().StringVar(&f.product, "product", "", "one product only")
	summary := &cobra.Command{
		Use:   "summary",
		Short: "Compare the number of users at two times",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.show(cmd, c, "/v1/growth/summary", map[string]string{"since": f.since, "asOf": f.asOf}, summaryTable)
		},
	}
	summary.Flags().StringVar(&f.since, "since", "", "the earlier time")
	summary.Flags().StringVar(&f.asOf, "as-of", "", "the later time; now if absent")
	ranking := &cobra.Command{
		Use:   "ranking",
		Short: "Rank products by growth",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.show(cmd, c, "/v1/growth/ranking", map[string]string{"from": f.from, "to": f.to}, rankingTable)
		},
	}
	cmd.AddCommand(summary, ranking, retentionCommand(c, f), chartCommand(c, f))
	return cmd
}

// show asks the API and prints the answer as it is, or as a table.
func (f *growthFlags) show(cmd *cobra.Command, c *config, path string, asked map[string]string, table func(io.Writer, []byte) error) (err error) {
	query := flagQuery(asked)
	switch f.format {
	case "table":
	case "json", "csv":
		query.Set("format", f.format)
		table = func(w io.Writer, body []byte) error {
			_, err := w.Write(body)
			return err
		}
	default:
		return misused("--format must be table, json or csv, not %q", f.format)
	}
	a, err := openAPI(cmd.Context(), c, handlers.Analyst)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	body, err := a.get(cmd.Context(), path, query)
	if err != nil {
		return err
	}
	return table(cmd.OutOrStdout(), body)
}

const dayLayout = "2006-01-02"

func growthTable(w io.Writer, body []byte) error {
	var series projections.GrowthSeries
	if err := json.Unmarshal(body, &series); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%s\tusers\tregistered\tactive\t\n", series.Interval)
	for _, p := range series.Points {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t\n", p.Start.Format(dayLayout), p.Users, p.Registered, p.Active)
	}
	return t.Flush()
}

func summaryTable(w io.Writer, body []byte) error {
	var s projections.GrowthSummary
	if err := json.Unmarshal(body, &s); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "users at %s\t%d\n", s.AsOf.Format(time.RFC3339), s.Users)
	fmt.Fprintf(t, "users at %s\t%d\n", s.Since.Format(time.RFC3339), s.UsersSince)
	fmt.Fprintf(t, "added\t%d (%s)\n", s.Added, percent(s.GrowthPercent))
	return t.Flush()
}

func rankingTable(w io.Writer, body []byte) error {
	var ranking projections.GrowthRanking
	if err := json.Unmarshal(body, &ranking); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "product\tusers\tadded\tgrowth")
	for _, p := range ranking.Products {
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\n", p.Product, p.Users, p.Added, percent(p.GrowthPercent))
	}
	return t.Flush()
}

// percent is empty-handed where growth has no base to be measured by.
func percent(growth *float64) string {
	if growth == nil {
		return "new"
	}
	return strconv.FormatFloat(*growth, 'f', 1, 64) + " %"
}
