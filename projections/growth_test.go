package projections_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"parley/events"
	"parley/projections"
	"parley/projections/views/viewstest"
)

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func TestGrowthOfASmallHistory(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		// morning is Monday, 2 March 2026.
		w.register(ann, "ann", "messenger", 0)
		w.register(bob, "bob", "shop", 24*time.Hour)
		room := w.start(24*time.Hour, ann, bob)
		w.post(room, ann, "on Sunday, the same week", 6*24*time.Hour)
		w.post(room, ann, "on the next Monday", 7*24*time.Hour)
		w.post(room, ann, "on a Monday, the month's last but one", 28*24*time.Hour)
		w.post(room, ann, "in April, the same week", 30*24*time.Hour)
		w.append(events.UserStream(cyd), events.Cause{Actor: "operator", OccurredAt: date(2026, 4, 1)},
			&events.UserRegistered{User: cyd, Product: "shop"})
		set, _ := w.settled()

		tests := []struct {
			query projections.GrowthQuery
			want  []projections.GrowthPoint
		}{
			{projections.GrowthQuery{From: date(2026, 3, 1), To: date(2026, 3, 4)}, []projections.GrowthPoint{
				{date(2026, 3, 1), 0, 0, 0}, {date(2026, 3, 2), 1, 1, 1}, {date(2026, 3, 3), 2, 1, 2},
			}},
			{projections.GrowthQuery{From: date(2026, 3, 4), To: date(2026, 3, 10), Interval: projections.Week}, []projections.GrowthPoint{
				{date(2026, 3, 2), 2, 2, 2}, {date(2026, 3, 9), 2, 0, 1},
			}},
			{projections.GrowthQuery{From: date(2026, 3, 31), To: date(2026, 4, 2), Interval: projections.Month}, []projections.GrowthPoint{
				{date(2026, 3, 1), 2, 2, 2}, {date(2026, 4, 1), 3, 1, 1},
			}},
			{projections.GrowthQuery{To: date(2026, 4, 2), Interval: projections.Month, Product: "shop"}, []projections.GrowthPoint{
				{date(2026, 3, 1), 1, 1, 1}, {date(2026, 4, 1), 2, 1, 0},
			}},
			{projections.GrowthQuery{From: date(2026, 4, 1), To: date(2026, 4, 2), Product: "none"}, []projections.GrowthPoint{
				{date(2026, 4, 1), 0, 0, 0},
			}},
		}
		for _, test := range tests {
			series, err := set.Growth.Series(t.Context(), test.query)
			if diff := cmp.Diff(test.want, series.Points); diff != "" || err != nil {
				t.Errorf("%+v: %v\n%s", test.query, err, diff)
			}
		}
		for _, wrong := range []projections.GrowthQuery{
			{From: date(2026, 3, 2), To: date(2026, 3, 2)},
			{From: date(2026, 3, 2), To: date(2026, 3, 3), Interval: "year"},
			{From: date(1000, 1, 1), To: date(2026, 1, 1)},
		} {
			if _, err := set.Growth.Series(t.Context(), wrong); !errors.Is(err, projections.ErrRange) {
				t.Errorf("%+v: %v", wrong, err)
			}
		}
	})
}

func TestSummaryAndRanking(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		count := 0
		join := func(product string, people int, after time.Duration) {
			for range people {
				count++
				w.register(newID(), fmt.Sprint("user", count), product, after)
			}
		}
		join("old", 4, 0)
		join("slow", 10, 0)
		join("still", 3, 0)
		join("old", 2, 2*time.Hour)
		join("slow", 1, 2*time.Hour)
		join("new", 1, 2*time.Hour)
		join("newest", 2, 2*time.Hour)
		join("later", 7, 2*time.Hour+time.Microsecond)
		set, _ := w.settled()

		percent := func(p float64) *float64 { return &p }
		ranking, err := set.Growth.Ranking(t.Context(), morning, morning.Add(2*time.Hour))
		want := []projections.ProductGrowth{
			{"newest", 2, 2, nil}, {"new", 1, 1, nil}, {"old", 6, 2, percent(50)}, {"slow", 11, 1, percent(10)}, {"still", 3, 0, percent(0)},
		}
		if diff := cmp.Diff(want, ranking.Products); diff != "" || err != nil {
			t.Errorf("the ranking: %v\n%s", err, diff)
		}
		summary, err := set.Growth.Summary(t.Context(), morning, morning.Add(2*time.Hour))
		wantSummary := projections.GrowthSummary{
			AsOf: morning.Add(2 * time.Hour), Users: 23, Since: morning, UsersSince: 17, Added: 6, GrowthPercent: percent(100. * 6 / 17),
		}
		if diff := cmp.Diff(wantSummary, summary, cmpopts.EquateApprox(0, 1e-9)); diff != "" || err != nil {
			t.Errorf("the summary: %v\n%s", err, diff)
		}
		first, err := set.Growth.Summary(t.Context(), morning.Add(-1), morning)
		if err != nil || first.UsersSince != 0 || first.Users != 17 || first.GrowthPercent != nil {
			t.Errorf("from nothing: %+v, %v", first, err)
		}
		if _, err := set.Growth.Summary(t.Context(), morning, morning.Add(-1)); !errors.Is(err, projections.ErrRange) {
			t.Errorf("backwards: %v", err)
		}
	})
}

// act is something that a user does.
type act struct {
	user      int
	registers bool
	product   string
	at        time.Time
}

