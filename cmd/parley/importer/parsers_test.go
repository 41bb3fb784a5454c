package importer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestParseIRC(t *testing.T) {
	noon := at(t, "2013-01-26T12:00:00Z")
	says := func(from, text string) entry { return entry{at: noon, room: "tea", from: from, text: text} }
	for after, want := range map[string]entry{
		"[12:00] <ann> hello ":                          says("ann", "hello"),
		"[12:00:00] <ann>\thello":                       says("ann", "hello"),
		"[12:00] <ann>hello":                            says("ann", "hello"),
		"[12:00] <ann> a <b> [c] > d":                   says("ann", "a <b> [c] > d"),
		"[12:00] < ann> hello":                          says("ann", "hello"),
		"[12:00] <+bjf[afk]> hello":                     says("bjf[afk]", "hello"),
		"[12:00] <ann>":                                 says("ann", ""),
		"[12:00] * ann waves":                           says("ann", "/me waves"),
		"[12:00]  * ann waves ":                         says("ann", "/me waves"),
		"[12:00] *ann \twaves":                          says("ann", "/me waves"),
		"=== ann [n=ann@host]  has joined #tea ":        {passed: joined},
		"=== ann [n=ann@host]  has left #tea [\"bye\"]": {passed: left},
		"=== ann is now known as anna":                  {passed: renamed},
		"=== ..[topic/#tea:ann] : what we drink":        {passed: noticed},
		"[12:00] === ann [n=ann@host] has joined #tea":  {passed: joined},
		"[12:00] -bot- a notice":                        {passed: noticed},
		"[12:00] -bot-":                                 {passed: noticed},
		"[12:00] * ann":                                 {},
		"[12:00] *":                                     {},
		"[12:00] *** ann is away":                       {},
		"[12:00] <> hello":                              {},
		"[12:00] <ann hello":                            {},
		"[12:00] - ann":                                 {},
		"[12:00] hello":                                 {},
		"[12:00]":                                       {},
		"[25:00] <ann> hello":                           {},
		"[12] <ann> hello":                              {},
		"[12:00 <ann> hello":                            {},
		"<ann> hello":                                   {},
		"":                                              {},
	} {
		got, err := parseIRC("tea 2013-01-26 "+after, 1)
		if got != want || (err == nil) == want.blank() {
			t.Errorf("%q gave %+v, %v", after, got, err)
		}
	}
	for _, line := range []string{"tea", "tea 2013-01-26", " 2013-01-26 [12:00] <ann> hello", "tea 1969-01-26 [12:00] <ann> hello", "tea 26.01.2013 [12:00] <ann> hello"} {
		if got, err := parseIRC(line, 1); err == nil {
			t.Errorf("%q gave %+v", line, got)
		}
	}
	for _, line := range []string{"", "  ", "\t"} {
		if got, err := parseIRC(line, 1); err != nil || !got.blank() {
			t.Errorf("%q gave %+v, %v", line, got, err)
		}
	}
}

func TestParseEdge(t *testing.T) {
	then := at(t, "2004-04-15T14:56:01Z")
	for line, want := range map[string]entry{
		"1 2 1082040961":                       {at: then, from: "u1", to: "u2", text: "#7"},
		" 18446744073709551615\t0 1082040961 ": {at: then, from: "u18446744073709551615", to: "u0", text: "#7"},
		"3 3 1082040961":                       {passed: toOneself},
		"":                                     {},
		" \t":                                  {},
		"# 1 2 1082040961":                     {},
		"  #":                                  {},
	} {
		if got, err := parseEdge(line, 7); err != nil || got != want {
			t.Errorf("%q gave %+v, %v", line, got, err)
		}
	}
	for _, line := range []string{
		"1", "1 2", "1 2 1082040961 4", "a 2 1082040961", "1 -2 1082040961", "+1 2 1082040961", "1.0 2 3",
		"18446744073709551616 2 1082040961", "1 2 now", "1 2 -1", "1 2 253402300800", "1 2 9223372036854775807", "1,2,1082040961",
	} {
		if got, err := parseEdge(line, 7); err == nil {
			t.Errorf("%q gave %+v", line, got)
		}
	}
}

