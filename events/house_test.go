package events_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors are the house from the ground up: imports go downwards only.
var floors = []string{"events", "projections", "handlers", "cmd"}

func TestImportsGoDownwards(t *testing.T) {
	root := ".."
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			checkImport(t, filepath.ToSlash(folder), imported, strings.HasSuffix(path, "_test.go"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkImport(t *testing.T, folder, imported string, test bool) {
	t.Helper()
	theirs, ours := strings.CutPrefix(imported, "parley/")
	if !ours {
		return
	}
	from, to := floor(folder), floor(theirs)
	if from < 0 || to < 0 {
		t.Errorf("%s imports %s: one of them is on no floor of the house", folder, theirs)
	}
	if from < to {
		t.Errorf("%s imports %s: imports go downwards only", folder, theirs)
	}
	if folder == "events" && !test {
		t.Errorf("events imports %s: the vocabulary imports nothing of ours", theirs)
	}
}

func floor(folder string) int {
	top, _, _ := strings.Cut(folder, "/")
	return slices.Index(floors, top)
}
