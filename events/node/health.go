package node

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"parley/events"
)

var errClosed = errors.New("the node is closed")

// health remembers the first failure of the disk. From then on the node
// refuses writes, because after a failed write or fsync nobody can say what
// the disk holds; reads of what is known to be durable go on.
type health struct {
	log *slog.Logger
	// down is closed by the first failure, after cause is set.
	down chan struct{}
	// stuck is closed when a flush or a compaction failed, for which Pebble may
	// wait for ever.
	stuck     chan struct{}
	stuckOnce sync.Once
	// halted is closed when Pebble stopped in the middle of something and can
	// no longer be closed.
	halted     chan struct{}
	haltedOnce sync.Once

	mu    sync.Mutex
	cause error
}

func newHealth(log *slog.Logger) *health {
	return &health{log: log, down: make(chan struct{}), stuck: make(chan struct{}), halted: make(chan struct{})}
}

func (h *health) fail(cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cause != nil {
		return
	}
	h.cause = events.Unavailable(cause)
	close(h.down)
	if !errors.Is(cause, errClosed) {
		h.log.Error("event log refuses writes until it is restarted", "cause", cause)
	}
}

func (h *health) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cause
}

// backgroundError is told by Pebble when a flush or a compaction failed.
func (h *health) backgroundError(err error) {
	h.fail(fmt.Errorf("storing the log in the background: %w", err))
	h.stick()
}

func (h *health) stick() { h.stuckOnce.Do(func() { close(h.stuck) }) }

// corruption is told by Pebble when a read met a damaged table; that read
// fails, and what is elsewhere can still be read.
func (h *health) corruption(info pebble.DataCorruptionInfo) {
	h.fail(fmt.Errorf("damaged file %s: %w", info.Path, info.Details))
}

// Infof drops Pebble's diary.
func (h *health) Infof(string, ...any) {}

// Errorf passes on what Pebble finds worth an operator's attention.
func (h *health) Errorf(format string, args ...any) {
	h.log.Warn("event log storage", "message", strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// Fatalf is called where Pebble cannot go on, such as after a failed write of
// its manifest. Its own default ends the process; here it ends only the
// goroutine, running its deferred unlocks, so that reads go on.
func (h *health) Fatalf(format string, args ...any) {
	h.fail(fmt.Errorf("storing the log: %s", strings.TrimSpace(fmt.Sprintf(format, args...))))
	h.haltedOnce.Do(func() { close(h.halted) })
	h.stick()
	runtime.Goexit()
}
