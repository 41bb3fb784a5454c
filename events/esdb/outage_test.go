package esdb

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/esdb/esdbtest"
)

func proposed(n int) events.Proposed {
	return events.Proposed{ID: uuid.New(), Type: "Happened", Data: fmt.Appendf(nil, `{"n":%d}`, n)}
}

// TestCallsFailFastWhileTheServerIsDown holds every call to ErrUnavailable with
// its cause, and to working again by itself.
func TestCallsFailFastWhileTheServerIsDown(t *testing.T) {
	leavesNothing(t)
	address, _ := serve(t, openNode(t), "127.0.0.1:0")
	p := esdbtest.NewProxy(t, address)
	log := open(t, p.Address(), Options{})
	mustAppend(t, log, "s-1", proposed(0))

	p.Refuse()
	for range 3 {
		_, err := log.Append(t.Context(), "s-1", events.Any, proposed(1))
		wantUnavailable(t, "Append", err)
		wantUnavailable(t, "Read", lastError(log.Read(t.Context(), "s-1", 0, events.Forwards, 0)))
		wantUnavailable(t, "ReadAll", lastError(log.ReadAll(t.Context(), events.Beginning, events.Forwards, 0)))
		wantUnavailable(t, "Health", log.Health())
	}

	p.Accept()
	appendEventually(t, log, "s-1", proposed(2))
	if err := log.Health(); err != nil {
		t.Errorf("Health after the outage: %v", err)
	}
	if got := revisions(t, log, "s-1"); len(got) < 2 {
		t.Errorf("after the outage the stream has revisions %v, want the one before and the one after", got)
	}
}

