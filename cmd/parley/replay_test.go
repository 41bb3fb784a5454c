package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"parley/projections"
)

// printed is what a command prints that runs in this process.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	root := newRoot()
	root.SetOut(&out)
	root.SetArgs(args)
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out.String()
}

func TestAnalystsCommandsTellOfTheStory(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	c := &config{data: data, eventstore: embedded, views: "sqlite", logLevel: "warn"}
	h, err := open(t.Context(), c, c.logger())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tell(t.Context(), h.commands); err != nil {
		t.Fatal(err)
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}

	replayed := printed(t, "replay", "--data", data, "--interval", "month", "--as-of", "2015-02-10")
	lines := strings.Split(strings.TrimSpace(replayed), "\n")
	// Lena joined on the 20th, after the moment asked for.
	want := "2015-02-01 all 7 1"
	if last := strings.Join(strings.Fields(lines[len(lines)-3])[:4], " "); last != want || !strings.HasPrefix(lines[0], "month") {
		t.Errorf("the replay ends with %q, want %q:\n%s", last, want, replayed)
	}
	retention := printed(t, "growth", "retention", "--data", data, "--interval", "month", "--from", "2014-11-01", "--to", "2015-01-01", "--as-of", "2015-04-01")
	if rows := strings.Split(strings.TrimSpace(retention), "\n"); len(rows) != 3 || strings.Count(rows[1], "%") != 5 || strings.Count(rows[2], "%") != 4 {
		t.Errorf("retention:\n%s", retention)
	}
	picture := printed(t, "growth", "chart", "--data", data, "--product", "messenger,moments", "--measure", "active", "--interval", "week", "--to", "2015-04-01")
	if !strings.HasPrefix(picture, "<svg ") || !strings.Contains(picture, "Active users each week") || !strings.Contains(picture, "moments") {
		t.Errorf("the picture: %.500s", picture)
	}
}

func TestReplayMovesOnATerminal(t *testing.T) {
	series := func(product string, users ...uint64) projections.GrowthSeries {
		s := projections.GrowthSeries{Product: product}
		for i, n := range users {
			s.Points = append(s.Points, projections.GrowthPoint{Start: time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC), Users: n})
		}
		return s
	}
	h := &history{all: series("", 1, 3, 6), products: []projections.GrowthSeries{series("messenger", 1, 2, 4), series("shop", 0, 1, 2)}, others: 1}
	var out bytes.Buffer
	if err := h.play(t.Context(), &out, 42, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	frames := strings.Split(out.String(), "\x1b[4F\x1b[J")
	want := "2026-01-03  6 users, 0 new, 0 active\nmessenger ███████████ 4\n     shop █████ 2\nand 1 products more\n"
	if len(frames) != 3 || frames[2] != want {
		t.Errorf("%d frames, the last one is\n%s\nwant\n%s", len(frames), frames[len(frames)-1], want)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := h.play(ended, &out, 42, time.Hour); err == nil {
		t.Error("an interrupt did not end the replay")
	}
}
