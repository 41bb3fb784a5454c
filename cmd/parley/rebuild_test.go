package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"parley/events/pgtest"
)

// TestRebuildAndCheckFromOutside does both with the server running and
// without.
func TestRebuildAndCheckFromOutside(t *testing.T) {
	t.Parallel()
	for name, engine := range map[string]func(*testing.T) string{
		"sqlite":   func(*testing.T) string { return sqlite },
		"postgres": func(t *testing.T) string { return pgtest.URL(t) },
	} {
		t.Run(name, func(t *testing.T) {
			data, views := filepath.Join(t.TempDir(), "data"), engine(t)
			server := serve(t, data, "--views", views)
			ada, bob := register(t, server.address(), "ada"), register(t, server.address(), "bob")
			room := ada.begin("Again", bob)
			last := ada.say(room, "Once more?")
			upkeep := func(command, says string) {
				t.Helper()
				for _, args := range [][]string{{"users", "conversations"}, {}} {
					out := finish(t, append([]string{command, "--data", data, "--views", views}, args...)...)
					for _, projection := range []string{"users", "conversations"} {
						if !strings.Contains(out, projection+": "+says) {
							t.Errorf("%s %v printed:\n%s", command, args, out)
						}
					}
				}
			}
			upkeep("rebuild", "rebuilt in ")
			upkeep("check", "the same up to position ")
			if lines := bob.transcript(room, "Parley-Position", last.position); len(lines) != 1 || lines[0].Text != "Once more?" {
				t.Errorf("after the rebuild bob reads %v", lines)
			}
			wrong := start(t, nil, "rebuild", "--data", data, "--views", views, "nothing")
			if code := wrong.wait(); code != misuse || !strings.Contains(wrong.stderr.String(), "conversations") {
				t.Errorf("an unknown projection: exit code %d, %s", code, wrong.stderr)
			}
			server.stop()
			upkeep("rebuild", "rebuilt in ")
			upkeep("check", "the same up to position ")
			again := serve(t, data, "--views", views)
			bob.address = again.address()
			if inbox := bob.ask(http.StatusOK, "GET", "/v1/conversations", nil).Conversations; len(inbox) != 1 || inbox[0].Unread != 1 {
				t.Errorf("bob's inbox is %+v", inbox)
			}
			again.stop()
		})
	}
}
