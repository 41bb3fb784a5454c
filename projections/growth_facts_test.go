package projections

import (
	"testing"
	"time"
)

func TestDaysBeforeTheEpoch(t *testing.T) {
	for _, day := range []time.Time{
		time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(1969, 12, 29, 0, 0, 0, 0, time.UTC), // a Monday
		time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC),
	} {
		start := startOfDay(dayOf(day))
		if want := day.Truncate(24 * time.Hour); !start.Equal(want) {
			t.Errorf("the day of %v is %v", day, start)
		}
		monday := startOfDay(weekSpan.floor(dayOf(day)))
		if monday.Weekday() != time.Monday || start.Sub(monday) >= 7*24*time.Hour || monday.After(start) {
			t.Errorf("the week of %v begins at %v", day, monday)
		}
		if first := startOfDay(monthSpan.floor(dayOf(day))); first.Day() != 1 || first.Month() != day.Month() {
			t.Errorf("the month of %v begins at %v", day, first)
		}
	}
}
