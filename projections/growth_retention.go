package projections

import (
	"context"
	"fmt"
	"time"

	"parley/projections/views"
)

// RetentionQuery chooses cohorts: the users who registered in the same
// interval.
type RetentionQuery struct {
	// From and To enclose the cohorts: one for each interval that begins
	// before To and ends after From. A zero To is AsOf; a zero From is
	// retentionIntervals before To.
	From, To time.Time
	// AsOf is until when activity counts; zero means now.
	AsOf time.Time
	// Interval is Week or Month; Week if it is empty.
	Interval Interval
	// Product restricts the cohorts to users of one product, unless it is
	// empty.
	Product string
}

// GrowthRetention is how many users of each cohort went on.
type GrowthRetention struct {
	// From is the first cohort's begin, To the last one's end.
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	AsOf     time.Time `json:"asOf"`
	Interval Interval  `json:"interval"`
	Product  string    `json:"product"`
	Cohorts  []Cohort  `json:"cohorts"`
}

// Cohort is the users who registered in one interval.
type Cohort struct {
	Start time.Time `json:"start"`
	// Users is how many registered.
	Users uint64 `json:"users"`
	// Retained has the interval itself and each later one that has begun.
	Retained []Retained `json:"retained"`
}

// Retained is how many users of a cohort were active some intervals later.
type Retained struct {
	// Later counts intervals; 0 is the one in which the cohort registered.
	Later  int    `json:"later"`
	Active uint64 `json:"active"`
	// Percent is Active in percent of the cohort; nil if it is empty.
	Percent *float64 `json:"percent"`
}

// retentionIntervals is how many cohorts are shown if nothing else is asked.
const retentionIntervals = 12

// Retention returns cohorts, the oldest first, those without users included.
// The interval that AsOf is in counts up to AsOf or later, as much as is known.
// Errors: ErrRange.
func (g *Growth) Retention(ctx context.Context, query RetentionQuery) (GrowthRetention, error) {
	if query.Interval == "" {
		query.Interval = Week
	}
	span, known := spanOf[query.Interval]
	if !known || span == daySpan {
		return GrowthRetention{}, fmt.Errorf("%w: the interval of cohorts is a week or a month", ErrRange)
	}
	from, to, end, err := g.cohorts(&query, span)
	if err != nil {
		return GrowthRetention{}, err
	}
	retention := GrowthRetention{startOfDay(from), startOfDay(to), query.AsOf.UTC(), query.Interval, query.Product, nil}
	err = g.store.Snapshot(ctx, func(tx *views.Tx) error {
		retention.Cohorts, err = readCohorts(ctx, tx, span, from, to, end, query.Product)
		return err
	})
	return retention, err
}

// cohorts are the first day of the first cohort's interval, the day after the
// last one's, and the day after the interval until which activity counts.
func (g *Growth) cohorts(query *RetentionQuery, span span) (from, to, end int32, err error) {
	if query.AsOf.IsZero() {
		query.AsOf = g.now()
	}
	if query.To.IsZero() {
		query.To = query.AsOf
	}
	to = span.next(span.floor(dayOf(query.To.Add(-1))))
	from = span.floor(dayOf(query.From))
	if query.From.IsZero() {
		from = to
		for range retentionIntervals {
			from = span.floor(from - 1)
		}
		query.From = startOfDay(from)
	}
	end = span.next(span.floor(dayOf(query.AsOf.Add(-1))))
	if !query.From.Before(query.To) || query.To.After(query.AsOf) {
		return 0, 0, 0, fmt.Errorf("%w: cohorts begin before they end, and end before asOf", ErrRange)
	}
	// The first cohort has across points, and each later one has one less.
	across, down := int(end-from)/span.leastDays(), int(to-from)/span.leastDays()
	if across > MaxPoints || across*down-down*(down-1)/2 > MaxPoints {
		return 0, 0, 0, fmt.Errorf("%w: it has more than %d points", ErrRange, MaxPoints)
	}
	return from, to, end, nil
}

// readCohorts makes the cohorts of the days from..to, to excluded.
func readCohorts(ctx context.Context, tx *views.Tx, span span, from, to, end int32, product string) ([]Cohort, error) {
	registered := make(map[int32]uint64)
	err := eachCount(ctx, tx, func(day int32, count uint64) { registered[span.floor(day)] += count },
		`SELECT r.day, SUM(r.users) FROM registrations r JOIN products p ON p.id = r.product
		WHERE r.day >= $1 AND r.day < $2 AND (p.name = $3 OR $3 = '') GROUP BY r.day`, int64(from), int64(to), product)
	if err != nil {
		return nil, err
	}
	active, err := readRetained(ctx, tx, span, from, to, product)
	if err != nil {
		return nil, err
	}
	cohorts := []Cohort{}
	for start := from; start < to; start = span.next(start) {
		cohort := Cohort{Start: startOfDay(start), Users: registered[start], Retained: []Retained{}}
		for at := start; at < end; at = span.next(at) {
			r := Retained{Later: len(cohort.Retained), Active: active[[2]int32{start, at}]}
			if cohort.Users > 0 {
				percent := 100 * float64(r.Active) / float64(cohort.Users)
				r.Percent = &percent
			}
			cohort.Retained = append(cohort.Retained, r)
		}
		cohorts = append(cohorts, cohort)
	}
	return cohorts, nil
}

// readRetained counts the active users of cohorts, by the cohort's first day
// and the interval's.
func readRetained(ctx context.Context, tx *views.Tx, span span, from, to int32, product string) (map[[2]int32]uint64, error) {
	rows, err := tx.Query(ctx, `SELECT r.cohort, r.start, SUM(r.users) FROM retention r JOIN products p ON p.id = r.product
		WHERE r.span = $1 AND r.cohort >= $2 AND r.cohort < $3 AND (p.name = $4 OR $4 = '') GROUP BY r.cohort, r.start`,
		int64(span), int64(from), int64(to), product)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	active := make(map[[2]int32]uint64)
	for rows.Next() {
		var at [2]int32
		var count uint64
		if err := rows.Scan(&at[0], &at[1], &count); err != nil {
			return nil, err
		}
		active[at] = count
	}
	return active, rows.Err()
}
