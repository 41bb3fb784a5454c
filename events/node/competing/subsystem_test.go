package competing_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
	"parley/events/node/competing"
)

// patience bounds every test; it is reached only when something hangs.
const patience = 30 * time.Second

// house is a node whose persistent subscriptions tick when the test says so.
type house struct {
	*testing.T
	ctx    context.Context
	fs     *vfs.MemFS
	node   *node.Node
	groups *competing.Subsystem
	ticks  chan time.Time
}

func newHouse(t *testing.T) *house {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	h := &house{T: t, ctx: ctx, fs: vfs.NewMem(), ticks: make(chan time.Time)}
	h.open()
	t.Cleanup(h.close)
	return h
}

func (h *house) open() {
	var err error
	if h.node, err = node.Open("node", node.Options{FS: h.fs}); err != nil {
		h.Fatal(err)
	}
	h.groups = competing.New(h.node, competing.Options{
		Ticks: func() (<-chan time.Time, func()) { return h.ticks, func() {} },
	})
	h.must(h.groups.Start(h.ctx))
}

func (h *house) close() {
	h.groups.Stop()
	h.must(h.node.Close())
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// tick returns when a group has taken the tick.
func (h *house) tick() { h.ticks <- time.Time{} }

func (h *house) write(stream string, count int) {
	h.Helper()
	for i := range count {
		_, err := h.node.Append(h.ctx, stream, events.Any, events.Proposed{ID: uuid.New(), Type: "T", Data: fmt.Appendf(nil, `{"n":%d}`, i)})
		h.must(err)
	}
}

func (h *house) create(key competing.Key, change func(*competing.Settings)) {
	h.Helper()
	s := competing.Settings{
		Strategy: competing.RoundRobin, MessageTimeout: time.Hour, MaxRetryCount: 10,
		MaxCheckpointCount: 1, ReadBatchSize: 2, HistoryBufferSize: 5,
	}
	if change != nil {
		change(&s)
	}
	h.must(h.groups.Create(h.ctx, key, s))
}

func (h *house) connect(key competing.Key) *competing.Consumer {
	h.Helper()
	c, err := h.groups.Connect(h.ctx, key, competing.Identity{Name: "test"}, 10)
	h.must(err)
	return c
}

// want checks the next deliveries, each as revision@stream, and returns their
// ids.
func (h *house) want(c *competing.Consumer, want ...string) (ids []uuid.UUID) {
	h.Helper()
	for _, want := range want {
		select {
		case d := <-c.Deliveries():
			got := fmt.Sprintf("%d@%s", d.Original().Revision, d.Original().Stream)
			if d.Link != nil {
				got = fmt.Sprintf("%s -> %d@%s", got, d.Event.Revision, d.Event.Stream)
			}
			if got != want {
				h.Fatalf("received %s, want %s", got, want)
			}
			ids = append(ids, d.Original().ID)
		case <-c.Dropped():
			h.Fatalf("dropped, want %s", want)
		case <-h.ctx.Done():
			h.Fatalf("nothing came, want %s", want)
		}
	}
	return ids
}

func (h *house) info(key competing.Key) competing.Info {
	h.Helper()
	info, err := h.groups.Info(h.ctx, key)
	h.must(err)
	return info
}

func (h *house) stored(stream string, revision uint64) events.Recorded {
	h.Helper()
	e, found, err := h.node.ReadEvent(h.ctx, stream, revision)
	h.must(err)
	if !found {
		h.Fatalf("no event %d in %s", revision, stream)
	}
	return e
}

func (h *house) wantStored(stream string, revision uint64, kind, data string) {
	h.Helper()
	if e := h.stored(stream, revision); e.Type != kind || string(e.Data) != data {
		h.Errorf("%s with %s in %s, want %s with %s", e.Type, e.Data, stream, kind, data)
	}
}

var key = competing.Key{Source: "s", Group: "g"}

// EventStoreDB protocol:
// §7 after a restart a group goes on after its checkpoint, as it was set up
func TestGroupsSurviveARestart(t *testing.T) {
	h := newHouse(t)
	h.write("s", 6)
	h.create(key, func(s *competing.Settings) { s.MaxRetryCount = 7 })
	c := h.connect(key)
	ids := h.want(c, "0@s", "1@s", "2@s", "3@s")
	h.must(c.Ack(h.ctx, ids[:2]))
	h.must(c.Ack(h.ctx, ids[3:]))
	if got := h.info(key).LastCheckpointed; got != "1" {
		t.Errorf("checkpoint %q, want 1", got)
	}
	h.close()
	h.open()
	if info := h.info(key); info.MaxRetryCount != 7 || info.LastCheckpointed != "" && info.LastCheckpointed != "1" {
		t.Errorf("after the restart: %+v", info)
	}
	h.want(h.connect(key), "2@s", "3@s", "4@s", "5@s")
}

// EventStoreDB protocol:
// §7 a group starts at its revision or position, included; at the end, with what is written after its creation
func TestTheEndIsThatOfTheCreation(t *testing.T) {
	all := competing.Key{Source: node.AllStream, Group: "g"}
	h := newHouse(t)
	h.write("s", 2)
	for _, key := range []competing.Key{key, all} {
		h.create(key, func(s *competing.Settings) {
			s.Start = competing.FromEnd
			if key == all {
				s.Filter = &node.Match{Prefixes: []string{"s"}}
			}
		})
	}
	h.write("s", 1)
	h.close()
	h.open()
	h.want(h.connect(key), "2@s")
	h.want(h.connect(all), "2@s")
}

// EventStoreDB protocol:
// §7 an event that was retried as often as it may be is parked
// §7 an event that is not answered in time is retried, which is looked at once a second; a timeout of 0 is over at once
func TestTimeout(t *testing.T) {
	h := newHouse(t)
	h.create(key, func(s *competing.Settings) { s.MessageTimeout, s.MaxRetryCount = 0, 1 })
	c := h.connect(key)
	h.write("s", 1)
	h.want(c, "0@s")
	h.tick()
	h.want(c, "0@s")
	h.tick()
	if info := h.info(key); info.Parked != 1 || info.InFlight != 0 {
		t.Errorf("after two timeouts %d are parked and %d in flight", info.Parked, info.InFlight)
	}
}

// EventStoreDB protocol:
// §7 a parked event is a link in $persistentsubscription-<id>-parked, with the time, the reason and its number beside it
// §7 a replay gives out what is parked below stop_at, as links with their targets, and truncates the parked stream
// §7 a replay of nothing succeeds; of a missing group it does not, nor below a negative stop_at
func TestReplayParked(t *testing.T) {
	h := newHouse(t)
	h.create(key, nil)
	c := h.connect(key)
	h.write("s", 3)
	ids := h.want(c, "0@s", "1@s", "2@s")
	h.must(c.Nack(h.ctx, ids, competing.Park, "broken"))
	if got := h.info(key).Parked; got != 3 {
		t.Fatalf("%d are parked, want 3", got)
	}
	const parked = "$persistentsubscription-s::g-parked"
	h.wantStored(parked, 1, node.TypeLink, "1@s")
	var beside struct {
		Added  time.Time
		Reason string
		Number *uint64 `json:"subscriptionEventNumber"`
	}
	h.must(json.Unmarshal(h.stored(parked, 1).Metadata, &beside))
	if beside.Added.IsZero() || beside.Reason != "Client explicitly NAK'ed message.\nbroken" || beside.Number == nil || *beside.Number != 1 {
		t.Errorf("beside a parked event stands %s", h.stored(parked, 1).Metadata)
	}
	h.must(h.groups.ReplayParked(h.ctx, key, 2))
	replayed := h.want(c, "0@"+parked+" -> 0@s", "1@"+parked+" -> 1@s")
	h.must(c.Ack(h.ctx, replayed[:1]))
	h.must(c.Nack(h.ctx, replayed[1:], competing.Park, "again"))
	if got := h.info(key).Parked; got != 2 {
		t.Errorf("%d are parked, want the third and the one parked again", got)
	}
	h.must(h.groups.ReplayParked(h.ctx, key, 100))
	h.want(c, "2@"+parked+" -> 2@s", "3@"+parked+" -> 1@s")
	h.must(h.groups.ReplayParked(h.ctx, key, 100))
	if got := h.info(key).Parked; got != 0 {
		t.Errorf("%d are parked, want none", got)
	}
	var failure *competing.Failure
	if err := h.groups.ReplayParked(h.ctx, key, -1); !errors.As(err, &failure) {
		t.Errorf("a negative end: %v, want a failure", err)
	}
}

// EventStoreDB protocol:
// §7 a checkpoint is a $SubscriptionCheckpoint in $persistentsubscription-<id>-checkpoint, whose data is "N" or "C:c/P:p"
func TestStoredCheckpoints(t *testing.T) {
	all := competing.Key{Source: node.AllStream, Group: "g"}
	h := newHouse(t)
	h.create(key, nil)
	h.create(all, func(s *competing.Settings) { s.Filter = &node.Match{Prefixes: []string{"s"}} })
	h.write("s", 1)
	place := h.node.Tip()
	for _, key := range []competing.Key{key, all} {
		c := h.connect(key)
		h.must(c.Ack(h.ctx, h.want(c, "0@s")))
		h.info(key) // is answered when the checkpoint is written
	}
	h.wantStored("$persistentsubscription-s::g-checkpoint", 0, "$SubscriptionCheckpoint", `"0"`)
	ofAll, err := h.node.State("$persistentsubscription-$all::g-checkpoint")
	h.must(err)
	var commit, prepare events.Position
	text := string(h.stored("$persistentsubscription-$all::g-checkpoint", uint64(ofAll.Last)).Data)
	if _, err := fmt.Sscanf(text, `"C:%d/P:%d"`, &commit, &prepare); err != nil || commit != prepare || commit < place {
		t.Errorf("checkpoint %s, %v, want position %d", text, err, place)
	}
}

// EventStoreDB protocol:
// §7 a replay of nothing succeeds; of a missing group it does not, nor below a negative stop_at
func TestReplayNothing(t *testing.T) {
	h := newHouse(t)
	h.create(key, nil)
	h.must(h.groups.ReplayParked(h.ctx, key, 100))
}

// EventStoreDB protocol:
// §7 an update drops the consumers and keeps the checkpoint and, of $all, the filter
// §7 a deletion drops the consumers and deletes the checkpoint and what is parked
// §7 a restart of the subsystem drops all consumers and reads the groups anew; one that is not started fails
func TestChangesDropConsumers(t *testing.T) {
	h := newHouse(t)
	h.write("s", 3)
	h.create(key, nil)
	ackOne := func(want string) *competing.Consumer {
		c := h.connect(key)
		h.must(c.Ack(h.ctx, h.want(c, want)))
		return c
	}
	wantDropped := func(c *competing.Consumer) {
		t.Helper()
		select {
		case <-c.Dropped():
		case <-h.ctx.Done():
			t.Fatal("not dropped")
		}
		if err := c.Ack(h.ctx, []uuid.UUID{uuid.New()}); !errors.Is(err, competing.ErrDropped) {
			t.Errorf("answering after the drop: %v", err)
		}
	}
	c := ackOne("0@s")
	update := competing.Settings{Strategy: competing.Pinned, MaxCheckpointCount: 1, ReadBatchSize: 1, HistoryBufferSize: 2}
	if got := h.info(key).LastCheckpointed; got != "0" {
		t.Fatalf("checkpoint %q, want 0", got)
	}
	h.must(h.groups.Update(h.ctx, key, update))
	wantDropped(c)
	c = ackOne("1@s")
	if got := h.info(key).LastCheckpointed; got != "1" {
		t.Fatalf("checkpoint %q, want 1", got)
	}
	h.must(h.groups.Restart(h.ctx))
	wantDropped(c)
	h.write("s", 1)
	c = ackOne("2@s")
	h.must(c.Nack(h.ctx, h.want(c, "3@s"), competing.Park, ""))
	if got := h.info(key).Parked; got != 1 {
		t.Fatalf("%d are parked, want 1", got)
	}
	h.must(h.groups.Delete(h.ctx, key))
	wantDropped(c)
	for _, kept := range []string{"checkpoint", "parked"} {
		if state, err := h.node.State("$persistentsubscription-s::g-" + kept); err != nil || state.Status != node.SoftDeleted {
			t.Errorf("the stream %s after the deletion: %+v, %v", kept, state, err)
		}
	}
	if _, err := h.groups.Info(h.ctx, key); !errors.Is(err, competing.ErrNotFound) {
		t.Errorf("after the deletion: %v, want ErrNotFound", err)
	}
	h.create(key, nil)
	ackOne("0@s")
}

// EventStoreDB protocol:
// §7 a group whose batches are as large as its buffer or larger fails
// §7 a restart of the subsystem drops all consumers and reads the groups anew; one that is not started fails
func TestRefusedSettings(t *testing.T) {
	h := newHouse(t)
	h.create(key, nil)
	good := competing.Settings{Strategy: competing.Pinned, ReadBatchSize: 1, HistoryBufferSize: 2}
	for want, try := range map[string]struct {
		key    competing.Key
		change func(*competing.Settings)
	}{
		"Consumer strategy Nobody does not exist.": {key, func(s *competing.Settings) { s.Strategy = "Nobody" }},
		"Bad stream name.":                         {competing.Key{Group: "g"}, func(*competing.Settings) {}},
		"Invalid Start From position: commit position must be less than or equal to the last commit position in the transaction file.": {
			competing.Key{Source: node.AllStream, Group: "g"}, func(s *competing.Settings) { s.Start = 1000 },
		},
		"readBatchSize may not be greater than or equal to bufferSize": {
			competing.Key{Source: "t", Group: "g"}, func(s *competing.Settings) { s.ReadBatchSize = 2 },
		},
		"the subscription group exists": {key, func(*competing.Settings) {}},
	} {
		s := good
		try.change(&s)
		if err := h.groups.Create(h.ctx, try.key, s); err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
	h.groups.Stop()
	for what, err := range map[string]error{
		"create":  h.groups.Create(h.ctx, competing.Key{Source: "t", Group: "g"}, good),
		"restart": h.groups.Restart(h.ctx),
	} {
		if !errors.Is(err, competing.ErrStopped) {
			t.Errorf("%s while stopped: %v, want ErrStopped", what, err)
		}
	}
}

// TestEveryEventIsSettledOnce has four consumers of each strategy share many
// events, retry some and skip others, while events are written.
func TestEveryEventIsSettledOnce(t *testing.T) {
	const total = 2000
	for _, strategy := range []competing.Strategy{competing.DispatchToSingle, competing.RoundRobin, competing.Pinned, competing.PinnedByCorrelation} {
		t.Run(string(strategy), func(t *testing.T) {
			h := newHouse(t)
			all := competing.Key{Source: node.AllStream, Group: "g"}
			h.create(all, func(s *competing.Settings) {
				s.Strategy, s.Filter, s.HistoryBufferSize = strategy, &node.Match{Regex: "^s-"}, 50
				s.MaxRetryCount = total
			})
			handled := make(chan uuid.UUID)
			for range 4 {
				c := h.connect(all)
				go consume(h.ctx, c, handled)
			}
			go func() {
				for i := range total {
					_, err := h.node.Append(h.ctx, fmt.Sprintf("s-%d", i%7), events.Any, events.Proposed{ID: uuid.New(), Type: "T"})
					if err != nil {
						t.Error(err)
						return
					}
				}
			}()
			seen := map[uuid.UUID]bool{}
			for len(seen) < total {
				select {
				case id := <-handled:
					if seen[id] {
						t.Fatalf("event %s was settled twice", id)
					}
					seen[id] = true
				case <-h.ctx.Done():
					t.Fatalf("%d of %d events came", len(seen), total)
				}
			}
		})
	}
}

func consume(ctx context.Context, c *competing.Consumer, handled chan<- uuid.UUID) {
	for n := 0; ; n++ {
		select {
		case d := <-c.Deliveries():
			id := d.Original().ID
			if n%5 == 0 {
				_ = c.Nack(ctx, []uuid.UUID{id}, competing.Retry, "")
				continue
			}
			_ = c.Ack(ctx, []uuid.UUID{id})
			select {
			case handled <- id:
			case <-ctx.Done():
				return
			}
		case <-c.Dropped():
			return
		case <-ctx.Done():
			return
		}
	}
}

// A checkpoint of a group on $all is an event of $all itself, and must not lead
// to another.
func TestACheckpointDoesNotFeedItself(t *testing.T) {
	h := newHouse(t)
	all := competing.Key{Source: node.AllStream, Group: "g"}
	h.create(all, func(s *competing.Settings) { s.Filter = &node.Match{Prefixes: []string{"s"}} })
	h.write("other", 1)
	for range 5 {
		h.tick()
	}
	h.info(all)
	state, err := h.node.State("$persistentsubscription-$all::g-checkpoint")
	h.must(err)
	if state.Last > 1 {
		t.Errorf("%d checkpoints for one event", state.Last+1)
	}
}
