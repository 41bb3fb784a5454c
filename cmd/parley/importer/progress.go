package importer

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how many lines, or other units, are done. It is used by one
// goroutine at a time.
type progress interface {
	add(done int)
	finish()
}

func newProgress(options Options, unit string, total int) progress {
	if !options.Terminal {
		return &paced{out: options.Out, now: options.Now, last: options.Now(), unit: unit, total: total}
	}
	return bar{progressbar.NewOptions(total,
		progressbar.OptionSetWriter(options.Err),
		progressbar.OptionSetDescription("importing"),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(unit),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// bar shows progress on a terminal. What a terminal cannot show is not worth
// ending an import.
type bar struct{ *progressbar.ProgressBar }

func (b bar) add(done int) { _ = b.Add(done) }
func (b bar) finish()      { _ = b.Clear() }

// pace is how often progress is told in lines.
const pace = 5 * time.Second

// paced tells progress in lines.
type paced struct {
	out         io.Writer
	now         func() time.Time
	last        time.Time
	unit        string
	done, total int
}

func (p *paced) add(done int) {
	p.done += done
	if now := p.now(); now.Sub(p.last) >= pace {
		p.last = now
		fmt.Fprintf(p.out, "%d of %d %s\n", p.done, p.total, p.unit)
	}
}

func (p *paced) finish() {}
