package projections

import "time"

// Interval is the length of a point of a growth series: a UTC day, an ISO week
// (which begins on Monday, UTC) or a calendar month (UTC).
type Interval string

const (
	Day   Interval = "day"
	Week  Interval = "week"
	Month Interval = "month"
)

// span is an Interval as views store it.
type span int8

const (
	daySpan span = iota
	weekSpan
	monthSpan
)

// spans has the day first, which lies within one week and one month.
var spans = []span{daySpan, weekSpan, monthSpan}

var spanOf = map[Interval]span{Day: daySpan, Week: weekSpan, Month: monthSpan}

// floor is the first day of the interval that a day is in.
func (s span) floor(day int32) int32 {
	switch s {
	case weekSpan:
		return day - daysSinceMonday(day)
	case monthSpan:
		return day - int32(startOfDay(day).Day()) + 1
	}
	return day
}

// next is the first day of the interval after the one that begins with a day.
func (s span) next(start int32) int32 {
	switch s {
	case weekSpan:
		return start + 7
	case monthSpan:
		return dayOf(startOfDay(start).AddDate(0, 1, 0))
	}
	return start + 1
}

// leastDays is how short an interval can be.
func (s span) leastDays() int {
	return [...]int{daySpan: 1, weekSpan: 7, monthSpan: 28}[s]
}

// daysSinceMonday: day 0 was a Thursday.
func daysSinceMonday(day int32) int32 {
	return ((day+3)%7 + 7) % 7
}

// secondsADay of UTC, which has no leap seconds here.
const secondsADay = 24 * 60 * 60

func dayOf(t time.Time) int32 {
	seconds := t.Unix()
	day := seconds / secondsADay
	if seconds%secondsADay < 0 {
		day--
	}
	return int32(day)
}

func startOfDay(day int32) time.Time {
	return time.Unix(int64(day)*secondsADay, 0).UTC()
}
