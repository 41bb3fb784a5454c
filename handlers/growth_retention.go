package handlers

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"parley/projections"
)

func (s *Server) retentionRoute() {
	register(s, scoped(Analyst), s.growthOperation(projections.GrowthRetention{}, huma.Operation{
		OperationID: "growthRetention",
		Path:        "/v1/growth/retention",
		Summary:     "How many users of each cohort went on",
		Description: fmt.Sprintf("A cohort is the users who registered in one ISO week or calendar month. It has the interval itself and each later one that has begun before asOf: "+
			"how many of the cohort were active in it. The last one may be under way. There are at most %d such points. CSV: start, users, later, active, percent.", projections.MaxPoints),
	}), s.growthRetention)
}

type retentionInput struct {
	FormatQuery
	From     string               `query:"from" doc:"RFC 3339 or a date, which is its begin in UTC; 12 intervals before to if absent."`
	To       string               `query:"to" doc:"The end of the cohorts, itself excluded; asOf if absent."`
	AsOf     string               `query:"asOf" doc:"Until when activity counts; now if absent."`
	Interval projections.Interval `query:"interval" enum:"week,month" default:"week"`
	Product  string               `query:"product" maxLength:"32" doc:"Users of this product only."`
}

func (s *Server) growthRetention(ctx context.Context, in *retentionInput) (*tableOutput, error) {
	query := projections.RetentionQuery{Interval: in.Interval, Product: in.Product}
	var err error
	if query.From, err = moment("query.from", in.From); err != nil {
		return nil, err
	}
	if query.To, err = moment("query.to", in.To); err != nil {
		return nil, err
	}
	if query.AsOf, err = moment("query.asOf", in.AsOf); err != nil {
		return nil, err
	}
	if err := s.reaches(ctx, projections.GrowthName, in.Position); err != nil {
		return nil, err
	}
	retention, err := s.Views.Growth.Retention(ctx, query)
	if errors.Is(err, projections.ErrRange) {
		return nil, refusedField("query.from", fmt.Sprintf("must be before to, to not after asOf, and all together at most %d points", projections.MaxPoints))
	}
	if err != nil {
		return nil, err
	}
	rows := [][]string{{"start", "users", "later", "active", "percent"}}
	for _, cohort := range retention.Cohorts {
		for _, r := range cohort.Retained {
			rows = append(rows, []string{rfc3339(cohort.Start), unsigned(cohort.Users), strconv.Itoa(r.Later), unsigned(r.Active), percent(r.Percent)})
		}
	}
	return table(in.Format, retention, rows), nil
}
