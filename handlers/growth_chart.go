package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/handlers/chart"
	"parley/projections"
)

const (
	// chartPoints is how many points a line has if the interval is for the
	// chart to choose.
	chartPoints = 400
	// mostChartPoints is more than can be told apart.
	mostChartPoints = 5_000
)

func (s *Server) chartRoute() {
	register(s, scoped(Analyst), huma.Operation{
		OperationID: "growthChart",
		Method:      http.MethodGet,
		Path:        "/v1/growth/chart.svg",
		Summary:     "Users over time as a picture",
		Description: "SVG with a title and a description for those who do not see it. Colours are CSS variables that a page may set where the picture stands in it: " +
			"--chart-paper, --chart-ink, --chart-faint, --chart-grid, --chart-axis and --chart-line-1 to --chart-line-8.",
		Tags:   []string{"growth"},
		Errors: []int{http.StatusUnprocessableEntity},
		Responses: map[string]*huma.Response{"200": {
			Description: http.StatusText(http.StatusOK),
			Content:     map[string]*huma.MediaType{"image/svg+xml": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	}, s.growthChart)
}

type chartInput struct {
	WaitHeader
	From     string               `query:"from" doc:"RFC 3339 or a date, which is its begin in UTC; the first registration if absent."`
	To       string               `query:"to" doc:"The end, itself excluded; now if absent."`
	Interval projections.Interval `query:"interval" enum:"day,week,month" doc:"What a point stands for; if absent, the shortest that gives at most 400."`
	Product  []string             `query:"product" maxItems:"8" doc:"One line for each of these products; one for all users if absent."`
	Measure  string               `query:"measure" enum:"users,registered,active" default:"users" doc:"Users at the end of each interval, or those who registered or were active in it."`
	Theme    chart.Theme          `query:"theme" enum:"auto,light,dark" default:"auto"`
	Width    int                  `query:"width" minimum:"280" maximum:"2400" default:"960" doc:"In CSS pixels."`
	Height   int                  `query:"height" minimum:"160" maximum:"1600" default:"420"`
}

// chartMeasures are what can be drawn, by the name that asks for it.
var chartMeasures = map[string]struct {
	title string
	of    func(projections.GrowthPoint) uint64
}{
	"users":      {"Users", func(p projections.GrowthPoint) uint64 { return p.Users }},
	"registered": {"New users each %s", func(p projections.GrowthPoint) uint64 { return p.Registered }},
	"active":     {"Active users each %s", func(p projections.GrowthPoint) uint64 { return p.Active }},
}

// chartSteps are about how long intervals are.
var chartSteps = map[projections.Interval]time.Duration{
	projections.Day: 24 * time.Hour, projections.Week: 7 * 24 * time.Hour, projections.Month: 28 * 24 * time.Hour,
}

func (s *Server) growthChart(ctx context.Context, in *chartInput) (*tableOutput, error) {
	query := projections.GrowthQuery{Interval: in.Interval}
	var err error
	if query.From, err = moment("query.from", in.From); err != nil {
		return nil, err
	}
	if query.To, err = moment("query.to", in.To); err != nil {
		return nil, err
	}
	if err := s.reaches(ctx, projections.GrowthName, in.Position); err != nil {
		return nil, err
	}
	series, err := s.chartSeries(ctx, query, in.products())
	if err != nil {
		return nil, s.spanProblem(err, "query.from")
	}
	if len(series[0].Points) > mostChartPoints {
		return nil, refusedField("query.interval", fmt.Sprintf("makes more than %d points", mostChartPoints))
	}
	return picture(in.draw(series).SVG()), nil
}

// products are those asked for, each once; the empty one is all of them.
func (in *chartInput) products() []string {
	var products []string
	for _, product := range in.Product {
		if product = strings.TrimSpace(product); product != "" && !slices.Contains(products, product) {
			products = append(products, product)
		}
	}
	if len(products) == 0 {
		return []string{""}
	}
	return products
}

// chartSeries reads a series for each product, all of the same intervals.
func (s *Server) chartSeries(ctx context.Context, query projections.GrowthQuery, products []string) ([]projections.GrowthSeries, error) {
	intervals := []projections.Interval{query.Interval}
	if query.Interval == "" {
		intervals = []projections.Interval{projections.Day, projections.Week, projections.Month}
	}
	var all []projections.GrowthSeries
	for _, query.Product = range products {
		for i, interval := range intervals {
			query.Interval = interval
			series, err := s.Views.Growth.Series(ctx, query)
			last := i == len(intervals)-1
			if errors.Is(err, projections.ErrRange) && !last {
				continue
			}
			if err != nil {
				return nil, err
			}
			if len(series.Points) <= chartPoints || last {
				all, intervals = append(all, series), intervals[i:i+1]
				break
			}
		}
	}
	return all, nil
}

func (in *chartInput) draw(series []projections.GrowthSeries) *chart.Chart {
	measure, first := chartMeasures[in.Measure], series[0]
	title := measure.title
	if strings.Contains(title, "%s") {
		title = fmt.Sprintf(title, first.Interval)
	}
	drawn := &chart.Chart{
		Title: title, Unit: "users", Step: chartSteps[first.Interval],
		From: first.Points[0].Start, To: first.Points[len(first.Points)-1].Start,
		Width: in.Width, Height: in.Height, Theme: in.Theme,
	}
	for _, one := range series {
		line := chart.Series{Name: one.Product, Points: make([]chart.Point, len(one.Points))}
		for i, point := range one.Points {
			line.Points[i] = chart.Point{At: point.Start, Value: measure.of(point)}
		}
		drawn.Series = append(drawn.Series, line)
	}
	return drawn
}

// picturePolicy lets a picture have its own styles, and nothing else.
const picturePolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

// picture sends SVG.
func picture(svg []byte) *tableOutput {
	return &tableOutput{func(ctx huma.Context) {
		_, w := unwrap(ctx)
		w.Header().Set("Content-Type", "image/svg+xml")
		w.Header().Set("Content-Security-Policy", picturePolicy)
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(svg) // who does not take the answer has left
	}}
}
