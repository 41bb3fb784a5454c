package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// plainEvery is how often long work says where it is when nobody watches a
// terminal.
const plainEvery = 5 * time.Second

// progress shows how many things are done: as a bar on a terminal, in plain
// lines elsewhere. It returns what to call with the count, and what to call at
// the end.
func progress(w io.Writer, what string) (show func(uint64), finish func()) {
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionThrottle(100*time.Millisecond))
		return func(n uint64) { _ = bar.Set64(int64(n)) }, func() { _ = bar.Finish(); fmt.Fprintln(w) }
	}
	last := time.Now()
	return func(n uint64) {
		if now := time.Now(); now.Sub(last) >= plainEvery {
			last = now
			fmt.Fprintf(w, "%s: %d\n", what, n)
		}
	}, func() {}
}
