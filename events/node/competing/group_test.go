package competing

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
)

var start = time.Date(2015, time.March, 25, 17, 0, 0, 0, time.UTC)

func settings(strategy Strategy) Settings {
	return Settings{
		Strategy: strategy, MessageTimeout: 30 * time.Second, MaxRetryCount: 2,
		CheckpointAfter: 2 * time.Second, MinCheckpointCount: 2, MaxCheckpointCount: 5,
		HistoryBufferSize: 100, ReadBatchSize: 10,
	}
}

// tested is a group of a test, whose events are named by their revision.
type tested struct {
	*testing.T
	*group
	now time.Time
}

func newTested(t *testing.T, settings Settings) *tested {
	return &tested{t, newGroup(settings, -1, start), start}
}

func idOf(n int) uuid.UUID { return uuid.NewSHA1(uuid.Nil, fmt.Append(nil, n)) }

func ids(numbers ...int) (list []uuid.UUID) {
	for _, n := range numbers {
		list = append(list, idOf(n))
	}
	return list
}

// add brings the next events, each from the stream given or else "s".
func (g *tested) add(count int, streams ...string) {
	for range count {
		n, stream := int(g.at)+1, "s"
		if len(streams) > 0 {
			stream = streams[n%len(streams)]
		}
		g.take(&events.Recorded{ID: idOf(n), Stream: stream, Revision: uint64(n)}, nil, cursor(n))
	}
}

func (g *tested) consumer(slots int) *Consumer {
	c := newConsumer(nil, Identity{}, slots)
	if err := g.join(c, g.now); err != nil {
		g.Fatal(err)
	}
	return c
}

// want gives out what can be given out and checks what a consumer received: a
// revision each, with a stroke for every retry.
func (g *tested) want(c *Consumer, want ...string) {
	g.Helper()
	g.give(g.now)
	got := []string{}
	for len(c.outbox) > 0 {
		d := <-c.outbox
		text := fmt.Sprint(d.Original().Revision)
		for range d.RetryCount {
			text += "'"
		}
		got = append(got, text)
	}
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		g.Errorf("received (-want +got):\n%s", diff)
	}
}

// wantCheckpoint checks the next checkpoint; -1 stands for none.
func (g *tested) wantCheckpoint(onTick bool, want cursor) {
	g.Helper()
	next, due := g.due(g.now, onTick)
	if due {
		g.checkpoint = next
	} else {
		next.at = -1
	}
	if next.at != want {
		g.Errorf("checkpoint %d, want %d", next.at, want)
	}
}

// EventStoreDB protocol:
// §7 a consumer is confirmed, then sent events while fewer than its buffer are unanswered
// §7 events are answered by the id of the original, the link's where there is one; unknown ids are ignored
func TestDeliveryStopsAtTheBuffer(t *testing.T) {
	g := newTested(t, settings(RoundRobin))
	c := g.consumer(2)
	g.add(5)
	g.want(c, "0", "1")
	g.want(c)
	g.ack(ids(0))
	g.want(c, "2")
	g.ack(ids(1, 2, 99))
	g.want(c, "3", "4")
}

// EventStoreDB protocol:
// §7 RoundRobin gives to the next consumer with room, DispatchToSingle to the first until it is full
func TestStrategiesThatTake(t *testing.T) {
	g := newTested(t, settings(RoundRobin))
	a, b := g.consumer(2), g.consumer(4)
	g.add(6)
	g.want(a, "0", "2")
	g.want(b, "1", "3", "4", "5")

	g = newTested(t, settings(DispatchToSingle))
	a, b = g.consumer(2), g.consumer(4)
	g.add(3)
	g.want(a, "0", "1")
	g.want(b, "2")
	g.ack(ids(0))
	g.add(1)
	g.want(a, "3")
}

// EventStoreDB protocol:
// §7 Pinned gives a stream's events, a link counting as its target's, to one consumer in order; a full one holds up no other
func TestPinned(t *testing.T) {
	g := newTested(t, settings(Pinned))
	a, b := g.consumer(1), g.consumer(10)
	g.add(6, "x", "y")
	g.want(a, "0")
	g.want(b, "1", "3", "5")
	g.ack(ids(0))
	g.want(a, "2")
	g.leave(a)
	g.want(b, "2'", "4")
}

