package messenger_test

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

// sdks are SDKs of the Messenger Platform, with their exact versions.
var sdks = []string{"messaging-api-messenger@1.1.0", "messenger-bot@2.5.0"}

const (
	installPatience = 3 * time.Minute
	runPatience     = 2 * time.Minute
)

// SDKs that were written for the platform cannot tell the difference: their
// base address is all that is changed.
func TestSDKsOfThePlatform(t *testing.T) {
	modules := installSDKs(t)
	w := newWorld(t)
	w.CatchUp()
	picture := filepath.Join(t.TempDir(), "horse.gif")
	if err := os.WriteFile(picture, animation(t), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), runPatience)
	defer cancel()
	run := exec.CommandContext(ctx, "node", filepath.Join("testdata", "nodejs", "sdks.js"), w.URL, w.page.token, w.bot.Secret, w.page.to, picture)
	run.Env = append(os.Environ(), "NODE_PATH="+modules, "NODE_NO_WARNINGS=1")
	output, err := run.CombinedOutput()
	if err != nil {
		t.Errorf("the SDKs' program: %v\n%s", err, output)
	}
	if ran := strings.Count(string(output), "ok: "); ran < 20 {
		t.Errorf("%d steps passed:\n%s", ran, output)
	}
}

// installSDKs answers with the directory of modules that has the SDKs. It is
// kept in the user's cache between runs.
func installSDKs(t *testing.T) (modules string) {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: install Node.js with npm to test SDKs of the Messenger Platform", program)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cannotInstall(t, err)
	}
	dir := filepath.Join(cache, "parley-test", strings.NewReplacer("/", "-", "@", "-").Replace(strings.Join(sdks, "_")))
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
	t.Skipf("SDKs of the Messenger Platform cannot be tested: %v", err)
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
	arguments := append([]string{"install", "--prefix", fresh, "--ignore-scripts", "--no-audit", "--no-fund"}, sdks...)
	if output, err := exec.CommandContext(ctx, "npm", arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("npm install %s: %w\n%s", strings.Join(sdks, " "), err, output)
	}
	if err := os.Rename(fresh, dir); err != nil && !os.IsExist(err) {
		return err
	}
	return nil
}
