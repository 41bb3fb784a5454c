package handlers

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/projections"
)

// growthSpan is the time that summaries and rankings cover if nothing else is
// asked for.
const growthSpan = 30 * 24 * time.Hour

func (s *Server) growthRoutes() {
	register(s, scoped(Analyst), s.growthOperation(projections.GrowthSeries{}, huma.Operation{
		OperationID: "growth",
		Path:        "/v1/growth",
		Summary:     "Users over time",
		Description: fmt.Sprintf("One point for each UTC day, ISO week or calendar month between from and to, at most %d. CSV: start, users, registered, active.", projections.MaxPoints),
	}), s.growth)
	register(s, scoped(Analyst), s.growthOperation(projections.GrowthSummary{}, huma.Operation{
		OperationID: "growthSummary",
		Path:        "/v1/growth/summary",
		Summary:     "Users at two moments",
		Description: "CSV: asOf, users, since, usersSince, added, growthPercent.",
	}), s.growthSummary)
	register(s, scoped(Analyst), s.growthOperation(projections.GrowthRanking{}, huma.Operation{
		OperationID: "growthRanking",
		Path:        "/v1/growth/ranking",
		Summary:     "Products by how fast they grew, the fastest first",
		Description: "CSV: product, users, added, growthPercent.",
	}), s.growthRanking)
	s.retentionRoute()
	s.chartRoute()
}

// growthOperation completes an operation that answers in JSON or CSV.
func (s *Server) growthOperation(body any, op huma.Operation) huma.Operation {
	op.Method = http.MethodGet
	op.Tags = []string{"growth"}
	op.Errors = []int{http.StatusUnprocessableEntity}
	op.Responses = map[string]*huma.Response{"200": {
		Description: http.StatusText(http.StatusOK),
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: s.schema(body)},
			"text/csv":         {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}}
	return op
}

// FormatQuery is how a table is asked for. Its fields are read by huma, which
// looks into exported types only; so are the headers in request.go.
type FormatQuery struct {
	WaitHeader
	Format string `query:"format" enum:"json,csv" default:"json"`
}

type growthInput struct {
	FormatQuery
	From     string               `query:"from" doc:"RFC 3339 or a date, which is its begin in UTC; the first registration if absent."`
	To       string               `query:"to" doc:"The end, itself excluded; now if absent."`
	Interval projections.Interval `query:"interval" enum:"day,week,month" default:"day"`
	Product  string               `query:"product" maxLength:"32" doc:"Users of this product only."`
}

type summaryInput struct {
	FormatQuery
	Since string `query:"since" doc:"RFC 3339 or a date, which is its begin in UTC; 30 days before asOf if absent."`
	AsOf  string `query:"asOf" doc:"Now if absent."`
}

type rankingInput struct {
	FormatQuery
	From string `query:"from" doc:"RFC 3339 or a date, which is its begin in UTC; 30 days before to if absent."`
	To   string `query:"to" doc:"Now if absent."`
}

// tableOutput sends a value as JSON or as CSV.
type tableOutput struct {
	Body func(huma.Context)
}

func (s *Server) growth(ctx context.Context, in *growthInput) (*tableOutput, error) {
	from, err := moment("query.from", in.From)
	if err != nil {
		return nil, err
	}
	to, err := moment("query.to", in.To)
	if err != nil {
		return nil, err
	}
	if err := s.reaches(ctx, projections.GrowthName, in.Position); err != nil {
		return nil, err
	}
	series, err := s.Views.Growth.Series(ctx, projections.GrowthQuery{From: from, To: to, Interval: in.Interval, Product: in.Product})
	if err != nil {
		return nil, s.spanProblem(err, "query.from")
	}
	rows := [][]string{{"start", "users", "registered", "active"}}
	for _, p := range series.Points {
		rows = append(rows, []string{rfc3339(p.Start), unsigned(p.Users), unsigned(p.Registered), unsigned(p.Active)})
	}
	return table(in.Format, series, rows), nil
}

func (s *Server) growthSummary(ctx context.Context, in *summaryInput) (*tableOutput, error) {
	since, asOf, err := s.span("query.since", in.Since, "query.asOf", in.AsOf)
	if err != nil {
		return nil, err
	}
	if err := s.reaches(ctx, projections.GrowthName, in.Position); err != nil {
		return nil, err
	}
	sum, err := s.Views.Growth.Summary(ctx, since, asOf)
	if err != nil {
		return nil, s.spanProblem(err, "query.since")
	}
	return table(in.Format, sum, [][]string{
		{"asOf", "users", "since", "usersSince", "added", "growthPercent"},
		{rfc3339(sum.AsOf), unsigned(sum.Users), rfc3339(sum.Since), unsigned(sum.UsersSince), signed(sum.Added), percent(sum.GrowthPercent)},
	}), nil
}

func (s *Server) growthRanking(ctx context.Context, in *rankingInput) (*tableOutput, error) {
	from, to, err := s.span("query.from", in.From, "query.to", in.To)
	if err != nil {
		return nil, err
	}
	if err := s.reaches(ctx, projections.GrowthName, in.Position); err != nil {
		return nil, err
	}
	ranking, err := s.Views.Growth.Ranking(ctx, from, to)
	if err != nil {
		return nil, s.spanProblem(err, "query.from")
	}
	rows := [][]string{{"product", "users", "added", "growthPercent"}}
	for _, p := range ranking.Products {
		rows = append(rows, []string{p.Product, unsigned(p.Users), signed(p.Added), percent(p.GrowthPercent)})
	}
	return table(in.Format, ranking, rows), nil
}

// span reads two moments; the later is now and the earlier growthSpan before
// it if they are absent.
func (s *Server) span(earlierField, earlierText, laterField, laterText string) (earlier, later time.Time, err error) {
	if later, err = moment(laterField, laterText); err != nil {
		return earlier, later, err
	}
	if later.IsZero() {
		later = s.Now().UTC()
	}
	if earlier, err = moment(earlierField, earlierText); err != nil {
		return earlier, later, err
	}
	if earlier.IsZero() {
		earlier = later.Add(-growthSpan)
	}
	return earlier, later, nil
}

func (s *Server) spanProblem(err error, field string) error {
	if errors.Is(err, projections.ErrRange) {
		return refusedField(field, fmt.Sprintf("must be before the end, and make at most %d points", projections.MaxPoints))
	}
	return err
}

func table(format string, value any, rows [][]string) *tableOutput {
	return &tableOutput{func(ctx huma.Context) {
		_, w := unwrap(ctx)
		if format != "csv" {
			answer(w, http.StatusOK, value)
			return
		}
		w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
		w.WriteHeader(http.StatusOK)
		_ = csv.NewWriter(w).WriteAll(rows) // who does not take the answer has left
	}}
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
func unsigned(n uint64) string   { return strconv.FormatUint(n, 10) }
func signed(n int64) string      { return strconv.FormatInt(n, 10) }
func percent(p *float64) string {
	if p == nil {
		return ""
	}
	return strconv.FormatFloat(*p, 'f', -1, 64)
}
