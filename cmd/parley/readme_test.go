package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

const readmePath = "../../README.md"

var fence = regexp.MustCompile("(?s)```([a-z]*)\n(.*?)```")

// snippets are the README's code blocks in one language.
func snippets(t *testing.T, language string) []string {
	t.Helper()
	readme, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range fence.FindAllStringSubmatch(string(readme), -1) {
		if match[1] == language {
			found = append(found, match[2])
		}
	}
	if len(found) == 0 {
		t.Fatalf("the README has no %s snippets", language)
	}
	return found
}

func TestREADMESnippetsAreTheTests(t *testing.T) {
	source, err := os.ReadFile("journey_test.go")
	if err != nil {
		t.Fatal(err)
	}
	journey := unindent(string(source))
	for _, snippet := range snippets(t, "go") {
		if !strings.Contains(journey, unindent(snippet)) {
			t.Errorf("the README shows code that TestJourney does not run:\n%s", snippet)
		}
	}
}

// unindent strips what gofmt and the README indent differently.
func unindent(code string) string {
	lines := strings.Split(strings.TrimSpace(code), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}

// TestREADMESession runs the README's shell snippets one after the other in
// one shell, on a free port in place of 8080.
func TestREADMESession(t *testing.T) {
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("PARLEY_TEST_REQUIRE") == "all" {
				t.Fatalf("%s is required", tool)
			}
			t.Skipf("the README's session needs %s", tool)
		}
	}
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary(t), filepath.Join(home, "bin", "parley")); err != nil {
		t.Fatal(err)
	}
	script := strings.Join(snippets(t, "sh"), "\n")
	script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n" +
		strings.ReplaceAll(script, "127.0.0.1:8080", freeAddress(t))
	shell := exec.CommandContext(t.Context(), "bash")
	shell.Stdin = strings.NewReader(script)
	shell.Dir = home
	shell.Env = append(os.Environ(), asProgram+"=1")
	shell.WaitDelay = 10 * time.Second
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, shown := range snippets(t, "text") {
		for line := range strings.Lines(shown) {
			if !strings.Contains(string(out), strings.TrimSpace(line)) {
				t.Errorf("the README promises %q, but the session printed:\n%s", strings.TrimSpace(line), out)
			}
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestREADMENamesEveryCommandAndFlag(t *testing.T) {
	readme, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	var check func(*cobra.Command)
	check = func(cmd *cobra.Command) {
		if cmd.Hidden {
			return // it is called by the program itself
		}
		if !strings.Contains(string(readme), "`"+cmd.CommandPath()) {
			t.Errorf("the README does not name %q", cmd.CommandPath())
		}
		for _, child := range cmd.Commands() {
			check(child)
		}
	}
	root := newRoot()
	for _, cmd := range root.Commands() {
		check(cmd)
	}
	for _, flag := range []string{"data", "eventstore", "views", "log-level"} {
		if !strings.Contains(string(readme), "`--"+flag+"`") || !strings.Contains(string(readme), "`"+variable(flag)+"`") {
			t.Errorf("the README does not explain --%s and %s", flag, variable(flag))
		}
	}
}
