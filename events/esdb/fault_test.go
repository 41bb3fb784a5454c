package esdb

import (
	"context"
	"errors"
	"math"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"parley/events"
)

// refusing is a server that answers every call of the protocol's streams as the
// test says: what a node does not do, a cluster in trouble does.
type refusing struct {
	mu      sync.Mutex
	answer  func(call grpc.ServerStream) error
	headers metadata.MD
}

func serveRefusals(t *testing.T, answer func(call grpc.ServerStream) error) (address string, r *refusing) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r = &refusing{answer: answer}
	server := grpc.NewServer(grpc.UnknownServiceHandler(r.handle))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String(), r
}

func (r *refusing) handle(_ any, call grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(call)
	if method == "/event_store.client.server_features.ServerFeatures/GetSupportedMethods" {
		return status.Error(codes.Unimplemented, "")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.headers, _ = metadata.FromIncomingContext(call.Context())
	return r.answer(call)
}

// TestRefusalsHaveTheirNames gives each status of a server its place among the
// errors of a log, and holds the adapter to sending requires-leader.
func TestRefusalsHaveTheirNames(t *testing.T) {
	for name, try := range map[string]struct {
		code codes.Code
		text string
		want error
	}{
		"busy":             {codes.Unavailable, "Server Is Too Busy", events.ErrUnavailable},
		"timeout":          {codes.Aborted, "Operation timed out: Prepare phase timeout.", events.ErrUnavailable},
		"denied":           {codes.PermissionDenied, "Access Denied", events.ErrUnavailable},
		"unknown":          {codes.Unknown, "Exception was thrown by handler.", events.ErrUnavailable},
		"invalid":          {codes.InvalidArgument, "'x' is not a valid T", events.ErrInvalid},
		"too big":          {codes.InvalidArgument, "Maximum Append Size of 1 Exceeded.", events.ErrTooLarge},
		"too long to send": {codes.ResourceExhausted, "received message larger than max", events.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			address, server := serveRefusals(t, func(call grpc.ServerStream) error {
				if method, _ := grpc.MethodFromServerStream(call); method == "/event_store.client.streams.Streams/Append" {
					for range 2 {
						if err := call.RecvMsg(&emptypb.Empty{}); err != nil {
							break
						}
					}
				}
				return status.Error(try.code, try.text)
			})
			log := open(t, address, Options{})
			_, err := log.Append(t.Context(), "s-1", events.Any, proposed(0))
			if !errors.Is(err, try.want) {
				t.Errorf("Append: %v, want %v", err, try.want)
			}
			server.mu.Lock()
			defer server.mu.Unlock()
			if got := server.headers.Get("requires-leader"); len(got) != 1 || got[0] != "true" {
				t.Errorf("requires-leader is %q", got)
			}
		})
	}
}

// TestFollowerSendsToItsLeader has the adapter go where a follower sends it.
func TestFollowerSendsToItsLeader(t *testing.T) {
	leader, _ := serve(t, openNode(t), "127.0.0.1:0")
	host, port, err := net.SplitHostPort(leader)
	if err != nil {
		t.Fatal(err)
	}
	follower, _ := serveRefusals(t, func(call grpc.ServerStream) error {
		call.SetTrailer(metadata.Pairs("exception", "not-leader", "leader-endpoint-host", host, "leader-endpoint-port", port))
		return status.Error(codes.NotFound, "Leader info available")
	})
	log := open(t, follower, Options{})
	appendEventually(t, log, "s-1", proposed(0))
	if got := revisions(t, log, "s-1"); len(got) != 1 {
		t.Errorf("revisions %v, want one", got)
	}
}

// TestAppendedWithoutPosition has the adapter read back a position that the
// server did not tell.
func TestAppendedWithoutPosition(t *testing.T) {
	want := events.Appended{Position: 77, Revision: 2}
	address, _ := serveRefusals(t, func(call grpc.ServerStream) error {
		if method, _ := grpc.MethodFromServerStream(call); method == streams.Streams_Read_FullMethodName {
			return call.SendMsg(&streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
				Event: &streams.ReadResp_ReadEvent_RecordedEvent{
					Id:               &shared.UUID{Value: &shared.UUID_String_{String_: uuid.NewString()}},
					StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte("s-1")},
					StreamRevision:   want.Revision,
					CommitPosition:   uint64(want.Position),
					PreparePosition:  uint64(want.Position),
					Metadata:         map[string]string{"type": "Happened", "content-type": "application/json", "created": "0"},
				},
			}}})
		}
		for call.RecvMsg(new(emptypb.Empty)) == nil {
		}
		return call.SendMsg(&streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{
			CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: want.Revision},
			PositionOption:        &streams.AppendResp_Success_NoPosition{NoPosition: &shared.Empty{}},
		}}})
	})
	log := open(t, address, Options{})
	if got := mustAppend(t, log, "s-1", proposed(2)); got != want {
		t.Errorf("appended at %+v, want %+v", got, want)
	}
}

