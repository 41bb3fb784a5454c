package projections

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Service is how a merchant serves its customers after the sale.
type Service struct {
	// Opened counts the cases that were opened in the time asked for; what
	// follows is of these.
	Opened     int64 `json:"opened"`
	Open       int64 `json:"open"`
	Unanswered int64 `json:"unanswered"`
	Resolved   int64 `json:"resolved"`
	Reopened   int64 `json:"reopened"`
	// FirstAnswer is how long it took from the opening to an agent's first
	// word, and Resolution to the last time the case was resolved.
	FirstAnswer ServiceTime `json:"firstAnswer"`
	Resolution  ServiceTime `json:"resolution"`
}

// ServiceTime is how long something took, in seconds; all zero if it never
// came.
type ServiceTime struct {
	Count int64 `json:"count"`
	Mean  int64 `json:"mean"`
	// Half and nine of ten took at most so long.
	Median int64 `json:"median"`
	P90    int64 `json:"p90"`
}

const servedCases = ` FROM cases WHERE merchant = $1 AND opened >= $2 AND opened < $3`

// Service returns how a merchant served the cases opened from one time until
// another, exclusive.
func (c *Cases) Service(ctx context.Context, merchant uuid.UUID, from, to time.Time) (Service, error) {
	var s Service
	span := []any{merchant[:], from.UnixMicro(), to.UnixMicro()}
	err := c.store.QueryRow(ctx, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN standing < 2 THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN standing = 0 THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN standing = 2 THEN 1 ELSE 0 END), 0),
		COALESCE(SUM(CASE WHEN reopened > 0 THEN 1 ELSE 0 END), 0)`+servedCases, span, &s.Opened, &s.Open, &s.Unanswered, &s.Resolved, &s.Reopened)
	if err != nil {
		return s, err
	}
	if s.FirstAnswer, err = c.serviceTime(ctx, firstAnswers, span); err != nil {
		return s, err
	}
	s.Resolution, err = c.serviceTime(ctx, resolutions, span)
	return s, err
}

// Durations of cases in microseconds, as statements of a fixed set.
var (
	firstAnswers = durationQueries("first_answer")
	resolutions  = durationQueries("resolved")
)

type durations struct{ sum, ranked string }

func durationQueries(column string) durations {
	given := servedCases + ` AND ` + column + ` > 0`
	return durations{
		sum:    `SELECT COUNT(*), COALESCE(SUM(` + column + ` - opened), 0)` + given,
		ranked: `SELECT ` + column + ` - opened` + given + ` ORDER BY ` + column + ` - opened LIMIT 1 OFFSET $4`,
	}
}

func (c *Cases) serviceTime(ctx context.Context, of durations, span []any) (ServiceTime, error) {
	var t ServiceTime
	var sum int64
	if err := c.store.QueryRow(ctx, of.sum, span, &t.Count, &sum); err != nil || t.Count == 0 {
		return t, err
	}
	t.Mean = seconds(sum / t.Count)
	for _, quantile := range []struct {
		rank int64
		into *int64
	}{{(t.Count+1)/2 - 1, &t.Median}, {(t.Count*9+9)/10 - 1, &t.P90}} {
		var took int64
		if err := c.store.QueryRow(ctx, of.ranked, append(span[:len(span):len(span)], quantile.rank), &took); err != nil {
			return t, err
		}
		*quantile.into = seconds(took)
	}
	return t, nil
}

// seconds rounds microseconds to the nearest second.
func seconds(micros int64) int64 { return (micros + 500_000) / 1_000_000 }
