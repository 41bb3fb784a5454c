package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestMisuseExitsWith2(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		says string
		args []string
	}{
		{"unknown command", []string{"sing"}},
		{"unknown flag", []string{"serve", "--sing"}},
		{"accepts 1 arg", []string{"audit", "event"}},
		{"--eventstore", []string{"serve", "--eventstore", "mysql://here"}},
		{"--views", []string{"serve", "--views", "paper"}},
		{"--log-level", []string{"serve", "--log-level", "loud"}},
		{"--user", []string{"token"}},
		{"--user", []string{"token", "--user", "ada"}},
		{"--scope", []string{"token", "--scope", "king"}},
		{"--format", []string{"growth", "--format", "poem"}},
		{"interval", []string{"growth", "--interval", "century"}},
		{"--format", []string{"import", "--format", "scroll", "file"}},
		{"loopback", []string{"node", "--listen", "0.0.0.0:0"}},
		{"--clients", []string{"bench", "send", "--clients", "0"}},
		{"--duration", []string{"bench", "page", "--duration", "0s"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			p := start(t, nil, c.args...)
			if code := p.wait(); code != misuse {
				t.Errorf("exit code %d, want %d", code, misuse)
			}
			if said := p.stderr.String(); !strings.Contains(said, c.says) || strings.Contains(said, "panic") {
				t.Errorf("said %q, want %q in it", said, c.says)
			}
			if printed := p.stdout.String(); printed != "" {
				t.Errorf("printed %q", printed)
			}
		})
	}
}

func TestEnvironmentStandsInForFlags(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "elsewhere")
	p := start(t, []string{
		"PARLEY_DATA=" + data, "PARLEY_LISTEN=127.0.0.1:0", "PARLEY_OPEN_REGISTRATION=true", "PARLEY_RATE=3", "PARLEY_LOG_LEVEL=error",
	}, "serve", "--rate", "-1")
	address := p.address()
	for _, handle := range []string{"ada", "bob", "cleo", "dan", "eve"} {
		register(t, address, handle)
	}
	if _, err := os.Stat(filepath.Join(data, "FORMAT")); err != nil {
		t.Error(err)
	}
	p.stop()
	if said := p.stderr.String(); said != "" {
		t.Errorf("at log level error the server said %q", said)
	}

	refused := start(t, []string{"PARLEY_RATE=many"}, "serve")
	if code, said := refused.wait(), refused.stderr.String(); code != misuse || !strings.Contains(said, "PARLEY_RATE") {
		t.Errorf("exit code %d, said %q; want %d and the variable's name", code, said, misuse)
	}
}

var introduced = regexp.MustCompile(`(?m)^(\w+)\n  page: .*\n  token: (\S+)$`)

func TestDemoTellsItsStoryOnce(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	told := demo(t, data)
	if told == 0 {
		t.Fatal("the story is empty")
	}
	if again := demo(t, data); again != told {
		t.Errorf("%d events after the first telling, %d after the second", told, again)
	}
}

// demo starts the demo, uses what it prints, stops it and returns how many
// events there are.
func demo(t *testing.T, data string) int {
	t.Helper()
	p := start(t, nil, "demo", "--data", data, "--listen", "127.0.0.1:0")
	address := p.address()
	guests := make(map[string]*stranger)
	for _, guest := range introduced.FindAllStringSubmatch(p.stdout.String(), -1) {
		guests[guest[1]] = &stranger{t: t, address: address, token: guest[2]}
	}
	user, analyst, auditor := guests["user"], guests["analyst"], guests["auditor"]
	if user == nil || analyst == nil || auditor == nil || guests["seller"] == nil {
		t.Fatalf("the demo introduced %d guests:\n%s", len(guests), p.stdout)
	}
	inbox := user.ask(http.StatusOK, "GET", "/v1/conversations", nil).Conversations
	if len(inbox) == 0 || inbox[0].LastMessage == nil {
		t.Fatalf("the user's inbox is %+v", inbox)
	}
	if lines := user.transcript(inbox[0].ID); uint64(len(lines)) != inbox[0].MessageCount {
		t.Errorf("%d messages, the inbox says %d", len(lines), inbox[0].MessageCount)
	}
	if users := analyst.ask(http.StatusOK, "GET", "/v1/growth/summary?since=2015-01-01", nil).Users; users != uint64(len(cast)) {
		t.Errorf("the analyst sees %d users, want %d", users, len(cast))
	}
	count := 0
	for path := "/v1/audit/events?limit=1000"; ; {
		page := auditor.ask(http.StatusOK, "GET", path, nil)
		if count += len(page.Events); page.Next == nil {
			break
		}
		path = *page.Next
	}
	p.stop()
	return count
}

func TestAForeignFormatIsRefused(t *testing.T) {
	t.Parallel()
	for name, format := range map[string]string{"damaged": "{\"for", "newer": `{"format":99}`} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			path := filepath.Join(data, "FORMAT")
			if err := os.WriteFile(path, []byte(format), 0o600); err != nil {
				t.Fatal(err)
			}
			p := serve(t, data)
			if code, said := p.wait(), p.stderr.String(); code != failed || !strings.Contains(said, path) {
				t.Errorf("exit code %d, said %q; want %d and the file's name", code, said, failed)
			}
			if left, err := os.ReadFile(path); err != nil || string(left) != format {
				t.Errorf("the file is now %q, %v", left, err)
			}
		})
	}
}