// TestRejectionsInMidAppend is against a server that answers before it has
// read what is sent, of which the client tells nothing but that it ended.
func TestRejectionsInMidAppend(t *testing.T) {
	address, _ := serveRefusals(t, func(call grpc.ServerStream) error {
		call.SetTrailer(metadata.Pairs("exception", "stream-deleted", "stream-name", "s-1"))
		return status.Error(codes.FailedPrecondition, "Event stream 's-1' is deleted.")
	})
	log := open(t, address, Options{})
	wide := make([]events.Proposed, 9)
	for i := range wide {
		wide[i] = proposed(i)
		wide[i].Data = make([]byte, events.MaxAppendBytes/10)
	}
	if _, err := log.Append(t.Context(), "s-1", events.Any, wide...); !errors.Is(err, events.ErrStreamDeleted) {
		t.Errorf("Append to a deleted stream: %v, want %v", err, events.ErrStreamDeleted)
	}
	if _, err := log.Append(t.Context(), "s-1", events.Any, append(wide, wide...)...); !errors.Is(err, events.ErrTooLarge) {
		t.Errorf("Append of more than is allowed: %v, want %v", err, events.ErrTooLarge)
	}
}

// TestPositionsOnlyRise holds a follower to its place when a server repeats
// events, or tells an older position or none.
func TestPositionsOnlyRise(t *testing.T) {
	items := make(chan item, 10)
	f := &follower{last: 5, items: items}
	f.event(t.Context(), events.Recorded{Position: 5, Stream: "s", Type: "T"})
	f.checkpoint(t.Context(), 4)
	f.checkpoint(t.Context(), math.MaxUint64)
	f.event(t.Context(), events.Recorded{Position: 6, Stream: "s", Type: "T"})
	f.event(t.Context(), events.Recorded{Position: 7, Stream: "$s", Type: "T"})
	f.checkpoint(t.Context(), 9)
	close(items)
	var got []item
	for it := range items {
		got = append(got, it)
	}
	if len(got) != 3 || got[0].kind != appeared || got[0].event.Position != 6 ||
		got[1].kind != passed || got[1].event.Position != 7 || got[2].kind != passed || got[2].event.Position != 9 {
		t.Errorf("items %+v, want the event at 6, then positions 7 and 9", got)
	}
}

// TestUnsentIsNotPassed ends a subscription while an event waits for a slow
// consumer: the next subscription must bring the event again.
func TestUnsentIsNotPassed(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	f := &follower{last: 5, items: make(chan item)}
	if f.event(ended, events.Recorded{Position: 6, Stream: "s", Type: "T"}) || f.checkpoint(ended, 7) || f.last != 5 {
		t.Errorf("the follower goes on after %d, want 5", f.last)
	}
}

// TestFollowEndsAtAPositionThatIsNotThere has Follow end when the server's log
// ends before the position, as after a restored backup: to go on would skip
// events.
func TestFollowEndsAtAPositionThatIsNotThere(t *testing.T) {
	address, _ := serve(t, openNode(t), "127.0.0.1:0")
	log := open(t, address, Options{})
	mustAppend(t, log, "s-1", proposed(0))
	if err := lastError(log.Follow(t.Context(), 99, events.Filter{})); !errors.Is(err, events.ErrInvalid) {
		t.Errorf("Follow: %v, want %v", err, events.ErrInvalid)
	}
}

// TestSlowConsumer takes longer over an event than a call may last.
func TestSlowConsumer(t *testing.T) {
	address, _ := serve(t, openNode(t), "127.0.0.1:0")
	const count = 2 * readAhead
	var many []events.Proposed
	for n := range count {
		many = append(many, proposed(n))
	}
	mustAppend(t, open(t, address, Options{}), "s-1", many...)
	log := open(t, address, Options{Deadline: 200 * time.Millisecond})
	seen := 0
	for _, err := range log.Read(t.Context(), "s-1", 0, events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 1 {
			<-time.After(3 * log.deadline)
		}
	}
	if seen != count {
		t.Errorf("%d events, want %d", seen, count)
	}
}
