package wire

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nodeClient is EventStoreDB's own Node.js client, with its exact version.
const nodeClient = "@eventstore/db-client@6.2.1"

const (
	installPatience = 3 * time.Minute
	compatPatience  = 2 * time.Minute
)

// EventStoreDB protocol: its own Node.js client cannot tell the difference. It
// appends by BatchAppend, ends its subscriptions, and decides by trailers and
// details, all otherwise than the Go client.
func TestNodeJSClient(t *testing.T) {
	modules := installNodeClient(t)
	s := start(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), compatPatience)
	defer cancel()
	run := exec.CommandContext(ctx, "node", filepath.Join("testdata", "nodejs", "compat.js"), s.address)
	run.Env = append(os.Environ(), "NODE_PATH="+modules)
	output, err := run.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Errorf("the client's program: %v", err)
	}
	if ran := strings.Count(string(output), "ok: "); ran < 18 {
		t.Errorf("%d tests passed", ran)
	}
}

// installNodeClient answers with the directory of modules that has the client.
// It is kept in the user's cache between runs.
func installNodeClient(t *testing.T) (modules string) {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: install Node.js with npm to test EventStoreDB's Node.js client", program)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cannotInstall(t, err)
	}
	dir := filepath.Join(cache, "parley-test", strings.NewReplacer("/", "-", "@", "").Replace(nodeClient))
	modules = filepath.Join(dir, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules
	}
	if err := installInto(t.Context(), dir); err != nil {
		cannotInstall(t, err)
	}
	return modules
}

func cannotInstall(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("PARLEY_TEST_REQUIRE") == "all" {
		t.Fatal(err)
	}
	t.Skipf("EventStoreDB's Node.js client cannot be tested: %v", err)
}

// installInto installs beside the directory and renames, so that what is there
// is whole.
func installInto(ctx context.Context, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "install-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	ctx, cancel := context.WithTimeout(ctx, installPatience)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "install", "--prefix", fresh, "--ignore-scripts", "--no-audit", "--no-fund", nodeClient)
	if output, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install %s: %w\n%s", nodeClient, err, output)
	}
	if err := os.Rename(fresh, dir); err != nil && !os.IsExist(err) {
		return err
	}
	return nil
}
