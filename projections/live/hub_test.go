package live_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/projections/live"
)

var (
	room, other   = uuid.UUID{1}, uuid.UUID{2}
	ada, bob, cyd = uuid.UUID{0xa}, uuid.UUID{0xb}, uuid.UUID{0xc}
)

func TestFrameIsAnEventAndAChunk(t *testing.T) {
	for _, c := range []struct {
		frame *live.Frame
		event string
	}{
		{live.NewFrame(7, "message", []byte(`{"text":"ü"}`)), "id: 7\nevent: message\ndata: {\"text\":\"ü\"}\n\n"},
		{live.NewFrame(0, "typing", []byte(`{}`)), "event: typing\ndata: {}\n\n"},
		{live.Opening(1500, 9), "retry: 1500\nid: 9\n\n"},
		{live.Heartbeat, ":\n\n"},
	} {
		if got := string(c.frame.Event()); got != c.event {
			t.Errorf("the event is %q, want %q", got, c.event)
		}
		if got, want := string(c.frame.Chunk()), fmt.Sprintf("%x\r\n%s\r\n", len(c.event), c.event); got != want {
			t.Errorf("the chunk is %q, want %q", got, want)
		}
	}
}

// listener is a subscription whose frames are taken by the test.
type listener struct {
	*live.Subscription
	woken chan struct{}
}

