package node_test

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"parley/events"
	"parley/events/node"
)

// refused checks that a directory cannot be opened and that the error says all
// of some words.
func refused(t *testing.T, dir string, fs vfs.FS, words ...string) {
	t.Helper()
	n, err := node.Open(dir, node.Options{FS: fs, Logger: quiet})
	if err == nil {
		t.Fatal("opened", n.Close())
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
}

func writeFile(t *testing.T, fs vfs.FS, path string, content []byte) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return content
}

// used makes a data directory with some events, closed.
func used(t *testing.T, fs vfs.FS) {
	t.Helper()
	n := open(t, "data", node.Options{FS: fs})
	for range 100 {
		if _, err := n.Append(t.Context(), "stream", events.Any, event("Tested", "{}")); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, n)
}

// childDir names the directory that the second process of a test opens.
const childDir = "NODE_TEST_OPEN_DIRECTORY"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		_, err := node.Open(dir, node.Options{})
		fmt.Print(err)
		return
	}
	if dir := os.Getenv(killedDir); dir != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(dir, os.Getenv(killedLife)))
		os.Exit(1)
	}
	if raceEnabled { // a check opens logs again and again; without it there are 100
		if err := flag.Set("rapid.checks", "20"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func TestADirectoryHasOneOwner(t *testing.T) {
	dir := t.TempDir()
	n := open(t, dir, node.Options{})
	pid := fmt.Sprintf("process %d", os.Getpid())
	refused(t, dir, nil, dir, pid)

	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	said, err := child.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{dir, pid} {
		if !strings.Contains(string(said), word) {
			t.Errorf("the second process says %q, without %q", said, word)
		}
	}
	if _, err := n.Append(t.Context(), "stream", events.Any, event("Tested", "{}")); err != nil {
		t.Errorf("the owner was disturbed: %v", err)
	}
	finish(t, n)
	finish(t, open(t, dir, node.Options{}))
}

func TestFormatIsChecked(t *testing.T) {
	for name, try := range map[string]struct {
		content string
		words   []string
	}{
		"newer":     {`{"format":7}`, []string{"data/FORMAT", "format 7", "up to 2", "newer program"}},
		"damaged":   {`{"form`, []string{"data/FORMAT", "damaged", `{"form`, "backup"}},
		"empty":     {``, []string{"data/FORMAT", "damaged", "backup"}},
		"no number": {`{"format":"one"}`, []string{"data/FORMAT", "damaged", "backup"}},
		"zero":      {`{}`, []string{"data/FORMAT", "damaged", "backup"}},
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			used(t, fs)
			writeFile(t, fs, "data/FORMAT", []byte(try.content))
			refused(t, "data", fs, try.words...)
		})
	}
	t.Run("missing", func(t *testing.T) {
		fs := vfs.NewMem()
		used(t, fs)
		if err := fs.Remove("data/FORMAT"); err != nil {
			t.Fatal(err)
		}
		refused(t, "data", fs, "data/FORMAT", "missing", "data/log")
	})
}

// TestDamagedFilesAreNamed damages each of Pebble's own files in turn.
func TestDamagedFilesAreNamed(t *testing.T) {
	for _, kind := range []string{"MANIFEST", "marker.manifest"} {
		t.Run(kind, func(t *testing.T) {
			fs := vfs.NewMem()
			used(t, fs)
			damaged := ""
			names, err := fs.List("data/log")
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				if !strings.HasPrefix(name, kind) {
					continue
				}
				damaged = name
				path := "data/log/" + name
				if kind == "marker.manifest" {
					if err := fs.Remove(path); err != nil {
						t.Fatal(err)
					}
					continue
				}
				content := readFile(t, fs, path)
				for i := range content {
					content[i] ^= 0x5a
				}
				writeFile(t, fs, path, content)
			}
			if damaged == "" {
				t.Fatalf("no %s in %v", kind, names)
			}
			refused(t, "data", fs, "data/log", kind)
		})
	}
}

// TestADamagedWriteAheadLogIsRefused damages an event that was acknowledged
// and is followed by others: what looks like the torn end of a crash is not.
func TestADamagedWriteAheadLogIsRefused(t *testing.T) {
	fs := vfs.NewCrashableMem()
	n := open(t, "data", node.Options{FS: fs})
	for i := range 100 {
		large := fmt.Sprintf(`"%d %s"`, i, strings.Repeat("x", 2000))
		if _, err := n.Append(t.Context(), "stream", events.Any, event("Tested", large)); err != nil {
			t.Fatal(err)
		}
	}
	crashed := fs.CrashClone(vfs.CrashCloneCfg{})
	names, err := crashed.List("data/log/wal")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	path := "data/log/wal/" + slices.Max(names)
	content := readFile(t, crashed, path)
	content[len(content)/2] ^= 1
	writeFile(t, crashed, path, content)
	refused(t, "data", crashed, path, "backup")
}
