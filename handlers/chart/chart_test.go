package chart

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestScaleIsRound(t *testing.T) {
	for _, c := range []struct {
		greatest uint64
		wanted   int
		want     []uint64
	}{
		{0, 6, []uint64{0, 1}},
		{1, 6, []uint64{0, 1}},
		{3, 6, []uint64{0, 1, 2, 3}},
		{7, 5, []uint64{0, 2, 4, 6, 8}},
		{101, 5, []uint64{0, 50, 100, 150}},
		{1_000_000_000, 6, []uint64{0, 2e8, 4e8, 6e8, 8e8, 1e9}},
		{10, 0, []uint64{0, 5, 10}},
	} {
		top, got := scale(c.greatest, c.wanted)
		if diff := cmp.Diff(c.want, got); diff != "" || top != got[len(got)-1] {
			t.Errorf("up to %d: the top is %d\n%s", c.greatest, top, diff)
		}
	}
	if top, _ := scale(1<<64-1, 3); top == 0 {
		t.Error("the greatest number has no scale")
	}
}

func TestNumbersAreShort(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1_000: "1,000", 250_000: "250,000", 1_500_000: "1.5M", 2e9: "2B", 1_250_000_000: "1.25B"} {
		if got := short(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func TestTimesAreNamed(t *testing.T) {
	const oneDay = 24 * time.Hour
	for _, c := range []struct {
		from, to time.Time
		step     time.Duration
		want     string
	}{
		{day(2026, 3, 1), day(2026, 3, 4), oneDay, "1 Mar, 2 Mar, 3 Mar, 4 Mar"},
		{day(2025, 12, 30), day(2026, 1, 2), oneDay, "30 Dec 2025, 31 Dec 2025, 1 Jan 2026, 2 Jan 2026"},
		{day(2026, 1, 5), day(2026, 3, 2), 7 * oneDay, "5 Jan, 19 Jan, 2 Feb, 16 Feb, 2 Mar"},
		{day(2026, 1, 1), day(2026, 6, 1), 28 * oneDay, "Jan 2026, Feb 2026, Mar 2026, Apr 2026, May 2026, Jun 2026"},
		{day(2014, 2, 1), day(2016, 7, 1), 28 * oneDay, "Jul 2014, Jan 2015, Jul 2015, Jan 2016, Jul 2016"},
		{day(2001, 2, 1), day(2026, 7, 1), 28 * oneDay, "2005, 2010, 2015, 2020, 2025"},
		{day(2026, 3, 1), day(2026, 3, 1), oneDay, "1 Mar"},
	} {
		var got []string
		for _, label := range timeLabels(c.from, c.to, c.step, 6) {
			got = append(got, label.text)
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("from %s to %s: %s, want %s", c.from.Format(time.DateOnly), c.to.Format(time.DateOnly), text, c.want)
		}
	}
}

// TestPicturesAreWhole draws in all sizes what could break one.
func TestPicturesAreWhole(t *testing.T) {
	name := strings.Repeat("<&\"'\x00\xff", 6)
	for _, width := range []int{MinWidth, 960, MaxWidth} {
		for _, height := range []int{MinHeight, MaxHeight} {
			for _, points := range []int{0, 1, 3, 400} {
				c := Chart{Title: name, Unit: name, From: day(2026, 1, 1), To: day(2026, 1, 1).AddDate(0, 0, max(points-1, 0)), Step: 24 * time.Hour, Width: width, Height: height, Theme: Auto}
				for i := range MaxSeries + 1 {
					one := Series{Name: fmt.Sprint(name, i)}
					for p := range points {
						one.Points = append(one.Points, Point{c.From.AddDate(0, 0, p), uint64(p * i)})
					}
					c.Series = append(c.Series, one)
				}
				whole(t, c.SVG())
			}
		}
	}
}

// whole fails the test unless a picture is well-formed XML whose numbers are
// numbers.
func whole(t *testing.T, svg []byte) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(string(svg)))
	for {
		_, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in %.300s", err, svg)
		}
	}
	for _, broken := range []string{"NaN", "Inf", "%!"} {
		if strings.Contains(string(svg), broken) {
			t.Fatalf("%s in %.300s", broken, svg)
		}
	}
}
