package importer

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how many lines are done. It is used by one goroutine at a
// time.
type progress interface {
	add(lines int)
	finish()
}

func newProgress(options Options, lines int) progress {
	if !options.Terminal {
		return &paced{out: options.Out, now: options.Now, last: options.Now(), total: lines}
	}
	return bar{progressbar.NewOptions(lines,
		progressbar.OptionSetWriter(options.Err),
		progressbar.OptionSetDescription("importing"),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("lines"),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// bar shows progress on a terminal. What a terminal cannot show is not worth
// ending an import.
type bar struct{ *progressbar.ProgressBar }

func (b bar) add(lines int) { _ = b.Add(lines) }
func (b bar) finish()       { _ = b.Clear() }

// pace is how often progress is told in lines.
const pace = 5 * time.Second

// paced tells progress in lines.
type paced struct {
	out         io.Writer
	now         func() time.Time
	last        time.Time
	done, total int
}

func (p *paced) add(lines int) {
	p.done += lines
	if now := p.now(); now.Sub(p.last) >= pace {
		p.last = now
		fmt.Fprintf(p.out, "%d of %d lines\n", p.done, p.total)
	}
}

func (p *paced) finish() {}
