package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/cmd/parley/bench"
	"parley/events"
	"parley/events/pgtest"
)

func TestBenchmarksMeasureAndCleanUp(t *testing.T) {
	for _, args := range [][]string{
		{"send", "--clients", "3", "--rooms", "5", "--rounds", "2", "--requests", "30"},
		{"page", "--clients", "3", "--rooms", "2", "--rounds", "2", "--duration", "20ms"},
		{"inbox", "--clients", "2", "--rooms", "20", "--rounds", "2", "--requests", "20"},
		{"live", "--listeners", "36", "--fanout", "6", "--rounds", "2", "--duration", "100ms"},
		{"orders", "--events", "40", "--clients", "2", "--rooms", "2", "--rounds", "2", "--requests", "20"},
		{"attachments", "--clients", "2", "--rounds", "2", "--requests", "6"},
		{"webhooks", "--clients", "10", "--rooms", "12", "--rounds", "2", "--requests", "36"},
		{"replay", "--events", "1200", "--rounds", "2"},
		{"search", "--events", "800", "--clients", "2", "--rooms", "40", "--rounds", "2", "--requests", "40"},
		{"append", "--rounds", "2", "--requests", "100"},
		{"read", "--events", "1200", "--rounds", "2"},
		{"size", "--events", "12000", "--rounds", "2", "--clients", "3", "--requests", "30"},
	} {
		t.Run(args[0], func(t *testing.T) {
			dir := t.TempDir()
			profile := filepath.Join(t.TempDir(), "profile")
			var report bench.Report
			root := newRoot()
			var printed bytes.Buffer
			root.SetOut(&printed)
			root.SetArgs(append([]string{"bench", args[0], "--data", dir, "--cpuprofile", profile, "--json"}, args[1:]...))
			if err := root.ExecuteContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(printed.Bytes(), &report); err != nil {
				t.Fatal(err)
			}
			for _, c := range report.Comparisons {
				if len(c.Ratios) != 2 || c.Ratio.Min <= 0 || c.Ratio.Max < c.Ratio.Min {
					t.Errorf("%s: ratios %v, %+v", c.Name, c.Ratios, c.Ratio)
				}
			}
			if args[0] == "size" {
				checkCurve(t, report.Curve)
			} else if len(report.Comparisons) == 0 {
				t.Error("nothing was compared")
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
			if written, err := os.Stat(profile); err != nil || written.Size() == 0 {
				t.Errorf("the profile: %v, %v", written, err)
			}
		})
	}
}

// TestPagesOfPostgreSQLAreMeasured runs pgbench, too, and leaves no schema.
func TestPagesOfPostgreSQLAreMeasured(t *testing.T) {
	url := pgtest.URL(t)
	root := newRoot()
	var printed bytes.Buffer
	root.SetOut(&printed)
	root.SetArgs([]string{"bench", "page", "--views", url, "--data", t.TempDir(), "--json", "--clients", "2", "--rooms", "3", "--rounds", "1", "--duration", "20ms"})
	if err := root.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	var report bench.Report
	if err := json.Unmarshal(printed.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Comparisons) != 3 || report.Comparisons[2].Control.Name != "pgbench" || report.Comparisons[2].Ratio.Min <= 0 {
		t.Errorf("compared %+v", report.Comparisons)
	}
	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	var left int
	err = db.QueryRow(t.Context(), `SELECT count(*) FROM pg_namespace WHERE starts_with(nspname, 'bench')`).Scan(&left)
	if err != nil || left > 0 {
		t.Errorf("%d schemas are left behind, %v", left, err)
	}
}

func checkCurve(t *testing.T, curve *bench.Curve) {
	t.Helper()
	if curve == nil || len(curve.Points) != 2 || curve.Points[0].Events != 10_000 || curve.Points[1].Events != 12_000 {
		t.Fatalf("the curve is %+v", curve)
	}
	for _, p := range curve.Points {
		for _, q := range []bench.Paired{p.Start, p.Append, p.P99, p.CPU, p.SendP99, p.SendCPU} {
			if len(q.HereRounds) != 2 || q.Here <= 0 || q.Small <= 0 || q.Ratio <= 0 {
				t.Errorf("at %d events: %+v", p.Events, q)
			}
		}
		if p.DiskPerEvent < 100 || p.DiskRatio <= 0 {
			t.Errorf("at %d events: %+v", p.Events, p)
		}
	}
}

func TestAnInterruptedBenchmarkCleansUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, nil, "bench", "send", "--data", dir, "--clients", "2", "--rounds", "1000", "--duration", "20ms")
	p.line(p.stderr, "bench: sending")
	p.signal(syscall.SIGINT)
	if code := p.wait(); code != failed {
		t.Errorf("exit code %d, want %d", code, failed)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestBenchmarksRefuseALie measures houses that look fast because they do not
// do what they answer.
func TestBenchmarksRefuseALie(t *testing.T) {
	for _, c := range []struct {
		name    string
		measure measure
		lie     func(http.Handler) http.Handler
		found   string
	}{
		{"a message is not kept", bench.Send, answersAsBefore(10, 35), "is not what is there"},
		{"a message is kept twice", bench.Send, doesItTwice(10), "is not what is there"},
		{"a message is not delivered", bench.Live, answersAsBefore(10, 15), "was expected"},
		{"a message is delivered twice", bench.Live, doesItTwice(10), "was expected"},
		{"a page is an old one", bench.Page, answersAsBefore(10, 100), "was right"},
	} {
		t.Run(c.name, func(t *testing.T) {
			program := benchProgram
			program.Open = func(ctx context.Context, dir, postgres string) (*bench.House, error) {
				h, err := benchHouse(ctx, dir, postgres)
				if err == nil {
					h.Handler = c.lie(h.Handler)
				}
				return h, err
			}
			_, err := c.measure(t.Context(), program, bench.Options{
				Clients: 2, Rooms: 3, Events: 1, Rounds: 1, Requests: 40, Listeners: 4, Fanout: 2, Rate: 1000, Duration: time.Second, Dir: t.TempDir(), Err: io.Discard,
			})
			if err == nil || !strings.Contains(err.Error(), c.found) {
				t.Errorf("%v, want %q", err, c.found)
			}
		})
	}
}

// TestLogBenchmarksRefuseALie measures logs that do not do what they answer.
func TestLogBenchmarksRefuseALie(t *testing.T) {
	for name, measured := range map[string]measure{"append": bench.Append, "read": bench.Read, "size": bench.Size} {
		for _, lie := range []string{"forgets", "misplaces"} {
			t.Run(name+" "+lie, func(t *testing.T) {
				program := benchProgram
				program.OpenNode = func(dir string) (*bench.Node, error) {
					n, err := benchNode(dir)
					if err == nil {
						n.Log = &lyingLog{Log: n.Log, misplaces: lie == "misplaces"}
					}
					return n, err
				}
				_, err := measured(t.Context(), program, bench.Options{
					Clients: 2, Rooms: 1, Events: 500, Rounds: 1, Requests: 100, Dir: t.TempDir(), Err: io.Discard,
				})
				if err == nil || !strings.Contains(err.Error(), "is not what is there") && !strings.Contains(err.Error(), "was answered with revision") {
					t.Errorf("the lie was not found: %v", err)
				}
			})
		}
	}
}

// lyingLog answers its first appends without making them, or its fifth with a
// wrong revision.
type lyingLog struct {
	events.Log
	misplaces bool
	appends   atomic.Int64
}

func (l *lyingLog) Append(ctx context.Context, stream string, expected events.Expected, batch ...events.Proposed) (events.Appended, error) {
	number := l.appends.Add(1)
	if !l.misplaces && number == 1 {
		return events.Appended{Position: 1, Revision: uint64(len(batch)) - 1}, nil
	}
	done, err := l.Log.Append(ctx, stream, expected, batch...)
	if l.misplaces && number == 5 {
		done.Revision++
	}
	return done, err
}

// answersAsBefore gives one request, by its number, the answer of an earlier
// one.
func answersAsBefore(earlier, later int64) func(http.Handler) http.Handler {
	return func(honest http.Handler) http.Handler {
		var asked atomic.Int64
		kept := make(chan *answer, 1)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch asked.Add(1) {
			case earlier:
				one := &answer{header: make(http.Header), status: http.StatusOK}
				honest.ServeHTTP(one, r)
				kept <- one
				one.repeat(w)
			case later:
				(<-kept).repeat(w)
			default:
				honest.ServeHTTP(w, r)
			}
		})
	}
}

func (a *answer) repeat(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes())
}

// doesItTwice carries one request, by its number, out twice.
func doesItTwice(number int64) func(http.Handler) http.Handler {
	return func(honest http.Handler) http.Handler {
		var asked atomic.Int64
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked.Add(1) == number {
				body, err := io.ReadAll(r.Body)
				if err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
					return
				}
				again := r.Clone(r.Context())
				again.Body = io.NopCloser(bytes.NewReader(body))
				honest.ServeHTTP(&answer{header: make(http.Header)}, again)
				r.Body = io.NopCloser(bytes.NewReader(body))
			}
			honest.ServeHTTP(w, r)
		})
	}
}