func listen(t *testing.T, hub *live.Hub, user, conversation uuid.UUID) listener {
	t.Helper()
	l := listener{woken: make(chan struct{}, 1)}
	var err error
	l.Subscription, err = hub.Subscribe(live.Reader{User: user, Conversation: conversation, Wake: func() { l.woken <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

// got is what waits, as names of events, and why the stream ends, if it does.
func (l listener) got() []string {
	frames, end := l.Take(nil)
	var names []string
	for _, frame := range frames {
		_, rest, _ := strings.Cut(string(frame.Event()), "event: ")
		name, _, _ := strings.Cut(rest, "\n")
		names = append(names, name)
	}
	if end != nil {
		names = append(names, "end "+end.Reason)
	}
	return names
}

func (l listener) want(t *testing.T, names ...string) {
	t.Helper()
	if diff := cmp.Diff(names, l.got()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func frame(position events.Position) *live.Frame {
	return live.NewFrame(position, fmt.Sprint("e", position), []byte("{}"))
}

func event(position events.Position, conversation uuid.UUID, members live.Members) live.Event {
	return live.Event{Position: position, Conversation: conversation, Members: members, Frame: frame(position)}
}

func TestEventsReachThoseTheyConcern(t *testing.T) {
	hub := live.NewHub()
	hub.Pass(5)
	adas, bobs, cyds := listen(t, hub, ada, uuid.Nil), listen(t, hub, bob, room), listen(t, hub, cyd, uuid.Nil)
	bobsOther := listen(t, hub, bob, other)
	for _, l := range []listener{adas, bobs, cyds} {
		if l.Since() != 5 {
			t.Errorf("begins after %d", l.Since())
		}
	}
	hub.Publish(event(6, room, live.Members{ada: 1, bob: 2}))
	hub.Publish(event(7, other, live.Members{cyd: 3, bob: 3}))
	hub.Publish(event(8, room, live.Members{ada: 1, bob: 2, cyd: 9}))
	adas.want(t, "e6", "e8")
	bobs.want(t, "e6", "e8")
	bobsOther.want(t, "e7")
	cyds.want(t, "e7") // cyd joined after 8
	if hub.Position() != 8 {
		t.Errorf("the hub is at %d", hub.Position())
	}
}

func TestWhoJoinsAndWhoLeavesIsToldSo(t *testing.T) {
	hub := live.NewHub()
	adas, bobs, bobsRoom, cyds := listen(t, hub, ada, room), listen(t, hub, bob, uuid.Nil), listen(t, hub, bob, room), listen(t, hub, cyd, uuid.Nil)
	welcome := live.NewFrame(1, "welcome", []byte("{}"))
	hub.Publish(live.Event{Position: 1, Conversation: room, Members: live.Members{ada: 0, bob: 1}, Frame: frame(1), Own: map[uuid.UUID]*live.Frame{bob: welcome}})
	hub.Publish(live.Event{Position: 2, Conversation: room, Members: live.Members{ada: 0}, Frame: frame(2), Own: map[uuid.UUID]*live.Frame{bob: frame(2)}, Gone: bob})
	hub.Publish(event(3, room, live.Members{ada: 0}))
	adas.want(t, "e1", "e2", "e3")
	bobs.want(t, "welcome", "e2")
	bobsRoom.want(t, "welcome", "e2", "end left")
	cyds.want(t)
}

func TestSignalsReachTheOthers(t *testing.T) {
	hub := live.NewHub()
	adas, bobs, cyds := listen(t, hub, ada, uuid.Nil), listen(t, hub, bob, room), listen(t, hub, cyd, uuid.Nil)
	hub.Signal([]uuid.UUID{room}, live.Members{ada: 0, bob: 0}, map[uuid.UUID]bool{ada: true}, live.NewFrame(0, "typing", nil))
	hub.Signal([]uuid.UUID{room}, live.Members{ada: 0, bob: 0}, map[uuid.UUID]bool{bob: true}, live.NewFrame(0, "presence", nil))
	adas.want(t, "presence")
	bobs.want(t, "typing")
	cyds.want(t)
}

func TestWhatConcernsNobodyIsPassed(t *testing.T) {
	hub := live.NewHub()
	if !hub.PassIdle(1) || !hub.PassUnheard(2, room, nil) || hub.Position() != 2 {
		t.Error("somebody is said to listen")
	}
	inbox := listen(t, hub, ada, uuid.Nil)
	if hub.PassIdle(3) || hub.PassUnheard(3, room, nil) || hub.PassUnheard(3, room, live.Members{ada: 0}) || hub.Position() != 2 {
		t.Error("an inbox is not heeded")
	}
	if !hub.PassUnheard(3, room, live.Members{bob: 0}) || hub.Position() != 3 {
		t.Error("an inbox of somebody else is heeded")
	}
	inbox.Close()
	inbox.Close()
	talk := listen(t, hub, bob, room)
	if hub.PassUnheard(4, room, live.Members{}) || !hub.PassUnheard(4, other, nil) || hub.PassIdle(5) {
		t.Error("only who listens to the room is to be heeded")
	}
	talk.want(t)
}

func TestWhatWasSeenIsSkipped(t *testing.T) {
	hub := live.NewHub()
	l := listen(t, hub, ada, room)
	l.Skip(2)
	for position := range events.Position(4) {
		hub.Publish(event(position+1, room, nil))
	}
	hub.Signal([]uuid.UUID{room}, nil, nil, live.NewFrame(0, "typing", nil))
	l.want(t, "e3", "e4", "typing")
}

// What is published between the subscription and the skip waits already.
func TestWhatWaitsAndWasSeenIsSkipped(t *testing.T) {
	hub := live.NewHub()
	l := listen(t, hub, ada, room)
	for position := range events.Position(2) {
		hub.Publish(event(position+1, room, nil))
	}
	hub.Signal([]uuid.UUID{room}, nil, nil, live.NewFrame(0, "typing", []byte("{}")))
	l.Skip(3)
	hub.Publish(event(3, room, nil))
	hub.Publish(event(4, room, nil))
	l.want(t, "typing", "e4")
}

func TestSlowReaderIsDroppedAlone(t *testing.T) {
	large := live.NewFrame(1, "large", make([]byte, live.DefaultQueuedBytes/4))
	for name, fill := range map[string]func(hub *live.Hub){
		"by frames": func(hub *live.Hub) {
			for i := range events.Position(live.DefaultQueuedFrames + 1) {
				hub.Publish(event(i+1, room, nil))
			}
		},
		"by bytes": func(hub *live.Hub) {
			for range 4 {
				hub.Publish(live.Event{Position: 1, Conversation: room, Frame: large})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			hub := live.NewHub()
			slow, rests := listen(t, hub, ada, room), listen(t, hub, bob, other)
			fill(hub)
			slow.want(t, "end slow")
			rests.want(t)
			quick := listen(t, hub, bob, room)
			hub.Publish(event(5000, room, nil))
			quick.want(t, "e5000")
			slow.want(t, "end slow")
		})
	}
	hub := live.NewHub()
	l := listen(t, hub, ada, room)
	hub.Publish(live.Event{Position: 1, Conversation: room, Frame: live.NewFrame(1, "huge", make([]byte, 2*live.DefaultQueuedBytes))})
	l.want(t, "huge") // a frame alone is never too large
}

func TestRestingReaderIsWokenOnce(t *testing.T) {
	hub := live.NewHub()
	l := listen(t, hub, ada, room)
	rest := func() bool { return l.Rest(func() {}) }
	hub.Publish(event(1, room, nil))
	if rest() {
		t.Error("rests although something waits")
	}
	l.want(t, "e1")
	if !rest() {
		t.Error("does not rest although nothing waits")
	}
	hub.Publish(event(2, room, nil))
	hub.Publish(event(3, room, nil))
	<-l.woken
	l.want(t, "e2", "e3")
	if !rest() {
		t.Error("does not rest again")
	}
	hub.EndUser(ada, live.Revoked, func(r live.Reader) bool { return r.Conversation == room })
	<-l.woken
	if rest() {
		t.Error("rests although the stream has ended")
	}
	hub.Publish(event(4, room, nil))
	l.want(t, "end token-revoked")
}

func TestAUserHasSoManyStreams(t *testing.T) {
	hub := live.NewHub()
	hub.Streams = 2
	first := listen(t, hub, ada, uuid.Nil)
	listen(t, hub, ada, room)
	listen(t, hub, bob, room)
	if _, err := hub.Subscribe(live.Reader{User: ada}); !errors.Is(err, live.ErrTooMany) {
		t.Errorf("a third one: %v", err)
	}
	first.Close()
	listen(t, hub, ada, room)
}

func TestPresenceIsOfTheFirstAndLastStream(t *testing.T) {
	hub := live.NewHub()
	var told []string
	hub.Presence = func(user uuid.UUID, online bool) { told = append(told, fmt.Sprint(user == ada, online)) }
	first, second := listen(t, hub, ada, room), listen(t, hub, ada, uuid.Nil)
	listen(t, hub, bob, room)
	first.Close()
	if !hub.Online(ada) || hub.Online(cyd) {
		t.Error("who is online is not")
	}
	second.Close()
	if want := []string{"true true", "false true", "true false"}; !slices.Equal(told, want) || hub.Online(ada) {
		t.Errorf("told %v, want %v", told, want)
	}
}

func TestAClosedHubEnds(t *testing.T) {
	hub := live.NewHub()
	l := listen(t, hub, ada, room)
	hub.Publish(event(1, room, nil))
	empty := hub.Close(live.Shutdown)
	if _, err := hub.Subscribe(live.Reader{User: bob}); !errors.Is(err, live.ErrClosed) {
		t.Errorf("subscribing: %v", err)
	}
	select {
	case <-empty:
		t.Error("is empty while somebody reads")
	default:
	}
	l.want(t, "e1", "end shutdown")
	l.Close()
	<-empty
	<-hub.Close(live.Shutdown)
	<-live.NewHub().Close(live.Shutdown)
}

// TestManyComeAndGoWhileItPublishes sees that whoever subscribes gets all that
// comes after, in order.
func TestManyComeAndGoWhileItPublishes(t *testing.T) {
	const last = 2000
	hub := live.NewHub()
	var running sync.WaitGroup
	running.Go(func() {
		for position := range events.Position(last) {
			hub.Publish(event(position+1, room, nil))
		}
	})
	for range 50 {
		running.Go(func() {
			woken := make(chan struct{}, 1)
			s, err := hub.Subscribe(live.Reader{User: uuid.New(), Conversation: room, Wake: func() { woken <- struct{}{} }})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			at := s.Since()
			for at < last {
				frames, end := s.Take(nil)
				if end != nil { // slow, which is no fault here
					return
				}
				for _, f := range frames {
					if f.Position != at+1 {
						t.Errorf("%d comes after %d", f.Position, at)
					}
					at = f.Position
				}
				if at < last && s.Rest(func() {}) {
					<-woken
				}
			}
		})
	}
	running.Wait()
}

func BenchmarkPublishToAThousand(b *testing.B) {
	hub := live.NewHub()
	var woken sync.WaitGroup
	for range 1000 {
		wake := make(chan struct{}, 1)
		s, err := hub.Subscribe(live.Reader{User: uuid.New(), Conversation: room, Wake: func() { wake <- struct{}{} }})
		if err != nil {
			b.Fatal(err)
		}
		s.Rest(func() {})
		go func() {
			var frames []*live.Frame
			for range wake {
				frames, _ = s.Take(frames[:0])
				s.Rest(func() {})
				woken.Done()
			}
		}()
	}
	for b.Loop() {
		woken.Add(1000)
		hub.Publish(event(1, room, nil))
		woken.Wait()
	}
}
