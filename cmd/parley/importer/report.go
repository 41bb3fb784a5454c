package importer

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Summary counts what one run did.
type Summary struct {
	// Messages, Users and Conversations are those that are new.
	Messages, Users, Conversations int
	// Skipped are the lines that are not messages or could not be imported.
	Skipped int
	// Known are the messages that the log had before, or that came twice.
	Known int
}

func (s Summary) String() string {
	return fmt.Sprintf("imported: %d messages, %d users, %d conversations, %d skipped",
		s.Messages, s.Users, s.Conversations, s.Skipped)
}

// The kinds of lines that could not be imported.
const (
	unreadable = "unreadable"
	refused    = "refused"
)

// maxTroubles bounds how many lines are listed that could not be imported.
const maxTroubles = 20

// trouble is a line that could not be imported.
type trouble struct {
	origin
	reason error
}

// tally counts. Every line is counted once, as a message (new or known), as
// skipped, or as blank.
type tally struct {
	mu       sync.Mutex // guards the rest
	progress progress
	summary  Summary
	skipped  map[string]int // by kind
	troubles []trouble
}

func newTally(progress progress) *tally {
	return &tally{progress: progress, skipped: make(map[string]int)}
}

func (t *tally) registered() { t.count(0, func() { t.summary.Users++ }) }
func (t *tally) started()    { t.count(0, func() { t.summary.Conversations++ }) }
func (t *tally) posted(n int) {
	t.count(n, func() { t.summary.Messages += n })
}
func (t *tally) known()             { t.count(1, func() { t.summary.Known++ }) }
func (t *tally) blank()             { t.count(1, func() {}) }
func (t *tally) passed(kind string) { t.count(1, func() { t.skip(kind) }) }

func (t *tally) unreadable(from origin, reason error) { t.failed(unreadable, from, reason) }
func (t *tally) refused(from origin, reason error)    { t.failed(refused, from, reason) }

func (t *tally) failed(kind string, from origin, reason error) {
	t.count(1, func() {
		t.skip(kind)
		if len(t.troubles) < maxTroubles {
			from.line = "" // what is kept should not hold on to texts
			t.troubles = append(t.troubles, trouble{from, reason})
		}
	})
}

func (t *tally) skip(kind string) {
	t.summary.Skipped++
	t.skipped[kind]++
}

func (t *tally) count(lines int, change func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change()
	t.progress.add(lines)
}

// finish tells what was done; the summary is the last line.
func (t *tally) finish(out, errs io.Writer) Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.finish()
	slices.SortFunc(t.troubles, func(a, b trouble) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.number, b.number))
	})
	for _, trouble := range t.troubles {
		fmt.Fprintf(errs, "%s: skipped: %v\n", trouble.origin, trouble.reason)
	}
	if more := t.skipped[unreadable] + t.skipped[refused] - len(t.troubles); more > 0 {
		fmt.Fprintf(errs, "and %d more lines\n", more)
	}
	if t.summary.Skipped > 0 {
		var kinds []string
		for _, kind := range slices.Sorted(maps.Keys(t.skipped)) {
			kinds = append(kinds, fmt.Sprintf("%d %s", t.skipped[kind], kind))
		}
		fmt.Fprintf(out, "skipped: %s\n", strings.Join(kinds, ", "))
	}
	if t.summary.Known > 0 {
		fmt.Fprintf(out, "already there: %d messages\n", t.summary.Known)
	}
	fmt.Fprintln(out, t.summary)
	return t.summary
}
