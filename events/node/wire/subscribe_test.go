package wire

import (
	"context"
	"fmt"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"

	"parley/events"
)

// subscription is an open subscription of a test.
type subscription struct {
	*served
	call streams.Streams_ReadClient
}

func (s *served) subscribe(options *streams.ReadReq_Options) subscription {
	s.Helper()
	call, err := s.streams.Read(s.ctx, &streams.ReadReq{Options: subscribing(options)})
	if err != nil {
		s.Fatal(err)
	}
	return subscription{s, call}
}

// want checks the next messages, as describe tells them.
func (s subscription) want(messages ...string) {
	s.Helper()
	for _, want := range messages {
		response, err := s.call.Recv()
		if err != nil {
			s.Fatalf("%v, want %q", err, want)
		}
		if got := describe(response); got != want {
			s.Fatalf("received %q, want %q", got, want)
		}
	}
}

// EventStoreDB protocol: a subscription to a stream is confirmed first, sends
// what follows its start revision, says that it has caught up, and goes on live.
func TestSubscribeToStream(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 3)
	whole := s.subscribe(readRequest("a"))
	whole.want("confirmed", "0@a", "1@a", "2@a", "caught up")
	after := s.subscribe(revision(readRequest("a"), 1))
	after.want("confirmed", "2@a", "caught up")
	live := s.subscribe(fromEnd(readRequest("a")))
	live.want("confirmed", "caught up")
	future := s.subscribe(revision(readRequest("a"), 3))
	future.want("confirmed", "caught up")
	absent := s.subscribe(readRequest("b"))
	absent.want("confirmed", "caught up")

	s.write("b", "T", 1)
	s.write("a", "T", 2)
	whole.want("3@a", "4@a")
	after.want("3@a", "4@a")
	live.want("3@a", "4@a")
	future.want("4@a")
	absent.want("0@b")
}

// EventStoreDB protocol: soft deletion leaves a subscription open and says
// nothing; a tombstone is delivered and ends it.
func TestSubscribeToDeletedStream(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 2)
	sub := s.subscribe(readRequest("a"))
	sub.want("confirmed", "0@a", "1@a", "caught up")
	if _, err := s.node.Delete(s.ctx, "a", events.Any); err != nil {
		t.Fatal(err)
	}
	s.write("a", "T", 1)
	sub.want("2@a")
	if _, err := s.node.Tombstone(s.ctx, "a", events.Any); err != nil {
		t.Fatal(err)
	}
	sub.want("9223372036854775807@a")
	_, err := sub.call.Recv()
	s.wantFault(err, sub.call.Trailer(), codes.FailedPrecondition, "Event stream 'a' is deleted.",
		"exception", "stream-deleted", "stream-name", "a")
}

// EventStoreDB protocol: live events reach a subscription even if the stream's
// metadata hides them at once.
func TestSubscribeSeesLiveEventsOfTruncatedStream(t *testing.T) {
	s := start(t, Options{})
	s.setMetadata("a", `{"$maxCount":1}`)
	s.write("a", "T", 2)
	sub := s.subscribe(readRequest("a"))
	sub.want("confirmed", "1@a", "caught up")
	s.write("a", "T", 3)
	sub.want("2@a", "3@a", "4@a")
}

// EventStoreDB protocol: a subscription resolves links if that is asked for.
func TestSubscribeResolvesLinks(t *testing.T) {
	s := start(t, Options{})
	s.write("target", "T", 1)
	sub := s.subscribe(resolving(readRequest("links")))
	sub.want("confirmed", "caught up")
	s.link("links", 0, "target")
	sub.want("0@links -> 0@target")
}

// EventStoreDB protocol: a subscription to $all starts after its position and
// sends no checkpoints without a filter.
func TestSubscribeToAll(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 3)
	whole := s.subscribe(readAllRequest())
	whole.want("confirmed", "0@a", "1@a", "2@a", "caught up")
	after := s.subscribe(position(readAllRequest(), 2))
	after.want("confirmed", "2@a", "caught up")
	live := s.subscribe(fromEnd(readAllRequest()))
	live.want("confirmed", "caught up")
	s.setMetadata("a", `{}`)
	for _, sub := range []subscription{whole, after, live} {
		sub.want("0@$$a")
	}
}

