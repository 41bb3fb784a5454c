package chart

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// legendEntry is how much room a name takes beside its line.
func legendEntry(text string) float64 {
	return 30 + float64(utf8.RuneCountInString(text))*charWidth + 16
}

// legendText is a line's name and where it ended.
func (p *plot) legendText(i int) string {
	series := p.Series[i]
	text := series.Name
	if n := len(series.Points); n > 0 {
		text += " " + grouped(series.Points[n-1].Value)
	}
	return text
}

// legendLines are the series whose names stand side by side, line by line. A
// single line without a name needs none.
func (p *plot) legendLines() [][]int {
	if len(p.Series) == 0 || len(p.Series) == 1 && p.Series[0].Name == "" {
		return nil
	}
	lines, x := [][]int{nil}, 0.0
	for i := range p.Series {
		room := legendEntry(p.legendText(i))
		if x > 0 && x+room > float64(p.Width-2*margin) {
			lines, x = append(lines, nil), 0
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], i)
		x += room
	}
	return lines
}

func (p *plot) legend(out *bytes.Buffer) {
	for row, line := range p.legendLines() {
		x, y := float64(margin), float64(margin+titleRoom+row*lineHeight)
		for _, i := range line {
			fmt.Fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"3\"%s/>\n", x, y, x+22, y, colour(i), dashes(i))
			fmt.Fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" fill=\"%s\">%s</text>\n", x+30, y+fontSize*0.35, ink, escape(p.legendText(i)))
			x += legendEntry(p.legendText(i))
		}
	}
}

// describe tells what the picture shows to those who do not see it.
func (c *Chart) describe() string {
	var out strings.Builder
	fmt.Fprintf(&out, "From %s to %s (UTC).", c.From.UTC().Format("2 January 2006"), c.To.UTC().Format("2 January 2006"))
	for _, series := range c.Series {
		if len(series.Points) == 0 {
			continue
		}
		name := series.Name
		if name == "" {
			name = "All"
		}
		first, last := series.Points[0].Value, series.Points[len(series.Points)-1].Value
		most := first
		for _, point := range series.Points {
			most = max(most, point.Value)
		}
		fmt.Fprintf(&out, " %s: %s %s at first, %s at the end, %s at most.", name, grouped(first), c.Unit, grouped(last), grouped(most))
	}
	return out.String()
}

// scale finds round values up to a greatest one, about as many as are wanted.
func scale(greatest uint64, wanted int) (top uint64, ticks []uint64) {
	wanted = max(wanted, 2)
	step := uint64(1)
	for _, next := range steps {
		if step = next; (greatest+step-1)/step <= uint64(wanted) {
			break
		}
	}
	count := max((greatest+step-1)/step, 1)
	for i := range count + 1 {
		ticks = append(ticks, i*step)
	}
	return count * step, ticks
}

// steps are 1, 2 and 5 times the powers of ten, as far as numbers of users go.
var steps = func() (made []uint64) {
	for power := uint64(1); power <= 1e17; power *= 10 {
		made = append(made, power, 2*power, 5*power)
	}
	return made
}()

// grouped writes a number with commas between its thousands.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// short writes a round number for an axis.
func short(n uint64) string {
	for _, unit := range []struct {
		size uint64
		name string
	}{{1e9, "B"}, {1e6, "M"}} {
		if n >= unit.size {
			return strconv.FormatFloat(math.Round(float64(n)/float64(unit.size)*100)/100, 'f', -1, 64) + unit.name
		}
	}
	return grouped(n)
}

// timeLabel is a moment's name on the axis.
type timeLabel struct {
	at   time.Time
	text string
}

// timeLabels are the begins of days, months or years, not more than there is
// room for.
func timeLabels(from, to time.Time, step time.Duration, most int) []timeLabel {
	const day = 24 * time.Hour
	most = max(most, 2)
	from, to = from.UTC(), to.UTC()
	for _, unit := range []struct {
		length              time.Duration
		years, months, days int
	}{
		{day, 0, 0, 1}, {2 * day, 0, 0, 2}, {7 * day, 0, 0, 7}, {14 * day, 0, 0, 14},
		{31 * day, 0, 1, 0}, {92 * day, 0, 3, 0}, {183 * day, 0, 6, 0},
		{366 * day, 1, 0, 0}, {2 * 366 * day, 2, 0, 0}, {5 * 366 * day, 5, 0, 0}, {20 * 366 * day, 20, 0, 0}, {200 * 366 * day, 200, 0, 0},
	} {
		if unit.length < step && unit.days > 0 || int(to.Sub(from)/unit.length) > most {
			continue
		}
		at, layout := begin(from, unit.years, unit.months), "2 Jan 2006"
		switch {
		case unit.years > 0:
			layout = "2006"
		case unit.months > 0:
			layout = "Jan 2006"
		case from.Year() == to.Add(-1).Year():
			layout = "2 Jan"
		}
		var labels []timeLabel
		for ; !at.After(to); at = at.AddDate(unit.years, unit.months, unit.days) {
			if !at.Before(from) {
				labels = append(labels, timeLabel{at, at.Format(layout)})
			}
		}
		if len(labels) > 0 {
			return labels
		}
	}
	return []timeLabel{{from, from.Format("2 Jan 2006")}}
}

// begin is the first of the years, months or days that a moment is in.
func begin(at time.Time, years, months int) time.Time {
	switch {
	case years > 0:
		return time.Date(at.Year()-at.Year()%years, time.January, 1, 0, 0, 0, 0, time.UTC)
	case months > 0:
		month := int(at.Month()-1) / months * months
		return time.Date(at.Year(), time.Month(month+1), 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
}
