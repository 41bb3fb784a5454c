package projections_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"parley/events"
	"parley/projections"
	"parley/projections/views/viewstest"
)

func TestRetentionOfASmallHistory(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		const day, week = 24 * time.Hour, 7 * 24 * time.Hour
		// morning is Monday, 2 March 2026.
		w.register(ann, "ann", "messenger", 0)
		w.register(bob, "bob", "shop", 6*day)
		w.append(events.UserStream(cyd), events.Cause{Actor: "operator", OccurredAt: morning.Add(week)}, &events.UserRegistered{User: cyd, Product: "shop"})
		room := w.start(week, ann, bob, cyd)
		w.post(room, ann, "a week later", week+day)
		w.post(room, bob, "a month later", 4*week)
		w.post(room, cyd, "before registering", 0)
		w.post(room, cyd, "in the second week", 2*week)
		w.opts.Now = func() time.Time { return morning.Add(2*week + day) }
		set, _ := w.settled()

		percent := func(p float64) *float64 { return &p }
		weekly, err := set.Growth.Retention(t.Context(), projections.RetentionQuery{From: date(2026, 3, 1)})
		want := projections.GrowthRetention{
			From: date(2026, 2, 23), To: date(2026, 3, 23), AsOf: morning.Add(2*week + day), Interval: projections.Week,
			Cohorts: []projections.Cohort{
				{date(2026, 2, 23), 0, []projections.Retained{{0, 0, nil}, {1, 0, nil}, {2, 0, nil}, {3, 0, nil}}},
				{date(2026, 3, 2), 2, []projections.Retained{{0, 2, percent(100)}, {1, 1, percent(50)}, {2, 0, percent(0)}}},
				{date(2026, 3, 9), 1, []projections.Retained{{0, 0, percent(0)}, {1, 1, percent(100)}}},
				{date(2026, 3, 16), 0, []projections.Retained{{0, 0, nil}}},
			},
		}
		if diff := cmp.Diff(want, weekly); diff != "" || err != nil {
			t.Errorf("by weeks: %v\n%s", err, diff)
		}
		monthly, err := set.Growth.Retention(t.Context(), projections.RetentionQuery{
			From: date(2026, 3, 1), To: date(2026, 4, 1), AsOf: date(2026, 4, 1), Interval: projections.Month, Product: "shop",
		})
		wantMonthly := []projections.Cohort{{date(2026, 3, 1), 2, []projections.Retained{{0, 2, percent(100)}}}}
		if diff := cmp.Diff(wantMonthly, monthly.Cohorts); diff != "" || err != nil {
			t.Errorf("by months: %v\n%s", err, diff)
		}
		if last, err := set.Growth.Retention(t.Context(), projections.RetentionQuery{}); err != nil || len(last.Cohorts) != 12 {
			t.Errorf("without a begin: %d cohorts, %v", len(last.Cohorts), err)
		}
		for _, wrong := range []projections.RetentionQuery{
			{Interval: projections.Day},
			{Interval: "year"},
			{From: date(2026, 3, 2), To: date(2026, 3, 2)},
			{To: date(2026, 3, 20), AsOf: date(2026, 3, 19)},
			{From: date(1000, 1, 1)},
			{From: date(1, 1, 1), To: date(1, 1, 2), Interval: projections.Month},
		} {
			if _, err := set.Growth.Retention(t.Context(), wrong); !errors.Is(err, projections.ErrRange) {
				t.Errorf("%+v: %v", wrong, err)
			}
		}
	})
}

// TestRetentionCountsRandomHistories compares with looking at all that
// happened, after a restart in the middle of it.
func TestRetentionCountsRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		people := []uuid.UUID{ann, bob, cyd}
		history := drawHistory(rt, len(people))
		w := newWorld(t, viewstest.SQLite)
		w.opts.Only = []string{projections.GrowthName}
		half := len(history) / 2
		for _, a := range history[:half] {
			w.act(people[a.user], a)
		}
		_, stop := w.settled()
		stop()
		for _, a := range history[half:] {
			w.act(people[a.user], a)
		}
		set, stop := w.settled()
		defer stop()
		interval := rapid.SampledFrom([]projections.Interval{projections.Week, projections.Month}).Draw(rt, "interval")
		product := rapid.SampledFrom([]string{"", "a"}).Draw(rt, "of")
		query := projections.RetentionQuery{From: date(2023, 12, 1), To: date(2024, 4, 1), AsOf: date(2024, 4, 1), Interval: interval, Product: product}
		got, err := set.Growth.Retention(t.Context(), query)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(retained(history, got.Cohorts, got.To, product), got.Cohorts); diff != "" {
			rt.Errorf("retention:\n%s", diff)
		}
	})
}

// retained makes cohorts anew.
func retained(history []act, shown []projections.Cohort, end time.Time, product string) []projections.Cohort {
	var made []projections.Cohort
	for i, cohort := range shown {
		users, active := make(map[int]bool), make([]map[int]bool, len(cohort.Retained))
		for k := range active {
			active[k] = make(map[int]bool)
		}
		ends := func(at int) time.Time { // of the interval that begins with a cohort
			if at+1 < len(shown) {
				return shown[at+1].Start
			}
			return end
		}
		registered := make(map[int]act)
		for _, a := range history {
			if _, known := registered[a.user]; a.registers && known {
				continue
			} else if a.registers {
				registered[a.user] = a
			}
			by, known := registered[a.user]
			if !known || product != "" && by.product != product || by.at.Before(cohort.Start) || !by.at.Before(ends(i)) {
				continue
			}
			users[a.user] = true
			for k := range active {
				if !a.at.Before(shown[i+k].Start) && a.at.Before(ends(i+k)) {
					active[k][a.user] = true
				}
			}
		}
		again := projections.Cohort{Start: cohort.Start, Users: uint64(len(users)), Retained: []projections.Retained{}}
		for k := range active {
			r := projections.Retained{Later: k, Active: uint64(len(active[k]))}
			if len(users) > 0 {
				percent := 100 * float64(r.Active) / float64(len(users))
				r.Percent = &percent
			}
			again.Retained = append(again.Retained, r)
		}
		made = append(made, again)
	}
	return made
}
