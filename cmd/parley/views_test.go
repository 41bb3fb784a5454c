package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"parley/events/pgtest"
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
