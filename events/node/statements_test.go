package node_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryStatementIsQuoted holds testdata/protocol.txt and the tests of the
// protocol together: each statement is quoted by a test, and what a test quotes
// is a statement.
func TestEveryStatementIsQuoted(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "protocol.txt"))
	if err != nil {
		t.Fatal(err)
	}
	quoted := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if statement := strings.TrimSuffix(line, "\n"); strings.HasPrefix(statement, "§") {
			quoted[statement] = false
		}
	}
	for _, dir := range []string{".", "wire", "competing"} {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for _, quote := range quotes(t, file) {
				if _, stated := quoted[quote]; !stated {
					t.Errorf("%s quotes what is not stated: %s", file, quote)
				}
				quoted[quote] = true
			}
		}
	}
	for statement, held := range quoted {
		if !held {
			t.Errorf("no test quotes: %s", statement)
		}
	}
}

// quotes are the lines of comment, above and within the tests of a file, that
// begin with the number of a section.
func quotes(t *testing.T, file string) (found []string) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, declared := range parsed.Decls {
		test, ok := declared.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(test.Name.Name, "Test") {
			continue
		}
		begin := test.Pos()
		if test.Doc != nil {
			begin = test.Doc.Pos()
		}
		for _, group := range parsed.Comments {
			if group.Pos() < begin || group.End() > test.End() {
				continue
			}
			for _, line := range group.List {
				if quote := strings.TrimPrefix(line.Text, "// "); strings.HasPrefix(quote, "§") {
					found = append(found, quote)
				}
			}
		}
	}
	return found
}