// TestGrowthAgainstCounting compares the view with what plain counting over
// all facts gives, on random histories in random batches.
func TestGrowthAgainstCounting(t *testing.T) {
	people := []uuid.UUID{ann, bob, cyd, {15: 4}, {15: 5}}
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, viewstest.SQLite)
		w.opts.Only = []string{projections.GrowthName}
		w.opts.BatchEvents = rapid.SampledFrom([]int{1, 2, 5, 100}).Draw(rt, "batch")
		history := drawHistory(rt, len(people))
		for _, a := range history {
			w.act(people[a.user], a)
		}
		set, stop := w.settled()
		defer stop()
		for _, interval := range []projections.Interval{projections.Day, projections.Week, projections.Month} {
			for _, product := range []string{"", "a", "b"} {
				series, err := set.Growth.Series(t.Context(), projections.GrowthQuery{
					From: date(2023, 12, 20), To: date(2024, 3, 10), Interval: interval, Product: product,
				})
				if err != nil {
					rt.Fatal(err)
				}
				if diff := cmp.Diff(counted(history, series.Points, series.To, product), series.Points); diff != "" {
					rt.Fatalf("by %s of product %q: %s", interval, product, diff)
				}
			}
		}
	})
}

func drawHistory(rt *rapid.T, people int) []act {
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) act {
		return act{
			user:      rapid.IntRange(0, people-1).Draw(rt, "user"),
			registers: rapid.IntRange(0, 3).Draw(rt, "registers") == 0,
			product:   rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "product"),
			at:        date(2023, 12, 25).Add(time.Duration(rapid.IntRange(0, 70*24).Draw(rt, "hours")) * time.Hour),
		}
	}), 0, 40).Draw(rt, "history")
}

// act writes what a user does; a second registration is left out.
func (w *world) act(user uuid.UUID, a act) {
	cause := events.Cause{Actor: user.String(), OccurredAt: a.at}
	if !a.registers {
		w.append(events.ReceiptsStream(uuid.Max), cause, &events.ReadUpTo{User: user})
		return
	}
	// The idempotency key makes of a second registration a repeat.
	cause.IdempotencyKey = "registers"
	_, err := w.journal.Append(w.t.Context(), events.UserStream(user), events.Any, cause, &events.UserRegistered{User: user, Product: a.product})
	if err != nil && !errors.Is(err, events.ErrKeyReused) {
		w.t.Fatal(err)
	}
}

// counted makes the points anew, each by looking at all that happened.
func counted(history []act, points []projections.GrowthPoint, end time.Time, product string) []projections.GrowthPoint {
	made := slices.Clone(points)
	for i := range made {
		p := &made[i]
		next := end
		if i+1 < len(made) {
			next = made[i+1].Start
		}
		p.Users, p.Registered, p.Active = 0, 0, 0
		registered, active := make(map[int]string), make(map[int]bool)
		for _, a := range history {
			within := !a.at.Before(p.Start) && a.at.Before(next)
			if _, known := registered[a.user]; a.registers && !known {
				registered[a.user] = a.product
				if product == "" || a.product == product {
					if a.at.Before(next) {
						p.Users++
					}
					if within {
						p.Registered++
					}
				}
			} else if a.registers {
				continue // it was not written
			}
			if of, known := registered[a.user]; within && known && (product == "" || of == product) {
				active[a.user] = true
			}
		}
		p.Active = uint64(len(active))
	}
	return made
}

func TestErasedUsersAreCountedOut(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.register(ann, "ann", "messenger", 0)
		w.register(bob, "bob", "shop", 0)
		w.register(cyd, "cyd", "messenger", 24*time.Hour)
		w.erase(cyd, 23*time.Hour) // by a clock that is behind
		w.erase(bob, 8*24*time.Hour)
		w.erase(bob, 9*24*time.Hour)
		w.erase(uuid.Max, 9*24*time.Hour)
		set, _ := w.settled()

		series, err := set.Growth.Series(t.Context(), projections.GrowthQuery{From: date(2026, 3, 2), To: date(2026, 3, 16), Interval: projections.Week})
		want := []projections.GrowthPoint{{date(2026, 3, 2), 2, 3, 3}, {date(2026, 3, 9), 1, 0, 1}}
		if diff := cmp.Diff(want, series.Points); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		summary, err := set.Growth.Summary(t.Context(), morning.Add(24*time.Hour), morning.Add(8*24*time.Hour))
		if err != nil || summary.UsersSince != 2 || summary.Users != 1 || summary.Added != -1 || *summary.GrowthPercent != -50 {
			t.Errorf("the summary: %+v, %v", summary, err)
		}
		before, err := set.Growth.Summary(t.Context(), morning.Add(-1), morning.Add(8*24*time.Hour-time.Microsecond))
		if err != nil || before.UsersSince != 0 || before.Users != 2 {
			t.Errorf("up to just before the erasure: %+v, %v", before, err)
		}
		ranking, err := set.Growth.Ranking(t.Context(), morning, morning.Add(8*24*time.Hour))
		if err != nil || len(ranking.Products) != 2 || ranking.Products[1].Product != "shop" || ranking.Products[1].Added != -1 || ranking.Products[1].Users != 0 {
			t.Errorf("the ranking: %+v, %v", ranking, err)
		}
		ranking, err = set.Growth.Ranking(t.Context(), morning.Add(9*24*time.Hour), morning.Add(10*24*time.Hour))
		if err != nil || len(ranking.Products) != 1 || ranking.Products[0].Product != "messenger" {
			t.Errorf("the ranking after it: %+v, %v", ranking, err)
		}
	})
}
