package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what one benchmark found.
type Report struct {
	Benchmark string `json:"benchmark"`
	// Setting says under which circumstances, in a line of text.
	Setting     string       `json:"setting"`
	Comparisons []Comparison `json:"comparisons,omitempty"`
	Curve       *Curve       `json:"curve,omitempty"`
	// Notes are what else a reader must know to judge the numbers.
	Notes []string `json:"notes"`
}

// Comparison sets Parley beside its control. The i-th rates, and the ratio
// made of them, are of the same round.
type Comparison struct {
	Name string `json:"name"`
	// Unit is what the rates count in a second.
	Unit    string    `json:"unit"`
	Parley  Side      `json:"parley"`
	Control Side      `json:"control"`
	Ratios  []float64 `json:"ratios"`
	Ratio   Spread    `json:"ratio"`
}

// Side is one side of a comparison.
type Side struct {
	Name  string    `json:"name"`
	Rates []float64 `json:"rates"`
	Rate  Spread    `json:"rate"`
	// P50 and P99 are how the latency's percentiles, in milliseconds, varied
	// over the rounds; nil where nothing waits for single answers.
	P50 *Spread `json:"p50Millis,omitempty"`
	P99 *Spread `json:"p99Millis,omitempty"`

	p50, p99 []float64
}

// add counts a round of requests.
func (s *Side) add(r round) {
	s.Rates = append(s.Rates, r.rate())
	s.p50 = append(s.p50, millis(r.percentile(50)))
	s.p99 = append(s.p99, millis(r.percentile(99)))
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// finish computes what follows from the rounds, of which there must be one.
func (c *Comparison) finish() {
	for i, rate := range c.Parley.Rates {
		c.Ratios = append(c.Ratios, rate/c.Control.Rates[i])
	}
	c.Ratio = spreadOf(c.Ratios)
	for _, s := range []*Side{&c.Parley, &c.Control} {
		s.Rate = spreadOf(s.Rates)
		if len(s.p50) > 0 {
			p50, p99 := spreadOf(s.p50), spreadOf(s.p99)
			s.P50, s.P99 = &p50, &p99
		}
	}
}

// JSON writes the report for programs.
func (r *Report) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// Table writes the report for people.
func (r *Report) Table(w io.Writer) error {
	fmt.Fprintf(w, "%s: %s\n", r.Benchmark, r.Setting)
	for i := range r.Comparisons {
		if err := r.Comparisons[i].table(w); err != nil {
			return err
		}
	}
	if r.Curve != nil {
		if err := r.Curve.table(w); err != nil {
			return err
		}
	}
	if len(r.Notes) > 0 {
		fmt.Fprintf(w, "\n- %s\n", strings.Join(r.Notes, "\n- "))
	}
	return nil
}

func (c *Comparison) table(w io.Writer) error {
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	timed := c.Parley.P50 != nil
	head := "median\tmin\tmax\t"
	if timed {
		head += "p50 ms\tp99 ms\t"
	}
	fmt.Fprintf(t, "%s\t%s\n", c.Name, head)
	for _, s := range []*Side{&c.Parley, &c.Control} {
		fmt.Fprintf(t, "%s, %s/s\t%s\t", s.Name, c.Unit, row(s.Rate, 0))
		if s.P50 != nil {
			fmt.Fprintf(t, "%.2f\t%.2f\t", s.P50.Median, s.P99.Median)
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintf(t, "RATIO\t%s\t\n", row(c.Ratio, 2))
	return t.Flush()
}

func row(s Spread, digits int) string {
	cells := make([]string, 3)
	for i, value := range []float64{s.Median, s.Min, s.Max} {
		cells[i] = grouped(value, digits)
	}
	return strings.Join(cells, "\t")
}

// grouped writes a number with commas between its thousands.
func grouped(value float64, digits int) string {
	text := strconv.FormatFloat(value, 'f', digits, 64)
	whole, fraction, found := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if found {
		whole += "." + fraction
	}
	return whole
}
