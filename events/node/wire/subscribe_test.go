package wire

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
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

// EventStoreDB protocol:
// §4 a subscription begins after its revision or position
// §4 a subscription from the start has everything, from the end what comes
// §4 a subscription is confirmed first, with an id
// §4 a subscription is told that it has caught up: at once at or past the end, else after what is there
// §4 live events up to the revision from which a subscription starts are passed over
// §4 a stream need not exist to be subscribed to
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
	confirmation, err := absent.call.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if id := confirmation.GetConfirmation().GetSubscriptionId(); uuid.Validate(id) != nil || id != strings.ToLower(id) {
		t.Errorf("confirmed with the id %q", id)
	}
	absent.want("caught up")

	s.write("b", "T", 1)
	s.write("a", "T", 2)
	whole.want("3@a", "4@a")
	after.want("3@a", "4@a")
	live.want("3@a", "4@a")
	future.want("4@a")
	absent.want("0@b")
}

// EventStoreDB protocol:
// §4 a tombstone is sent to the stream's subscribers, and ends them
// §4 soft deletion says nothing to a subscriber, who stays
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

// EventStoreDB protocol:
// §4 a subscription begins after its revision or position
// §4 a subscription from the start has everything, from the end what comes
// §4 a subscription is told that it has caught up: at once at or past the end, else after what is there
// §4 without a filter there are no checkpoints
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

// EventStoreDB protocol:
// §4 a checkpoint comes after multiplier times window events considered, chosen or not; the window is 32 by default
// §4 a checkpoint has the position of the event that completes its interval
// §4 one more checkpoint comes just before a subscription has caught up, and none twice
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

// EventStoreDB protocol:
// §4 events of hidden streams are considered too
func TestSubscribeCountsHiddenEvents(t *testing.T) {
	s := start(t, Options{})
	s.write("$epoch-information", "$epoch", 2)
	s.write("a", "T", 1)
	sub := s.subscribe(filtered(readAllRequest(), prefixes("none"), 3, 1))
	sub.want("confirmed", "checkpoint 3", "caught up")
	s.write("$epoch-information", "$epoch", 3)
	sub.want("checkpoint 6")
}

// EventStoreDB protocol:
// §4 a subscriber that falls 32 live events behind catches up, and is told so again
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

// EventStoreDB protocol:
// §2 a server that is not ready is UNAVAILABLE "Server Is Not Ready"
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

// EventStoreDB protocol:
// §4 a subscription to a tombstoned stream is not confirmed: the stream is deleted
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

// EventStoreDB protocol:
// §4 a checkpoint comes after multiplier times window events considered, chosen or not; the window is 32 by default
func TestSubscribeFilteredByTheDefaultWindow(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 70)
	options := filtered(readAllRequest(), prefixes("none"), 0, 2)
	options.GetFilter().Window = &streams.ReadReq_Options_FilterOptions_Count{Count: none}
	s.subscribe(options).want("confirmed", "checkpoint 64", "checkpoint 70", "caught up")
}
