package wire

import (
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"

	"parley/events"
	"parley/events/node"
)

// listed waits until the lists are as far as the log.
func (s *served) listed() {
	s.Helper()
	if _, err := s.node.WaitStream(s.ctx, "$streams", s.node.Tip()-1); err != nil {
		s.Fatal(err)
	}
}

// EventStoreDB protocol:
// §9 $ce-<category> links to the events of the streams whose name begins with the category and '-'
// §9 $streams links to the first event of each stream, metastreams included
// §9 a list is read, counted, subscribed to, resolved and consumed by groups like any stream, and has metadata
// §9 an unknown list is stream_not_found
// §9 a link whose target is gone stays, without it
func TestReadLists(t *testing.T) {
	s := start(t, Options{})
	s.write("order-1", "T", 2)
	s.write("order-2", "T", 1)
	s.listed()
	s.wantRead(readRequest("$ce-order"), places("$ce-order", 0, 2)...)
	s.wantRead(resolving(readRequest("$ce-order")),
		"0@$ce-order -> 0@order-1", "1@$ce-order -> 1@order-1", "2@$ce-order -> 0@order-2")
	s.wantRead(counted(backwards(fromEnd(readRequest("$et-T"))), 2), places("$et-T", 2, 1)...)
	s.wantRead(resolving(readRequest("$streams")), "0@$streams -> 0@order-1", "1@$streams -> 0@order-2")
	s.wantRead(readRequest("$ce-nothing"), "not found $ce-nothing")
	s.setMetadata("order-1", `{"$tb":1}`)
	s.listed()
	s.wantRead(counted(resolving(readRequest("$ce-order")), 2), "0@$ce-order -> gone", "1@$ce-order -> 1@order-1")
}

// EventStoreDB protocol:
// §9 a list is read, counted, subscribed to, resolved and consumed by groups like any stream, and has metadata
func TestSubscribeToLists(t *testing.T) {
	s := start(t, Options{})
	s.write("order-1", "T", 2)
	s.listed()
	whole := s.subscribe(resolving(readRequest("$ce-order")))
	whole.want("confirmed", "0@$ce-order -> 0@order-1", "1@$ce-order -> 1@order-1", "caught up")
	live := s.subscribe(fromEnd(readRequest("$ce-order")))
	live.want("confirmed", "caught up")
	s.write("other-1", "T", 1)
	s.write("order-2", "T", 1)
	whole.want("2@$ce-order -> 0@order-2")
	live.want("2@$ce-order")
}

// EventStoreDB protocol:
// §9 a list is read, counted, subscribed to, resolved and consumed by groups like any stream, and has metadata
func TestClientConsumesLists(t *testing.T) {
	s := start(t, Options{})
	client := s.client()
	s.write("order-1", "T", 2)
	s.groupOf(client, "$ce-order", func(o *esdb.PersistentStreamSubscriptionOptions) { o.Settings.ResolveLinkTos = true })
	j := s.join(client, "$ce-order", 2)
	received := j.want("0@$ce-order -> 0@order-1", "1@$ce-order -> 1@order-1")
	j.nack(esdb.NackActionRetry, received[1])
	j.want("1@$ce-order -> 1@order-1'")
	s.write("order-2", "T", 1)
	j.ack(received...)
	j.want("2@$ce-order -> 0@order-2")
}

// Lists are made by the server alone: whoever writes to one is denied, as
// EventStoreDB denies what a user may not write. Their metadata can be set.
//
// EventStoreDB protocol:
// §9 nobody may write to a list
func TestListsAreNotWritable(t *testing.T) {
	s := start(t, Options{})
	for _, list := range []string{"$ce-order", "$et-T", "$streams"} {
		_, trailer, err := s.append(anyRevision(list), messages(newIDs(1)...)...)
		s.wantFault(err, trailer, codes.PermissionDenied, "Access Denied", "exception", "access-denied")
		_, err = s.client().DeleteStream(s.ctx, list, esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}})
		wantCode(t, err, esdb.ErrorCodeAccessDenied)
	}
	s.setMetadata("$ce-order", `{"$maxCount":1}`)
	s.write("order-1", "T", 3)
	s.listed()
	s.wantRead(readRequest("$ce-order"), "2@$ce-order")
}

// Links of lists are not part of $all, the one difference that can be seen.
//
// EventStoreDB protocol:
// §9 lists are not in $all
func TestListsAreNotInAll(t *testing.T) {
	s := start(t, Options{})
	s.write("order-1", "T", 1)
	s.listed()
	s.wantRead(readAllRequest(), "0@order-1")
	for e, err := range s.node.ScanAll(s.ctx, 0, events.Forwards, 0) {
		if err != nil || e.Type == node.TypeLink {
			t.Errorf("the log holds %+v, %v", e, err)
		}
	}
}
