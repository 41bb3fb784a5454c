package projections

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"parley/projections/views"
)

// GrowthQuery chooses a growth series.
type GrowthQuery struct {
	// From and To enclose the series: it has every interval that begins before
	// To and ends after From. Zero means the first registration and now.
	From, To time.Time
	// Interval is Day if it is empty.
	Interval Interval
	// Product restricts the series to users of one product, unless it is empty.
	Product string
}

// GrowthSeries is users over time. Business time counts: when a fact occurred,
// not when the log took it.
type GrowthSeries struct {
	// From is the first interval's begin, To the last one's end.
	From     time.Time     `json:"from"`
	To       time.Time     `json:"to"`
	Interval Interval      `json:"interval"`
	Product  string        `json:"product"`
	Points   []GrowthPoint `json:"points"`
}

// GrowthPoint is one interval of a series.
type GrowthPoint struct {
	Start time.Time `json:"start"`
	// Users is how many were registered, and not erased, when the interval
	// ended.
	Users uint64 `json:"users"`
	// Registered is how many registered in the interval.
	Registered uint64 `json:"registered"`
	// Active is how many distinct users have a fact of their own in it.
	Active uint64 `json:"active"`
}

// GrowthSummary compares two moments.
type GrowthSummary struct {
	AsOf       time.Time `json:"asOf"`
	Users      uint64    `json:"users"`
	Since      time.Time `json:"since"`
	UsersSince uint64    `json:"usersSince"`
	// Added is Users less UsersSince.
	Added int64 `json:"added"`
	// GrowthPercent is Added in percent of UsersSince; nil if that is 0.
	GrowthPercent *float64 `json:"growthPercent"`
}

// GrowthRanking compares products, fastest-growing first: those that had no
// users at the begin come first (their growth is unbounded, GrowthPercent is
// nil), by how many they added; then the others by GrowthPercent. Ties are in
// the order of names. Products without users at both moments are left out.
type GrowthRanking struct {
	Products []ProductGrowth `json:"products"`
}

// ProductGrowth is how the users of one product grew.
type ProductGrowth struct {
	Product       string   `json:"product"`
	Users         uint64   `json:"users"`
	Added         int64    `json:"added"`
	GrowthPercent *float64 `json:"growthPercent"`
}

// MaxPoints bounds a growth series.
const MaxPoints = 20_000

// Series returns users over time, one point for each interval, those without
// events included. Errors: ErrRange.
func (g *Growth) Series(ctx context.Context, query GrowthQuery) (GrowthSeries, error) {
	if query.Interval == "" {
		query.Interval = Day
	}
	span, known := spanOf[query.Interval]
	if !known {
		return GrowthSeries{}, fmt.Errorf("%w: an interval is a day, a week or a month", ErrRange)
	}
	var series GrowthSeries
	err := g.store.Snapshot(ctx, func(tx *views.Tx) error {
		from, to, err := g.bounds(ctx, tx, query, span)
		if err != nil {
			return err
		}
		points, err := readPoints(ctx, tx, span, from, to, query.Product)
		series = GrowthSeries{startOfDay(from), startOfDay(to), query.Interval, query.Product, points}
		return err
	})
	return series, err
}

// bounds are the first day of the first interval, and the day after the last.
func (g *Growth) bounds(ctx context.Context, tx *views.Tx, query GrowthQuery, span span) (from, to int32, err error) {
	if query.To.IsZero() {
		query.To = g.now()
	}
	if query.From.IsZero() {
		if query.From, err = firstRegistration(ctx, tx, query.To.Add(-1)); err != nil {
			return 0, 0, err
		}
	}
	if !query.From.Before(query.To) {
		return 0, 0, fmt.Errorf("%w: it ends before it begins", ErrRange)
	}
	from = span.floor(dayOf(query.From))
	to = span.next(span.floor(dayOf(query.To.Add(-1))))
	if int(to-from) > MaxPoints*span.leastDays() {
		return 0, 0, fmt.Errorf("%w: it has more than %d points", ErrRange, MaxPoints)
	}
	return from, to, nil
}

// firstRegistration is the day of the first one, or the time given if there is
// none before.
func firstRegistration(ctx context.Context, tx *views.Tx, otherwise time.Time) (time.Time, error) {
	day := dayOf(otherwise)
	err := tx.QueryRow(ctx, `SELECT COALESCE(MIN(day), $1) FROM registrations WHERE day < $1`, []any{int64(day)}, &day)
	return startOfDay(day), err
}

