package node_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"parley/events"
	"parley/events/logtest"
	"parley/events/node"
)

// killing is how long the process is killed over and over.
func killing() time.Duration {
	switch {
	case logtest.Full():
		return 5 * time.Minute
	case raceEnabled:
		return 8 * time.Second
	}
	return 25 * time.Second
}

// bounds are how often one data directory is killed before another begins, and
// how many acknowledgements a life has at most. Both bound what is checked
// as a whole after each death, which the race detector makes very slow.
func (v *victim) bounds() (lives uint32, acks int) {
	if raceEnabled {
		return 4, 40
	}
	return 12, 250
}

// TestKillsUnderLoad kills processes that write, two side by side, at random
// moments between their start and some acknowledgement, and checks the whole
// store after each death, as many times as there is time for.
// PARLEY_TEST_FULL=1 takes minutes, PARLEY_TEST_SEED repeats the moments.
func TestKillsUnderLoad(t *testing.T) {
	random := logtest.Random(t)
	end := time.Now().Add(killing())
	var deaths, acknowledged [2]int
	t.Run("Victims", func(t *testing.T) {
		for i := range deaths {
			random := rand.New(rand.NewPCG(random.Uint64(), 0))
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				for time.Now().Before(end) {
					v := &victim{t: t, dir: t.TempDir(), acked: map[job]events.Appended{}}
					v.die(random, end)
					deaths[i] += int(v.life)
					acknowledged[i] += len(v.acked)
				}
			})
		}
	})
	t.Logf("%d kills, %d acknowledged appends", deaths[0]+deaths[1], acknowledged[0]+acknowledged[1])
}

// victim is a data directory on which something bad happens at the end of each
// life: its process is killed, or its disk fails.
type victim struct {
	t    *testing.T
	dir  string
	life uint32
	// life0 is the first life of the directory.
	life0 uint32
	acked map[job]events.Appended
}

// die lives and dies several times.
func (v *victim) die(random *rand.Rand, end time.Time) {
	v.t.Helper()
	lives, most := v.bounds()
	for v.life < lives && time.Now().Before(end) {
		acks := random.IntN(most)
		if random.IntN(6) == 0 {
			acks = 0
		}
		v.liveAndDie(acks)
		v.check(vfs.Default, v.dir)
		if v.t.Failed() {
			v.t.Fatalf("after life %d, killed at acknowledgement %d", v.life, acks)
		}
		v.life++
	}
	if err := os.RemoveAll(v.dir); err != nil {
		v.t.Error(err)
	}
}

// liveAndDie runs the process and kills it when it has acknowledged a number
// of appends; 0 kills it while it opens the log. What it acknowledged until it
// was dead counts.
func (v *victim) liveAndDie(acks int) {
	v.t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), killedDir+"="+v.dir, fmt.Sprintf("%s=%d", killedLife, v.life))
	var said bytes.Buffer
	child.Stderr = &said
	told, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		v.t.Fatal(err)
	}
	for count := 0; ; {
		n, err := readNotice(told)
		if err != nil {
			break
		}
		if !n.opening {
			v.acked[n.job] = n.place
			count++
		}
		if count == acks {
			_ = child.Process.Kill() // it may have ended by itself, which Wait tells
		}
	}
	if err := child.Wait(); child.ProcessState.Exited() {
		v.t.Fatalf("the process ended by itself: %v\n%s", err, said.String())
	}
}

// check opens a copy of what a life left behind, so that the next one begins
// where this one ended.
func (v *victim) check(fs vfs.FS, dir string) {
	v.t.Helper()
	memory := vfs.NewMem()
	if ok, err := vfs.Clone(fs, memory, dir, "data"); err != nil || !ok {
		v.t.Fatalf("copying the directory: %v, %v", ok, err)
	}
	n, err := node.Open("data", node.Options{FS: memory, Logger: quiet})
	if err != nil {
		v.t.Fatal(err)
	}
	verify(v.t, n)
	stored := v.stored(n)
	v.repeat(n, v.unanswered(stored), stored)
	if err := n.Close(); err != nil {
		v.t.Error(err)
	}
}

// stored reads all events and returns the places of the appends, each of which
// must be there once and whole, and where it was acknowledged if it was.
func (v *victim) stored(n *node.Node) map[job]events.Appended {
	v.t.Helper()
	stored := map[job]events.Appended{}
	var batch []events.Proposed
	var previous events.Recorded
	for e, err := range n.ReadAll(v.t.Context(), events.Beginning, events.Forwards, 0) {
		if err != nil {
			v.t.Fatal(err)
		}
		j, index, size := jobOf(e.ID)
		switch {
		case index == 0 && len(batch) > 0:
			v.t.Fatalf("the append of the event before position %d is there by half", e.Position)
		case index == 0:
			batch = j.batch()
		case index != size-len(batch) || e.Position != previous.Position+1 || e.Revision != previous.Revision+1:
			v.t.Fatalf("event %d of %+v, at position %d, is not where it belongs", index, j, e.Position)
		}
		if want := batch[0]; e.Stream != j.stream() || e.ID != want.ID || !bytes.Equal(e.Data, want.Data) {
			v.t.Fatalf("the event at position %d is not what was written", e.Position)
		}
		if batch = batch[1:]; len(batch) == 0 {
			if _, twice := stored[j]; twice {
				v.t.Fatalf("%+v is there twice", j)
			}
			stored[j] = events.Appended{Position: e.Position, Revision: e.Revision}
		}
		previous = e
	}
	if len(batch) > 0 {
		v.t.Fatal("the last append is there by half")
	}
	for j, place := range v.acked {
		if there, ok := stored[j]; !ok || !samePlace(there, place) {
			v.t.Errorf("%+v was acknowledged at %+v and is at %+v (%v)", j, place, there, ok)
		}
	}
	return stored
}

// samePlace compares all but the time, which victims do not report.
func samePlace(a, b events.Appended) bool {
	return a.Position == b.Position && a.Revision == b.Revision
}

// unanswered are the jobs that were begun when a life ended, one for each
// writer: nothing but these can be stored without having been acknowledged.
func (v *victim) unanswered(stored map[job]events.Appended) map[job]bool {
	begun := map[job]bool{}
	for life := v.life0; life <= v.life; life++ {
		for writer := range uint8(killedWriters) {
			j := job{life: life, writer: writer}
			for ; v.acked[j].Position > 0; j.seq++ {
			}
			begun[j] = true
		}
	}
	for j := range stored {
		if v.acked[j].Position == 0 && !begun[j] {
			v.t.Errorf("%+v is there, but the one before it was not acknowledged", j)
		}
	}
	return begun
}

// repeat makes the unanswered appends again, and some others: those that are
// stored must be recognised, the others stored now.
func (v *victim) repeat(n *node.Node, jobs map[job]bool, stored map[job]events.Appended) {
	v.t.Helper()
	for j := range v.acked {
		if jobs[j] = true; len(jobs) >= 2*killedWriters*int(v.life+1) {
			break
		}
	}
	for j := range jobs {
		tip := n.Tip()
		again, err := n.Append(v.t.Context(), j.stream(), events.Any, j.batch()...)
		if err != nil {
			v.t.Fatal(err)
		}
		if place, ok := stored[j]; ok && !samePlace(again, place) || !ok && again.Position <= tip {
			v.t.Errorf("%+v, stored %v at %+v, is repeated at %+v", j, ok, place, again)
		}
	}
}