// EventStoreDB protocol: a filtered subscription sends a checkpoint with the
// event that completes an interval of considered events, passed or not, one
// more when it has caught up, and never the same twice.
func TestSubscribeFiltered(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 3) // positions 1 to 3
	s.write("b", "T", 2) // 4, 5
	sub := s.subscribe(filtered(readAllRequest(), prefixes("b"), 2, 2))
	sub.want("confirmed", "0@b", "checkpoint 4", "1@b", "checkpoint 5", "caught up")
	s.write("a", "T", 4) // 6 to 9
	sub.want("checkpoint 9")
	s.write("b", "T", 1) // 10
	sub.want("2@b")
	s.write("a", "T", 3) // 11 to 13
	sub.want("checkpoint 13")

	exact := s.subscribe(filtered(readAllRequest(), prefixes("a"), 13, 1))
	exact.want("confirmed")
	exact.want(places("a", 0, 9)...)
	exact.want("checkpoint 13", "caught up")
}

// EventStoreDB protocol: a subscriber who fell more than 32 events behind is
// told again when it has caught up.
func TestSubscribeTellsAgainAfterFallingBehind(t *testing.T) {
	s := start(t, Options{})
	sub := s.subscribe(readAllRequest())
	sub.want("confirmed", "caught up")
	s.write("a", "T", 2*liveBuffer)
	sub.want(places("a", 0, 2*liveBuffer-1)...)
	sub.want("caught up")
	s.write("a", "T", 1)
	sub.want(fmt.Sprintf("%d@a", 2*liveBuffer))
}

// TestShutdownEndsSubscriptions stops a server with subscriptions open, one of
// which nobody reads.
func TestShutdownEndsSubscriptions(t *testing.T) {
	s := start(t, Options{})
	idle := s.subscribe(readRequest("a"))
	idle.want("confirmed", "caught up")
	stuck := s.subscribe(readAllRequest())
	stuck.want("confirmed", "caught up")
	for range 20 {
		s.put("big", bigEvent(900_000))
	}
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if err := s.server.Shutdown(ctx); err != nil && err != context.Canceled {
		t.Error(err)
	}
	if _, err := idle.call.Recv(); err == nil {
		t.Error("the subscription went on after the server's end")
	}
}

// EventStoreDB protocol: a server that is not ready answers UNAVAILABLE, upon
// which clients look for it again.
func TestShutdownAsksSubscribersToComeBack(t *testing.T) {
	s := start(t, Options{})
	sub := s.subscribe(readRequest("a"))
	sub.want("confirmed", "caught up")
	if err := s.server.Shutdown(s.ctx); err != nil {
		t.Error(err)
	}
	_, err := sub.call.Recv()
	s.wantFault(err, nil, codes.Unavailable, "Server Is Not Ready")
}

// EventStoreDB protocol: a subscription to a stream that is tombstoned already
// ends before it is confirmed.
func TestSubscribeToTombstonedStream(t *testing.T) {
	s := start(t, Options{})
	if _, err := s.node.Tombstone(s.ctx, "a", events.Any); err != nil {
		t.Fatal(err)
	}
	sub := s.subscribe(readRequest("a"))
	_, err := sub.call.Recv()
	s.wantFault(err, sub.call.Trailer(), codes.FailedPrecondition, "Event stream 'a' is deleted.",
		"exception", "stream-deleted", "stream-name", "a")
}

// EventStoreDB protocol: without a window, a filter's is of 32 events, and the
// checkpoint's interval is so many times the multiplier.
func TestSubscribeFilteredByTheDefaultWindow(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 70)
	options := filtered(readAllRequest(), prefixes("none"), 0, 2)
	options.GetFilter().Window = &streams.ReadReq_Options_FilterOptions_Count{Count: none}
	s.subscribe(options).want("confirmed", "checkpoint 64", "checkpoint 70", "caught up")
}