// readPoints makes the points of the days from..to, to excluded.
func readPoints(ctx context.Context, tx *views.Tx, span span, from, to int32, product string) ([]GrowthPoint, error) {
	registered := make(map[int32]uint64)
	var users uint64
	err := eachCount(ctx, tx, func(day int32, count uint64) {
		if day < from {
			users += count
		} else {
			registered[span.floor(day)] += count
		}
	}, `SELECT r.day, SUM(r.users) FROM registrations r JOIN products p ON p.id = r.product
		WHERE r.day < $1 AND (p.name = $2 OR $2 = '') GROUP BY r.day`, int64(to), product)
	if err != nil {
		return nil, err
	}
	erased := make(map[int32]uint64)
	err = eachCount(ctx, tx, func(day int32, count uint64) {
		if day < from {
			users -= count
		} else {
			erased[span.floor(day)] += count
		}
	}, `SELECT e.day, COUNT(*) FROM erased e JOIN products p ON p.id = e.product
		WHERE e.day < $1 AND (p.name = $2 OR $2 = '') GROUP BY e.day`, int64(to), product)
	if err != nil {
		return nil, err
	}
	active := make(map[int32]uint64)
	err = eachCount(ctx, tx, func(day int32, count uint64) { active[day] = count },
		`SELECT a.start, SUM(a.users) FROM active a JOIN products p ON p.id = a.product
		WHERE a.span = $1 AND a.start >= $2 AND a.start < $3 AND (p.name = $4 OR $4 = '') GROUP BY a.start`,
		int64(span), int64(from), int64(to), product)
	if err != nil {
		return nil, err
	}
	var points []GrowthPoint
	for day := from; day < to; day = span.next(day) {
		users += registered[day] - erased[day]
		points = append(points, GrowthPoint{startOfDay(day), users, registered[day], active[day]})
	}
	return points, nil
}

func eachCount(ctx context.Context, tx *views.Tx, use func(day int32, count uint64), query string, args ...any) error {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var day int32
		var count uint64
		if err := rows.Scan(&day, &count); err != nil {
			return err
		}
		use(day, count)
	}
	return rows.Err()
}

// Summary compares the users registered and not erased up to two moments, each
// included.
// Errors: ErrRange if since is after asOf.
func (g *Growth) Summary(ctx context.Context, since, asOf time.Time) (GrowthSummary, error) {
	before, after, err := g.compare(ctx, since, asOf)
	if err != nil {
		return GrowthSummary{}, err
	}
	summary := GrowthSummary{AsOf: asOf.UTC(), Since: since.UTC()}
	for product, users := range after {
		summary.Users += users
		summary.UsersSince += before[product]
	}
	summary.Added, summary.GrowthPercent = change(summary.UsersSince, summary.Users)
	return summary, nil
}

// Ranking compares the products' users between two moments.
// Errors: ErrRange if from is after to.
func (g *Growth) Ranking(ctx context.Context, from, to time.Time) (GrowthRanking, error) {
	before, after, err := g.compare(ctx, from, to)
	if err != nil {
		return GrowthRanking{}, err
	}
	ranking := GrowthRanking{Products: make([]ProductGrowth, 0, len(after))}
	for product, users := range after {
		if users == 0 && before[product] == 0 {
			continue
		}
		growth := ProductGrowth{Product: product, Users: users}
		growth.Added, growth.GrowthPercent = change(before[product], users)
		ranking.Products = append(ranking.Products, growth)
	}
	slices.SortFunc(ranking.Products, func(a, b ProductGrowth) int {
		return cmp.Or(compareGrowth(a, b), cmp.Compare(a.Product, b.Product))
	})
	return ranking, nil
}

// compareGrowth puts the faster one first.
func compareGrowth(a, b ProductGrowth) int {
	return compareShares(a.GrowthPercent, b.GrowthPercent, a.Added, b.Added)
}

// compareShares puts what was nothing before first, and the faster one then.
func compareShares(a, b *float64, addedA, addedB int64) int {
	switch {
	case a == nil && b == nil:
		return cmp.Compare(addedB, addedA)
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Compare(*b, *a)
}

func change(before, after uint64) (added int64, percent *float64) {
	added = int64(after - before)
	if before > 0 {
		share := 100 * float64(added) / float64(before)
		percent = &share
	}
	return added, percent
}

// compare counts the users of each product that has any, at two moments.
func (g *Growth) compare(ctx context.Context, from, to time.Time) (before, after map[string]uint64, err error) {
	if from.After(to) {
		return nil, nil, fmt.Errorf("%w: it ends before it begins", ErrRange)
	}
	err = g.store.Snapshot(ctx, func(tx *views.Tx) error {
		if before, err = usersAt(ctx, tx, from); err != nil {
			return err
		}
		after, err = usersAt(ctx, tx, to)
		return err
	})
	return before, after, err
}

// usersAt adds whole days up, and counts people on the last one only.
func usersAt(ctx context.Context, tx *views.Tx, at time.Time) (map[string]uint64, error) {
	day := dayOf(at)
	rows, err := tx.Query(ctx, `SELECT p.name, SUM(c.users) FROM products p JOIN (
			SELECT product, users FROM registrations WHERE day < $1
			UNION ALL
			SELECT product, 1 FROM members WHERE registered >= $2 AND registered <= $3
			UNION ALL
			SELECT product, -1 FROM erased WHERE at <= $3
		) c ON c.product = p.id GROUP BY p.name`,
		int64(day), startOfDay(day).UnixMicro(), at.UnixMicro())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	users := make(map[string]uint64)
	for rows.Next() {
		var product string
		var count uint64
		if err := rows.Scan(&product, &count); err != nil {
			return nil, err
		}
		users[product] = count
	}
	return users, rows.Err()
}