// A consumer that joins takes over some of the streams, but none of which
// another still has events.
//
// EventStoreDB protocol:
// §7 Pinned gives a stream's events, a link counting as its target's, to one consumer in order; a full one holds up no other
func TestPinnedIsShared(t *testing.T) {
	g := newTested(t, settings(Pinned))
	a := g.consumer(100)
	streams := []string{"1", "2", "3", "4", "5", "6", "7", "8"}
	g.add(8, streams...)
	g.want(a, "0", "1", "2", "3", "4", "5", "6", "7")
	g.ack(ids(0, 1, 2, 3, 4, 5, 6))
	b := g.consumer(100)
	g.add(8, streams...)
	g.give(g.now)
	if len(b.outbox) < 3 || len(a.outbox) < 3 {
		t.Errorf("after the second joined, one has %d and the other %d of 8 streams", len(a.outbox), len(b.outbox))
	}
	for len(b.outbox) > 0 {
		if d := <-b.outbox; d.Event.Revision == 15 {
			t.Error("the stream whose event is unanswered has moved")
		}
	}
}

// EventStoreDB protocol:
// §7 Pinned gives a stream's events, a link counting as its target's, to one consumer in order; a full one holds up no other
// §7 PinnedByCorrelation does so by correlation id
func TestPinnedKeys(t *testing.T) {
	target := &events.Recorded{Stream: "target", Metadata: []byte(`{"$correlationId":"c"}`)}
	link := &events.Recorded{Stream: "links", Type: "$>", Data: []byte("3@gone")}
	for want, m := range map[string]*message{
		"target": {event: target, link: link},
		"gone":   {link: link},
		"links":  {event: &events.Recorded{Stream: "links"}},
	} {
		if got := sourceStream(m); got != want {
			t.Errorf("pinned by %q, want %q", got, want)
		}
	}
	if got := correlation(&message{event: target}); got != "c" {
		t.Errorf("pinned by %q, want the correlation id", got)
	}
	if got := correlation(&message{event: &events.Recorded{Stream: "s"}}); got != "s" {
		t.Errorf("pinned by %q, want the stream", got)
	}
}

// EventStoreDB protocol:
// §7 retried events go before new ones, in their order, and replayed ones behind the retried, with a count of 0
func TestRetriesComeFirst(t *testing.T) {
	g := newTested(t, settings(RoundRobin))
	c := g.consumer(3)
	g.add(5)
	g.want(c, "0", "1", "2")
	g.replay(&events.Recorded{ID: idOf(100), Revision: 100}, nil)
	g.nack(ids(2), Retry, "")
	g.nack(ids(0), Retry, "")
	g.want(c, "0'", "2'")
	g.ack(ids(0, 1, 2))
	g.want(c, "100", "3", "4")
}

// EventStoreDB protocol:
// §7 an event that was retried as often as it may be is parked
// §7 the answer Park parks an event
// §7 an event that is not answered in time is retried, which is looked at once a second; a timeout of 0 is over at once
// §7 the reason is "Client explicitly NAK'ed message.\n<reason>" or "Reached retry count of N"
func TestParking(t *testing.T) {
	g := newTested(t, settings(RoundRobin))
	c := g.consumer(3)
	g.add(3)
	g.want(c, "0", "1", "2")
	parked := g.nack(ids(1), Park, "broken")
	if len(parked) != 1 || parked[0].reason != "Client explicitly NAK'ed message.\nbroken" {
		t.Fatalf("parked %+v", parked)
	}
	g.unsettled.settle(parked[0].message)
	if parked := g.nack(ids(2), Skip, ""); len(parked) != 0 {
		t.Errorf("skipping parked %+v", parked)
	}
	g.nack(ids(0), Retry, "")
	g.want(c, "0'")
	g.now = g.now.Add(30*time.Second - 1)
	if parked := g.expire(g.now); len(parked) != 0 {
		t.Errorf("parked %+v before the timeout", parked)
	}
	g.now = g.now.Add(1)
	if parked := g.expire(g.now); len(parked) != 0 {
		t.Errorf("parked %+v after one timeout", parked)
	}
	g.want(c, "0''")
	parked = g.nack(ids(0), Retry, "")
	if len(parked) != 1 || parked[0].reason != "Reached retry count of 2" {
		t.Fatalf("parked %+v", parked)
	}
	g.unsettled.settle(parked[0].message)
	if first := g.unsettled.first(); first != nil {
		t.Errorf("unsettled: %+v", first)
	}
}

