package node_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
)

// ledger is what writers know to be stored.
type ledger struct {
	mu    sync.Mutex
	acked []acked
}

type acked struct {
	stream string
	batch  []events.Proposed
	place  events.Appended
}

func (l *ledger) add(a acked) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked = append(l.acked, a)
}

func (l *ledger) snapshot() []acked {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked[:len(l.acked):len(l.acked)]
}

// write makes a number of appends of one to four events.
func (l *ledger) write(t *testing.T, n *node.Node, writer, appends int) {
	for i := range appends {
		stream := fmt.Sprintf("stream-%d", (writer+i)%7)
		batch := make([]events.Proposed, 1+i%4)
		for j := range batch {
			batch[j] = event("Tested", fmt.Sprintf(`{"writer":%d,"i":%d,"j":%d,"pad":"%0*d"}`, writer, i, j, 400, i))
		}
		place, err := n.Append(context.Background(), stream, events.Any, batch...)
		if err != nil {
			t.Errorf("writer %d: %v", writer, err)
			return
		}
		l.add(acked{stream, batch, place})
	}
}

// outage is a disk after a power cut, and what it had promised before.
type outage struct {
	disk     *vfs.MemFS
	promised []acked
}

// TestPowerCuts cuts the power at random moments of a run with eight writers
// and small tables, so that flushes and compactions are cut too. Data that was
// not synced is lost wholly, partly or not at all. Each run goes on from a disk
// that was cut in the one before.
func TestPowerCuts(t *testing.T) {
	const rounds, writers, appends, cuts = 2, 8, 25, 3
	random := rand.New(rand.NewPCG(1, 2))
	last := outage{disk: vfs.NewCrashableMem()}
	for range rounds {
		known := ledger{acked: last.promised}
		fs := last.disk
		n := open(t, "data", node.Options{FS: fs, MemTableBytes: 64 << 10, Logger: quiet})
		holds(t, n, last.promised)
		start := n.Tip()
		var all sync.WaitGroup
		for writer := range writers {
			all.Go(func() { known.write(t, n, writer, appends) })
		}
		var outages []outage
		for cut := range cuts {
			tip := start + events.Position(random.IntN(2*writers*appends))
			if _, err := n.Wait(t.Context(), tip); err != nil {
				t.Fatal(err)
			}
			promised := known.snapshot()
			cfg := vfs.CrashCloneCfg{UnsyncedDataPercent: 50 * (cut % 3), RNG: random}
			outages = append(outages, outage{fs.CrashClone(cfg), promised})
		}
		all.Wait()
		finish(t, n)
		for _, last = range outages {
			after := open(t, "data", node.Options{FS: last.disk, Logger: quiet})
			holds(t, after, last.promised)
			finish(t, after)
		}
	}
}

// holds checks that every acknowledged append is where it was said to be, as a
// whole, and that repeating it stores nothing.
func holds(t *testing.T, n *node.Node, promised []acked) {
	t.Helper()
	byPosition := map[events.Position]uuid.UUID{}
	for e, err := range n.ReadAll(t.Context(), events.Beginning, events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		byPosition[e.Position] = e.ID
	}
	for _, a := range promised {
		for i, p := range a.batch {
			position := a.place.Position - events.Position(len(a.batch)-1-i)
			if byPosition[position] != p.ID {
				t.Fatalf("event %d of an acknowledged append to %s is not at position %d", i, a.stream, position)
			}
		}
	}
	for _, a := range promised[:min(len(promised), 50)] {
		if again, err := n.Append(t.Context(), a.stream, events.Any, a.batch...); err != nil || again != a.place {
			t.Fatalf("a repeat answers %+v, %v; the first time %+v", again, err, a.place)
		}
	}
}