// TestStalledServer holds a call to its deadline, and to its caller's context,
// when the server neither answers nor hangs up.
func TestStalledServer(t *testing.T) {
	leavesNothing(t)
	address, _ := serve(t, openNode(t), "127.0.0.1:0")
	p := esdbtest.NewProxy(t, address)
	log := open(t, p.Address(), Options{Deadline: 100 * time.Millisecond})
	appendEventually(t, log, "s-1", proposed(0))

	p.Stall()
	_, err := log.Append(t.Context(), "s-1", events.Any, proposed(1))
	wantUnavailable(t, "Append", err)
	wantUnavailable(t, "Read", lastError(log.Read(t.Context(), "s-1", 0, events.Forwards, 0)))
	wantUnavailable(t, "Health", log.Health())

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := log.Append(ctx, "s-1", events.Any, proposed(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Append with a cancelled context: %v, want %v", err, context.Canceled)
	}

	p.Resume()
	appendEventually(t, log, "s-1", proposed(2))
}

// TestSilenceEndsASession has a read, and a follow that waits for nothing but
// its server's confirmation, notice that the server has fallen silent.
func TestSilenceEndsASession(t *testing.T) {
	for name, use := range map[string]func(*Log){
		"append": func(log *Log) { _, _ = log.Append(t.Context(), "s-1", events.Any, proposed(1)) },
		"read":   func(log *Log) { _ = lastError(log.Read(t.Context(), "s-1", 0, events.Forwards, 0)) },
		"follow": func(log *Log) { _ = lastError(log.Follow(t.Context(), events.Beginning, events.Filter{})) },
	} {
		t.Run(name, func(t *testing.T) {
			leavesNothing(t)
			address, _ := serve(t, openNode(t), "127.0.0.1:0")
			p := esdbtest.NewProxy(t, address)
			log := open(t, p.Address(), Options{Deadline: 100 * time.Millisecond})
			appendEventually(t, log, "s-1", proposed(0))
			current, err := log.supervisor.enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			current.leave()
			p.Stall()
			go use(log)
			select {
			case <-current.retiring:
			case <-time.After(testDeadline):
				t.Error("the session is still in use")
			}
		})
	}
}

// TestFollowLeavesAStrandedConnection has an append find out that nothing comes
// through a connection any more: the follow on it must not stay, for it has no
// deadline. Keep-alive is off, which would come to its help in the end.
func TestFollowLeavesAStrandedConnection(t *testing.T) {
	leavesNothing(t)
	address, _ := serve(t, openNode(t), "127.0.0.1:0")
	p := esdbtest.NewProxy(t, address)
	log := openString(t, "esdb://"+p.Address()+"?tls=false&keepAliveInterval=-1", Options{Deadline: 100 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), testDeadline)
	defer cancel()
	stranded := false
	for event, err := range log.Follow(ctx, events.Beginning, events.Filter{}) {
		switch {
		case err != nil:
			t.Fatalf("Follow: %v", err)
		case !event.IsMark():
			return
		case !stranded:
			stranded = true
			p.Strand()
			appendUntil(ctx, t, log, "s-1", proposed(0))
		}
	}
}

// TestLongAttemptsHoldNobodyUp has every attempt to connect take its time: a
// call must not wait for their end. Its deadline would come too late.
func TestLongAttemptsHoldNobodyUp(t *testing.T) {
	leavesNothing(t)
	address, _ := serve(t, openNode(t), "127.0.0.1:0")
	p := esdbtest.NewProxy(t, address)
	p.Stall()
	log := openString(t, "esdb://"+p.Address()+"?tls=false&gossipTimeout=1", Options{Deadline: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), testDeadline)
	defer cancel()
	for range 2 {
		_, err := log.Append(ctx, "s-1", events.Any, proposed(0))
		wantUnavailable(t, "Append", err)
	}
	p.Resume()
	appendUntil(ctx, t, log, "s-1", proposed(1))
}

// TestOpenDuringAnOutage holds Open to succeeding without a server, and the log
// to finding it later.
func TestOpenDuringAnOutage(t *testing.T) {
	leavesNothing(t)
	n := openNode(t)
	address, stop := serve(t, n, "127.0.0.1:0")
	stop()
	log := open(t, address, Options{})
	_, err := log.Append(t.Context(), "s-1", events.Any, proposed(0))
	wantUnavailable(t, "Append", err)

	serve(t, n, address)
	appendEventually(t, log, "s-1", proposed(1))
}

// TestFollowThroughOutages appends from several writers, who repeat what
// failed, while connections are cut, refused and stalled and the server is
// restarted. Followers from the beginning must see every acknowledged event,
// each once, at rising positions.
func TestFollowThroughOutages(t *testing.T) {
	leavesNothing(t)
	n := openNode(t)
	address, stop := serve(t, n, "127.0.0.1:0")
	p := esdbtest.NewProxy(t, address)
	log := open(t, p.Address(), Options{Deadline: 500 * time.Millisecond})

	const writers, each = 8, 40
	ctx, cancel := context.WithTimeout(t.Context(), 2*testDeadline)
	defer cancel()
	var followers sync.WaitGroup
	for _, filter := range []events.Filter{{}, {StreamPrefixes: []string{"followed-"}}} {
		followers.Go(func() { followAll(ctx, t, log, filter, writers*each) })
	}
	half := make(chan struct{})
	var begun sync.WaitGroup
	var writing sync.WaitGroup
	begun.Add(writers)
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				if i == each/2 {
					begun.Done()
					<-half
				}
				appendUntil(ctx, t, log, fmt.Sprintf("followed-%d", w), proposed(i))
			}
		})
	}
	for range 3 {
		p.Cut()
		p.Reset()
		p.Refuse()
		p.Accept()
	}
	begun.Wait()
	stop()
	close(half)
	_, err := log.Append(ctx, "followed-x", events.NoStream, proposed(0))
	wantUnavailable(t, "Append to a stopped server", err)
	serve(t, n, address)
	p.Stall()
	_, err = log.Append(ctx, "followed-x", events.NoStream, proposed(0))
	wantUnavailable(t, "Append to a stalled server", err)
	p.Resume()
	p.Cut()
	writing.Wait()
	followers.Wait()
}

// followAll follows from the beginning until it has seen the events that were
// acknowledged, and checks each on the way.
func followAll(ctx context.Context, t *testing.T, log *Log, filter events.Filter, want int) {
	seen := map[uuid.UUID]bool{}
	next := map[string]uint64{}
	last := events.Beginning
	for event, err := range log.Follow(ctx, events.Beginning, filter) {
		switch {
		case err != nil:
			t.Errorf("Follow ended after %d of %d events: %v", len(seen), want, err)
			return
		case event.IsMark():
			if event.Position < last {
				t.Errorf("a mark at %d came after position %d", event.Position, last)
			}
			continue
		case event.Stream == "followed-x":
			continue
		}
		if seen[event.ID] || event.Position <= last || event.Revision != next[event.Stream] {
			t.Errorf("event %s at %d, revision %d of %s: want a new one after %d, revision %d",
				event.ID, event.Position, event.Revision, event.Stream, last, next[event.Stream])
			return
		}
		seen[event.ID], last, next[event.Stream] = true, event.Position, event.Revision+1
		if len(seen) == want {
			return
		}
	}
}