// EventStoreDB protocol:
// §7 what a consumer that leaves had is retried, however often it was
func TestAConsumerLeaves(t *testing.T) {
	g := newTested(t, settings(RoundRobin))
	g.add(2)
	for _, retries := range []string{"", "'", "''", "'''"} {
		c := g.consumer(2)
		g.want(c, "0"+retries, "1"+retries)
		g.leave(c)
	}
}

// EventStoreDB protocol:
// §7 a group with as many consumers as it may have takes no more
func TestMaxSubscribers(t *testing.T) {
	s := settings(RoundRobin)
	s.MaxSubscriberCount = 1
	g := newTested(t, s)
	c := g.consumer(1)
	if err := g.join(newConsumer(nil, Identity{}, 1), g.now); err != ErrFull {
		t.Errorf("%v, want ErrFull", err)
	}
	g.leave(c)
	g.consumer(1)
}

// EventStoreDB protocol:
// §7 a checkpoint is the place before the first event that is not done with
// §7 a checkpoint is written when the greatest count is reached, or on a tick when enough time has passed and the least count is reached
func TestCheckpoints(t *testing.T) {
	g := newTested(t, settings(RoundRobin))
	c := g.consumer(100)
	g.add(20)
	g.give(g.now)
	g.ack(ids(1, 2, 3, 4, 5, 6, 7))
	g.wantCheckpoint(true, -1)
	g.ack(ids(0))
	g.wantCheckpoint(false, 7)
	g.ack(ids(8))
	g.now = g.now.Add(3 * time.Second)
	g.wantCheckpoint(true, -1)
	g.ack(ids(9))
	g.wantCheckpoint(false, -1)
	g.wantCheckpoint(true, 9)
	g.wantCheckpoint(true, -1)
	g.ack(ids(10, 12, 13, 14))
	g.nack(ids(11), Retry, "")
	g.now = g.now.Add(3 * time.Second)
	g.wantCheckpoint(true, -1)
	_ = c
}

// EventStoreDB protocol:
// §7 events that the filter passes over advance the checkpoint
func TestSkippedEventsAdvanceTheCheckpoint(t *testing.T) {
	g := newTested(t, settings(RoundRobin))
	g.pass(4, 3)
	g.add(1)
	g.pass(10, 14)
	g.now = g.now.Add(3 * time.Second)
	g.wantCheckpoint(true, 3)
	c := g.consumer(1)
	g.want(c, "4")
	g.ack(ids(4))
	g.wantCheckpoint(false, 14)
}

// An id that is in the log twice is given out twice, one after the other.
func TestTheSameIDTwice(t *testing.T) {
	g := newTested(t, settings(RoundRobin))
	c := g.consumer(5)
	for n := range 2 {
		g.take(&events.Recorded{ID: idOf(0), Revision: uint64(n)}, nil, cursor(n))
	}
	g.want(c, "0")
	g.ack(ids(0))
	g.want(c, "1")
}

// What is settled out of order must not pile up behind a message that is not.
func TestUnsettledForgetsWhatIsSettled(t *testing.T) {
	var u unsettled
	messages := make([]*message, 1000)
	for i := range messages {
		messages[i] = &message{sequence: int64(i)}
		u.add(messages[i])
	}
	for _, m := range slices.Backward(messages[1:]) {
		u.settle(m)
		if open := int(m.sequence); len(u.messages) > 2*open+2 {
			t.Fatalf("%d messages are kept for %d that are open", len(u.messages), open)
		}
	}
	if u.first() != messages[0] {
		t.Errorf("the first open message is %+v", u.first())
	}
}
