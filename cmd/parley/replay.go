package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"parley/handlers"
	"parley/projections"
)

// replayFlags say which history is replayed, and how.
type replayFlags struct {
	from, asOf, interval string
	pace                 time.Duration
}

func replayCommand(c *config) *cobra.Command {
	f := new(replayFlags)
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Replay how users came, product by product",
		Long: "Replay shows how many users each product had, interval by interval up to a time.\n" +
			"On a terminal the bars move; elsewhere each interval is a line for each product.\n" +
			"Users are counted up to that time; who was active, in the whole of the last interval.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, c) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "where to begin, as 2015-03-25 or RFC 3339; at the first registration if absent")
	flags.StringVar(&f.asOf, "as-of", "", "where to end; now if absent")
	flags.StringVar(&f.interval, "interval", "week", "day, week or month")
	flags.DurationVar(&f.pace, "pace", 150*time.Millisecond, "how long an interval is shown on a terminal")
	return cmd
}

func (f *replayFlags) run(cmd *cobra.Command, c *config) (err error) {
	if f.pace < 0 {
		return misused("--pace must not be negative")
	}
	a, err := openAPI(cmd.Context(), c, handlers.Analyst)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	if f.asOf == "" {
		f.asOf = time.Now().UTC().Format(time.RFC3339Nano)
	}
	history, err := f.read(cmd.Context(), a)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		width, _, err := term.GetSize(int(file.Fd()))
		if err != nil {
			return err
		}
		return history.play(cmd.Context(), out, width, f.pace)
	}
	return history.print(out)
}

// history is how the users of products came, interval by interval up to a
// moment.
type history struct {
	// all is everybody; products are the rest, the largest at the end first.
	all      projections.GrowthSeries
	products []projections.GrowthSeries
	// others is how many products are left out.
	others int
}

// replayedProducts bounds how many products are shown side by side.
const replayedProducts = 12

// read asks for everybody's series, and for that of each product that has
// users in the end.
func (f *replayFlags) read(ctx context.Context, a *api) (*history, error) {
	h := new(history)
	if err := ask(ctx, a, "/v1/growth", map[string]string{"from": f.from, "to": f.asOf, "interval": f.interval}, &h.all); err != nil {
		return nil, err
	}
	from, to := h.all.From.Format(time.RFC3339), h.all.To.Format(time.RFC3339)
	var ends projections.GrowthRanking
	if err := ask(ctx, a, "/v1/growth/ranking", map[string]string{"from": from, "to": f.asOf}, &ends); err != nil {
		return nil, err
	}
	slices.SortStableFunc(ends.Products, func(a, b projections.ProductGrowth) int { return cmp.Compare(b.Users, a.Users) })
	var users uint64
	for i, product := range ends.Products {
		users += product.Users
		if i >= replayedProducts {
			h.others++
			continue
		}
		var series projections.GrowthSeries
		err := ask(ctx, a, "/v1/growth", map[string]string{"from": from, "to": to, "interval": f.interval, "product": product.Product}, &series)
		if err != nil {
			return nil, err
		}
		cutShort(&series, product.Users)
		h.products = append(h.products, series)
	}
	cutShort(&h.all, users)
	return h, nil
}

// cutShort ends a series with the users there were at the moment asked for,
// which may be before its last interval's end.
func cutShort(series *projections.GrowthSeries, users uint64) {
	last := &series.Points[len(series.Points)-1]
	last.Registered -= min(last.Registered, last.Users-users)
	last.Users = users
}

// ask asks the API for a value.
func ask(ctx context.Context, a *api, path string, asked map[string]string, into any) error {
	body, err := a.get(ctx, path, flagQuery(asked))
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// print writes a line for each interval and product.
func (h *history) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s\tproduct\tusers\tregistered\tactive\n", h.all.Interval)
	for i, point := range h.all.Points {
		write := func(product string, p projections.GrowthPoint) {
			fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\n", point.Start.Format(dayLayout), product, p.Users, p.Registered, p.Active)
		}
		write("all", point)
		for _, series := range h.products {
			write(series.Product, series.Points[i])
		}
	}
	return t.Flush()
}

// play draws interval after interval in the same place, each for a while.
func (h *history) play(ctx context.Context, w io.Writer, width int, pace time.Duration) error {
	ticker := time.NewTicker(max(pace, time.Millisecond))
	defer ticker.Stop()
	for i := range h.all.Points {
		frame := h.frame(i, width)
		if _, err := io.WriteString(w, frame); err != nil {
			return err
		}
		if i == len(h.all.Points)-1 {
			break
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		// Back to where the frame began.
		if _, err := fmt.Fprintf(w, "\x1b[%dF\x1b[J", strings.Count(frame, "\n")); err != nil {
			return err
		}
	}
	return nil
}

// frame is one interval: everybody in a line, and a bar for each product.
func (h *history) frame(i, width int) string {
	point := h.all.Points[i]
	var out strings.Builder
	fmt.Fprintf(&out, "%s  %d users, %d new, %d active\n", point.Start.Format(dayLayout), point.Users, point.Registered, point.Active)
	name := 0
	for _, series := range h.products {
		name = max(name, utf8.RuneCountInString(series.Product))
	}
	most := h.most()
	room := max(width-name-len(" 18446744073709551615 "), 8)
	for _, series := range h.products {
		users := series.Points[i].Users
		bar := int(float64(room) * float64(users) / float64(most))
		fmt.Fprintf(&out, "%*s %s %d\n", name, series.Product, strings.Repeat("█", bar), users)
	}
	if h.others > 0 {
		fmt.Fprintf(&out, "and %d products more\n", h.others)
	}
	return out.String()
}

// most is how many users the largest bar stands for.
func (h *history) most() uint64 {
	most := uint64(1)
	for _, series := range h.products {
		for _, point := range series.Points {
			most = max(most, point.Users)
		}
	}
	return most
}
