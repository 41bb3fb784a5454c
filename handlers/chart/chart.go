// Package chart draws lines over time as SVG. Its pictures are read in light
// and in dark: colours are CSS variables, which a page that a picture stands in
// may set, and which otherwise follow the reader's preference.
package chart

import (
	"bytes"
	"fmt"
	"time"
)

// Theme is which colours a picture has.
type Theme string

const (
	// Auto follows what the reader prefers.
	Auto  Theme = "auto"
	Light Theme = "light"
	Dark  Theme = "dark"
)

// Chart is lines over time. The moments are UTC.
type Chart struct {
	Title string
	// Unit is what is counted, as "users".
	Unit   string
	Series []Series
	// From and To are the moments at the left and the right edge.
	From, To time.Time
	// Step is about what lies between two points, for the labels of time.
	Step time.Duration
	// Width and Height are in CSS pixels, which the texts' size follows too.
	Width, Height int
	Theme         Theme
}

// Series is one line.
type Series struct {
	Name   string
	Points []Point
}

// Point is a value at a moment.
type Point struct {
	At    time.Time
	Value uint64
}

// MaxSeries is how many lines can be told apart.
const MaxSeries = 8

// Bounds of a picture's size.
const (
	MinWidth, MaxWidth   = 280, 2400
	MinHeight, MaxHeight = 160, 1600
)

// Sizes of a picture's parts, in pixels.
const (
	fontSize   = 13
	charWidth  = 7.3 // of a digit, about
	lineHeight = 20
	margin     = 12
	axisRoom   = 28 // below the plot
	titleRoom  = 28
	manyPoints = 60 // beyond, they are not drawn singly
)

// plot is where the lines are.
type plot struct {
	*Chart
	left, top, right, bottom float64
	max                      uint64
	ticks                    []uint64
}

// SVG draws the chart as a document of its own.
func (c *Chart) SVG() []byte {
	p := c.layout()
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="chart-title chart-desc" font-family="system-ui, sans-serif" font-size="%d">`+"\n",
		c.Width, c.Height, c.Width, c.Height, fontSize)
	fmt.Fprintf(&out, "<title id=\"chart-title\">%s</title>\n<desc id=\"chart-desc\">%s</desc>\n", escape(c.Title), escape(c.describe()))
	out.WriteString(style(c.Theme))
	fmt.Fprintf(&out, "<rect width=\"%d\" height=\"%d\" fill=\"%s\"/>\n", c.Width, c.Height, paper)
	fmt.Fprintf(&out, "<text x=\"%d\" y=\"%d\" font-weight=\"600\" font-size=\"15\" fill=\"%s\">%s</text>\n", margin, margin+12, ink, escape(c.Title))
	p.legend(&out)
	p.values(&out)
	p.times(&out)
	for i := range c.Series {
		p.line(&out, i)
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// layout finds the plot's place, which depends on the labels around it.
func (c *Chart) layout() *plot {
	p := &plot{Chart: c}
	for _, series := range c.Series {
		for _, point := range series.Points {
			p.max = max(p.max, point.Value)
		}
	}
	p.top = margin + titleRoom + float64(len(p.legendLines())*lineHeight)
	p.bottom = float64(c.Height - margin - axisRoom)
	p.max, p.ticks = scale(p.max, int(p.bottom-p.top)/48)
	widest := 0
	for _, tick := range p.ticks {
		widest = max(widest, len(short(tick)))
	}
	p.left = margin + float64(widest)*charWidth + 8
	p.right = float64(c.Width - margin - 8)
	return p
}

// x is where a moment stands.
func (p *plot) x(at time.Time) float64 {
	whole := p.To.Sub(p.From).Seconds()
	if whole <= 0 {
		return (p.left + p.right) / 2
	}
	return p.left + (p.right-p.left)*at.Sub(p.From).Seconds()/whole
}

// y is where a value stands.
func (p *plot) y(value uint64) float64 {
	return p.bottom - (p.bottom-p.top)*float64(value)/float64(p.max)
}

// values draws the lines and labels of values.
func (p *plot) values(out *bytes.Buffer) {
	for _, tick := range p.ticks {
		y := p.y(tick)
		colour := grid
		if tick == 0 {
			colour = axis
		}
		fmt.Fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", p.left, y, p.right, y, colour)
		fmt.Fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\" fill=\"%s\">%s</text>\n", p.left-8, y+fontSize*0.35, faint, short(tick))
	}
}

// times draws the labels of time, as many as stand side by side.
func (p *plot) times(out *bytes.Buffer) {
	last := -margin * 1.0
	for _, label := range timeLabels(p.From, p.To, p.Step, int((p.right-p.left)/90)) {
		x, half := p.x(label.at), float64(len(label.text))*charWidth/2
		if x-half < last+8 || x+half > float64(p.Width) {
			continue
		}
		last = x + half
		fmt.Fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x, p.bottom, x, p.bottom+5, axis)
		fmt.Fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" fill=\"%s\">%s</text>\n", x, p.bottom+21, faint, label.text)
	}
}

// line draws a series; a single one has its area shaded.
func (p *plot) line(out *bytes.Buffer, i int) {
	series := p.Series[i]
	if len(series.Points) == 0 {
		return
	}
	var path bytes.Buffer
	for j, point := range series.Points {
		command := "L"
		if j == 0 {
			command = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", command, p.x(point.At), p.y(point.Value))
	}
	first, last := series.Points[0], series.Points[len(series.Points)-1]
	if len(p.Series) == 1 {
		fmt.Fprintf(out, "<path d=\"%sL%.1f %.1fL%.1f %.1fZ\" fill=\"%s\" fill-opacity=\"0.12\"/>\n",
			path.Bytes(), p.x(last.At), p.bottom, p.x(first.At), p.bottom, colour(i))
	}
	fmt.Fprintf(out, "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-linejoin=\"round\" stroke-linecap=\"round\"%s/>\n", path.Bytes(), colour(i), dashes(i))
	if len(series.Points) > manyPoints {
		return
	}
	for _, point := range series.Points {
		fmt.Fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"><title>%s: %s %s</title></circle>\n",
			p.x(point.At), p.y(point.Value), colour(i), escape(p.label(series, point)), grouped(point.Value), escape(p.Unit))
	}
}

// label names a point.
func (p *plot) label(series Series, point Point) string {
	at := point.At.UTC().Format("2 Jan 2006")
	if series.Name == "" {
		return at
	}
	return series.Name + ", " + at
}
