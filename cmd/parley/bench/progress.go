package bench

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress tells how far a piece of work is: by a bar where people watch, and
// else by one line at its begin.
type progress struct{ bar *progressbar.ProgressBar }

// begin announces work of so many steps.
func (o Options) begin(what string, steps int) progress {
	if !o.Terminal {
		fmt.Fprintf(o.Err, "bench: %s\n", what)
		return progress{}
	}
	return progress{progressbar.NewOptions(steps,
		progressbar.OptionSetWriter(o.Err),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// add counts steps that are done. Any goroutine may call it.
func (p progress) add(steps int) {
	if p.bar != nil {
		_ = p.bar.Add(steps) // a bar that cannot be drawn is no reason to stop
	}
}

func (p progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