// TestCloseLeavesNothingBehind closes a log in mid-outage, with calls waiting
// and sequences open.
func TestCloseLeavesNothingBehind(t *testing.T) {
	for _, outage := range []string{"none", "refused", "stalled"} {
		t.Run(outage, func(t *testing.T) {
			address, stop := serve(t, openNode(t), "127.0.0.1:0")
			p := esdbtest.NewProxy(t, address)
			log, err := Open(t.Context(), "esdb://"+p.Address()+"?tls=false&gossipTimeout=1", Options{})
			if err != nil {
				t.Fatal(err)
			}
			mustAppend(t, log, "s-1", proposed(0))
			following := make(chan error, 1)
			caughtUp := make(chan struct{}, 1)
			go func() {
				var last error
				for event, err := range log.Follow(t.Context(), events.Beginning, events.Filter{}) {
					if last = err; err == nil && event.IsMark() {
						caughtUp <- struct{}{}
					}
				}
				following <- last
			}()
			<-caughtUp
			switch outage {
			case "refused":
				p.Refuse()
			case "stalled":
				p.Stall()
			}
			var calls sync.WaitGroup
			for range 16 {
				calls.Go(func() { _, _ = log.Append(t.Context(), "s-1", events.Any, proposed(1)) })
			}
			if err := log.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			calls.Wait()
			wantUnavailable(t, "Follow after Close", <-following)
			_, err = log.Append(t.Context(), "s-1", events.Any, proposed(2))
			wantUnavailable(t, "Append after Close", err)
			p.Resume()
			stop()
			wantNoClient(t)
		})
	}
}

// leavesNothing wants no goroutine left when everything was closed. A test
// calls it before it opens anything.
func leavesNothing(t *testing.T) {
	t.Helper()
	t.Cleanup(func() { wantNoClient(t) })
}

// wantNoClient fails if a goroutine of a log or of its client is left.
func wantNoClient(t *testing.T) {
	t.Helper()
	ours := []string{
		"EventStore-Client-Go", "grpc.(*ClientConn)",
		"esdb.(*supervisor)", "esdb.(*session)", "esdb.(*follower)", "esdb.(*Log)", "esdb.call[",
	}
	buf := make([]byte, 1<<20)
	deadline := time.After(testDeadline)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		stacks := string(buf[:runtime.Stack(buf, true)])
		left := slices.ContainsFunc(ours, func(part string) bool { return strings.Contains(stacks, part) })
		if !left {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("goroutines of the client are left:\n%s", stacks)
		}
	}
}

func mustAppend(t *testing.T, log *Log, stream string, proposed ...events.Proposed) events.Appended {
	t.Helper()
	appended, err := log.Append(t.Context(), stream, events.Any, proposed...)
	if err != nil {
		t.Fatal(err)
	}
	return appended
}

// appendEventually repeats an append until it is taken or the test's patience
// ends.
func appendEventually(t *testing.T, log *Log, stream string, proposed events.Proposed) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testDeadline)
	defer cancel()
	appendUntil(ctx, t, log, stream, proposed)
}

func appendUntil(ctx context.Context, t *testing.T, log *Log, stream string, proposed events.Proposed) {
	t.Helper()
	pause := backoff{}
	for {
		_, err := log.Append(ctx, stream, events.Any, proposed)
		if err == nil {
			return
		}
		if !errors.Is(err, events.ErrUnavailable) {
			t.Errorf("Append: %v, want success or %v", err, events.ErrUnavailable)
			return
		}
		pause.wait(ctx)
	}
}

func lastError(sequence func(yield func(events.Recorded, error) bool)) (last error) {
	for _, err := range sequence {
		last = err
	}
	return last
}

func wantUnavailable(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("%s: %v, want %v", what, err, events.ErrUnavailable)
	}
}

func revisions(t *testing.T, log *Log, stream string) (found []uint64) {
	t.Helper()
	for event, err := range log.Read(t.Context(), stream, 0, events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, event.Revision)
	}
	return found
}
