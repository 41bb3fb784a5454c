package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/events/pgtest"
	"parley/events/postgres"
)

// TestPostgresGoesAway crashes the database of the views while people write:
// reads are refused for now, writes go on, and when it is back everything is
// there once, without a restart.
func TestPostgresGoesAway(t *testing.T) {
	t.Parallel()
	cluster := pgtest.Start(t)
	server := serve(t, filepath.Join(t.TempDir(), "data"), "--views", cluster.URL("parley"))
	ada, bob := register(t, server.address(), "ada"), register(t, server.address(), "bob")
	room := ada.begin("Outage", bob)
	var last reply
	said := 0
	talk := func() {
		t.Helper()
		for range 5 {
			last = ada.say(room, fmt.Sprint("line ", said))
			said++
		}
	}
	for range 2 {
		talk()
		if lines := bob.transcript(room, "Parley-Position", last.position); len(lines) != said {
			t.Errorf("bob reads %d of %d lines", len(lines), said)
		}
		cluster.Crash(t)
		talk()
		if refused := bob.ask(http.StatusServiceUnavailable, "GET", "/v1/conversations", nil); refused.retryAfter == "" {
			t.Errorf("a read is refused without Retry-After: %s", refused.raw)
		}
		cluster.Restart(t)
		bob.eventually("/v1/conversations/"+room, "Parley-Position", last.position)
		lines := bob.transcript(room, "Parley-Position", last.position)
		for i, line := range lines {
			if line.Text != fmt.Sprint("line ", i) {
				t.Errorf("line %d is %q", i, line.Text)
			}
		}
		if len(lines) != said {
			t.Errorf("bob reads %d of %d lines", len(lines), said)
		}
	}
	server.stop()
}

// TestASlowViewIsToldAndHarmsNothingElse has one view's table locked, so that
// it falls behind: that is told, who waits for it is put off, and all else goes
// on.
func TestASlowViewIsToldAndHarmsNothingElse(t *testing.T) {
	t.Parallel()
	views := pgtest.URL(t)
	server := serve(t, filepath.Join(t.TempDir(), "data"), "--views", views)
	ada, bob := register(t, server.address(), "ada"), register(t, server.address(), "bob")
	room := ada.begin("Slow", bob)
	bob.eventually("/v1/users/"+ada.id, "Parley-Position", ada.say(room, "Hello.").position)
	release := lockView(t, views, "users", "users")

	cyd := register(t, server.address(), "cyd")
	said := ada.say(room, "Does anything wait for the users?")
	if lines := bob.transcript(room, "Parley-Position", said.position); len(lines) != 2 {
		t.Errorf("bob reads %v", lines)
	}
	refused := cyd.ask(http.StatusServiceUnavailable, "GET", "/v1/users/"+cyd.id, nil, "Parley-Position", said.position)
	if refused.retryAfter == "" || !strings.Contains(refused.raw, "has not reached Parley-Position") {
		t.Errorf("the wait ends with Retry-After %q: %s", refused.retryAfter, refused.raw)
	}
	if lag := ada.lag("users"); lag == 0 {
		t.Error("the metric shows no lag")
	}
	if lag := ada.lag("conversations"); lag != 0 {
		t.Errorf("another view lags by %v", lag)
	}
	ready := ada.ask(http.StatusOK, "GET", "/readyz", nil)
	if !regexp.MustCompile(`"name":"users"[^{}]*"lag":[1-9]`).MatchString(ready.raw) {
		t.Errorf("/readyz says %s", ready.raw)
	}
	ada.ask(http.StatusOK, "GET", "/v1/users/"+bob.id, nil)

	release()
	cyd.eventually("/v1/users/"+cyd.id, "Parley-Position", said.position)
	if lag := ada.lag("users"); lag != 0 {
		t.Errorf("the view that has caught up lags by %v", lag)
	}
	server.stop()
}

// lockView keeps a view's table from being changed until release is called.
func lockView(t *testing.T, url, view, table string) (release func()) {
	t.Helper()
	config, schema, err := postgres.Config(url)
	if err != nil {
		t.Fatal(err)
	}
	connection, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close(context.Background()) }) // most are closed
	var place string
	const newest = `SELECT schemaname FROM pg_tables WHERE schemaname LIKE $1 AND tablename = $2 ORDER BY length(schemaname) DESC, schemaname DESC LIMIT 1`
	if err := connection.QueryRow(t.Context(), newest, schema+`\_`+view+`\_%`, table).Scan(&place); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"BEGIN", "LOCK TABLE " + place + "." + table + " IN EXCLUSIVE MODE"} {
		if _, err := connection.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return func() {
		t.Helper()
		if err := connection.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// lag is how far a view is behind, as the metrics have it.
func (s *stranger) lag(view string) float64 {
	s.t.Helper()
	metrics := s.ask(http.StatusOK, "GET", "/metrics", nil).raw
	for line := range strings.Lines(metrics) {
		if value, found := strings.CutPrefix(line, `parley_projection_lag{projection="`+view+`"} `); found {
			lag, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return lag
		}
	}
	s.t.Fatalf("there is no lag of %s:\n%s", view, metrics)
	return 0
}

// eventually asks until the answer is 200, as long as it is 503.
func (s *stranger) eventually(path string, headers ...string) {
	s.t.Helper()
	for began := time.Now(); ; {
		r, err := s.exchange(http.MethodGet, path, nil, headers...)
		switch {
		case err != nil:
			s.t.Fatal(err)
		case r.status == http.StatusOK:
			return
		case r.status != http.StatusServiceUnavailable || time.Since(began) > patience:
			s.t.Fatalf("%s: status %d after %v: %s", path, r.status, time.Since(began), r.raw)
		}
	}
}
