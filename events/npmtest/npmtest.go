// Package npmtest installs Node.js packages for tests in which programs of
// others are Parley's clients.
package npmtest

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

const patience = 3 * time.Minute

// Install is the directory of modules, as NODE_PATH has it, that has the
// packages, each named as NAME@VERSION. It is kept in the user's cache between
// runs. Without Node.js, or if they cannot be installed, the test is skipped;
// the latter fails it with PARLEY_TEST_REQUIRE=all.
func Install(t testing.TB, packages ...string) (modules string) {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: install Node.js with npm to test %s", program, strings.Join(packages, " and "))
		}
	}
	modules, err := install(t.Context(), packages)
	switch {
	case err == nil:
	case os.Getenv("PARLEY_TEST_REQUIRE") == "all":
		t.Fatal(err)
	default:
		t.Skipf("%s cannot be tested: %v", strings.Join(packages, " and "), err)
	}
	return modules
}

// install installs beside the directory and renames, so that what is there is
// whole.
func install(ctx context.Context, packages []string) (modules string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "parley-test", strings.NewReplacer("/", "-", "@", "-").Replace(strings.Join(packages, "_")))
	modules = filepath.Join(dir, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "install-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	arguments := append([]string{"install", "--prefix", fresh, "--ignore-scripts", "--no-audit", "--no-fund"}, packages...)
	if output, err := exec.CommandContext(ctx, "npm", arguments...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm install %s: %w\n%s", strings.Join(packages, " "), err, output)
	}
	if err := os.Rename(fresh, dir); err != nil && !os.IsExist(err) {
		return "", err
	}
	return modules, nil
}