func TestNextLine(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	r := bufio.NewReaderSize(strings.NewReader("one\r\n\n"+long+"y\ntwo\n"+long+"\nthree"), maxLine)
	for _, want := range []string{"one", "", "too long", "two", "too long", "three"} {
		line, err := nextLine(r)
		if want == "too long" && errors.Is(err, errLineTooLong) {
			continue
		}
		if err != nil || line != want {
			t.Errorf("got %.20q, %v; want %q", line, err, want)
		}
	}
	if line, err := nextLine(r); !errors.Is(err, io.EOF) {
		t.Errorf("after the end came %q, %v", line, err)
	}
}

// checkEntry holds for every line of every format.
func checkEntry(line string, e entry, err error) error {
	switch {
	case err != nil || e.passed != "":
		if e.from != "" || e.room != "" || e.to != "" || e.text != "" {
			return fmt.Errorf("%+v, %w is half a message", e, err)
		}
		if err != nil && utf8.ValidString(line) && len(err.Error()) > 100 {
			return fmt.Errorf("the reason repeats the line: %w", err)
		}
	case e.blank():
	case e.from == "" || (e.room == "") == (e.to == "") || e.from == e.to:
		return fmt.Errorf("%+v is from nobody or to nobody", e)
	case e.at.Year() < 1970 || e.at.Year() > 9999 || e.at.Location() != time.UTC:
		return fmt.Errorf("the time is %v", e.at)
	}
	return nil
}

func FuzzParseIRC(f *testing.F) {
	for line := range strings.Lines(rooms) {
		f.Add(strings.TrimSuffix(line, "\n"))
	}
	f.Fuzz(func(t *testing.T, line string) {
		e, err := parseIRC(line, 1)
		if err := checkEntry(line, e, err); err != nil {
			t.Error(err)
		}
		if !strings.Contains(line, e.room) || !strings.Contains(line, e.from) || !strings.Contains(line, strings.TrimPrefix(e.text, "/me ")) {
			t.Errorf("%q does not say %+v", line, e)
		}
	})
}

func FuzzParseEdge(f *testing.F) {
	for line := range strings.Lines(edges) {
		f.Add(strings.TrimSuffix(line, "\n"))
	}
	f.Fuzz(func(t *testing.T, line string) {
		e, err := parseEdge(line, 42)
		if err := checkEntry(line, e, err); err != nil {
			t.Error(err)
		}
		if e.from == "" {
			return
		}
		again, err := parseEdge(fmt.Sprintf("%s %s %d", e.from[1:], e.to[1:], e.at.Unix()), 42)
		if err != nil || again != e {
			t.Errorf("%q gave %+v, written anew %+v, %v", line, e, again, err)
		}
	})
}

func FuzzParseCells(f *testing.F) {
	for _, cell := range []string{"", "128.45", "0.5", "7", ".9", "-1.00", "1e9", "99999999999999999999.99", "2017-07-09 21:57:05", "0000-01-01 00:00:00", "9999-12-31 23:59:59", " 3 "} {
		f.Add(cell)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		r := row{columns: map[string]int{"cell": 0}, cells: []string{cell}}
		if amount, err := r.amount("cell"); err == nil {
			whole, cents := amount/100, amount%100
			again := row{columns: r.columns, cells: []string{fmt.Sprintf("%d.%02d", whole, cents)}}
			if read, err := again.amount("cell"); amount < 0 || read != amount || err != nil {
				t.Errorf("%q is %d, written anew %d, %v", cell, amount, read, err)
			}
		}
		if at, err := r.instant("cell"); err == nil && !at.IsZero() {
			again := row{columns: r.columns, cells: []string{at.Format(time.DateTime)}}
			if read, err := again.instant("cell"); err != nil || !read.Equal(at.Truncate(time.Second)) {
				t.Errorf("%q is %v, written anew %v, %v", cell, at, read, err)
			}
		}
	})
}
