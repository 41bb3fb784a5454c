package importer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"parley/events"
)

// failing passes a number of appends on to a log and lets something happen
// instead of the next.
type failing struct {
	events.Log
	left atomic.Int64
	fail func() error
}

func (f *failing) Append(ctx context.Context, stream string, expected events.Expected, proposed ...events.Proposed) (events.Appended, error) {
	if f.left.Add(-1) < 0 {
		if err := f.fail(); err != nil {
			return events.Appended{}, err
		}
	}
	return f.Log.Append(ctx, stream, expected, proposed...)
}

// conversing makes a file in which people talk across each other.
func conversing(format string) string {
	var file strings.Builder
	for i := range 600 {
		from, to := i%17, (i*i+1)%17
		if format == Edges {
			fmt.Fprintf(&file, "%d %d %d\n", from, to, 1_500_000_000+i)
			continue
		}
		fmt.Fprintf(&file, "room%d 2019-01-02 [10:%02d] <n%d> %d\n", i%5, i/10, from, i)
	}
	return file.String()
}

func TestStoppedImportGoesOn(t *testing.T) {
	for _, format := range Formats() {
		path := write(t, conversing(format))
		whole := newHouse(t)
		all := whole.mustRun(t, format, path)
		want := whole.history(t)
		for _, appends := range []int64{0, 1, 20, 40, 60} {
			t.Run(fmt.Sprint(format, " after ", appends), func(t *testing.T) {
				h := newHouse(t)
				stopped := stopAfter(t, h, format, path, appends)
				rest := h.mustRun(t, format, path)
				mustEqual(t, want, h.history(t))
				mustEqual(t, Summary{
					Messages:      all.Messages - stopped.Messages,
					Users:         all.Users - stopped.Users,
					Conversations: all.Conversations - stopped.Conversations,
					Skipped:       all.Skipped,
					Known:         stopped.Messages,
				}, rest.Summary)
			})
		}
	}
}

// stopAfter runs an import that is cancelled in one of its appends.
func stopAfter(t *testing.T, h *house, format, path string, appends int64) imported {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	log := &failing{Log: h.journal.Log, fail: func() error { cancel(); return nil }}
	log.left.Store(appends)
	result, err := furnish(log, h.journal.Keys).run(ctx, format, path)
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled import ended with %v", err)
	}
	if !strings.Contains(result.out, result.Summary.String()) {
		t.Errorf("a cancelled import does not tell what it did:\n%s", result.out)
	}
	return result
}

func TestOutageEndsTheImport(t *testing.T) {
	h := newHouse(t)
	log := &failing{Log: h.journal.Log, fail: func() error { return events.Unavailable(errors.New("the disk is full")) }}
	log.left.Store(30)
	path := write(t, conversing(IRC))
	if _, err := furnish(log, h.journal.Keys).run(t.Context(), IRC, path); !errors.Is(err, events.ErrUnavailable) {
		t.Fatalf("an outage gave %v", err)
	}
	whole := newHouse(t)
	whole.mustRun(t, IRC, path)
	h.mustRun(t, IRC, path)
	mustEqual(t, whole.history(t), h.history(t))
}
