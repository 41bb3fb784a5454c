package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"parley/handlers"
	"parley/projections"
)

// retentionCommand and chartCommand are questions of parley growth too.
func retentionCommand(c *config, f *growthFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "retention",
		Short: "Show how many of each cohort's users went on",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.show(cmd, c, "/v1/growth/retention", map[string]string{
				"from": f.from, "to": f.to, "asOf": f.asOf, "interval": f.interval, "product": f.product,
			}, retentionTable)
		},
	}
	cmd.Flags().StringVar(&f.interval, "interval", "", "week or month")
	cmd.Flags().StringVar(&f.product, "product", "", "one product only")
	cmd.Flags().StringVar(&f.asOf, "as-of", "", "until when activity counts; now if absent")
	return cmd
}

// retentionTable has a line for each cohort, and a column for each interval
// after its own.
func retentionTable(w io.Writer, body []byte) error {
	var retention projections.GrowthRetention
	if err := json.Unmarshal(body, &retention); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%s\tusers\t", retention.Interval)
	for _, r := range retention.Cohorts[0].Retained {
		fmt.Fprintf(t, "+%d\t", r.Later)
	}
	fmt.Fprintln(t)
	for _, cohort := range retention.Cohorts {
		fmt.Fprintf(t, "%s\t%d\t", cohort.Start.Format(dayLayout), cohort.Users)
		for _, r := range cohort.Retained {
			if r.Percent == nil {
				fmt.Fprint(t, "-\t")
				continue
			}
			fmt.Fprintf(t, "%.0f %%\t", *r.Percent)
		}
		fmt.Fprintln(t)
	}
	return t.Flush()
}

func chartCommand(c *config, f *growthFlags) *cobra.Command {
	var products, measure, theme string
	cmd := &cobra.Command{
		Use:   "chart",
		Short: "Print users over time as a picture (SVG)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			a, err := openAPI(cmd.Context(), c, handlers.Analyst)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, a.close()) }()
			picture, err := a.get(cmd.Context(), "/v1/growth/chart.svg", flagQuery(map[string]string{
				"from": f.from, "to": f.to, "interval": f.interval, "product": products, "measure": measure, "theme": theme,
			}))
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(picture)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.interval, "interval", "", "day, week or month; by default as many points as can be seen")
	flags.StringVar(&products, "product", "", "a line for each of these products, separated by commas")
	flags.StringVar(&measure, "measure", "", "users, registered or active")
	flags.StringVar(&theme, "theme", "", "auto, light or dark")
	return cmd
}
