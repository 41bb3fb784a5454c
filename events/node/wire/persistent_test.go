package wire

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"parley/events/node"
)

// groupOf makes a group through the client, with the client's own settings as
// far as they are not changed.
func (s *served) groupOf(client *esdb.Client, stream string, change func(*esdb.PersistentStreamSubscriptionOptions)) {
	s.Helper()
	settings := esdb.SubscriptionSettingsDefault()
	options := esdb.PersistentStreamSubscriptionOptions{Settings: &settings, StartFrom: esdb.Start{}}
	if change != nil {
		change(&options)
	}
	if err := client.CreatePersistentSubscription(s.ctx, stream, "g", options); err != nil {
		s.Fatal(err)
	}
}

// joined is a consumer of a test, by way of the client.
type joined struct {
	*served
	sub *esdb.PersistentSubscription
}

func (s *served) join(client *esdb.Client, stream string, buffer uint32) joined {
	s.Helper()
	options := esdb.SubscribeToPersistentSubscriptionOptions{BufferSize: buffer}
	connect := func() (*esdb.PersistentSubscription, error) {
		if stream == node.AllStream {
			return client.SubscribeToPersistentSubscriptionToAll(s.ctx, "g", options)
		}
		return client.SubscribeToPersistentSubscription(s.ctx, stream, "g", options)
	}
	sub, err := connect()
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = sub.Close() })
	return joined{s, sub}
}

// want checks the next events, each as revision@stream, a link with its
// target, and a stroke for each retry.
func (j joined) want(want ...string) (received []*esdb.ResolvedEvent) {
	j.Helper()
	for _, want := range want {
		next := j.sub.Recv()
		if next.SubscriptionDropped != nil {
			j.Fatalf("%v, want %s", next.SubscriptionDropped.Error, want)
		}
		e := next.EventAppeared.Event
		got := fmt.Sprintf("%d@%s", e.OriginalEvent().EventNumber, e.OriginalEvent().StreamID)
		switch {
		case e.Link != nil && e.Event == nil:
			got += " -> gone"
		case e.Link != nil:
			got += fmt.Sprintf(" -> %d@%s", e.Event.EventNumber, e.Event.StreamID)
		}
		for range next.EventAppeared.RetryCount {
			got += "'"
		}
		if got != want {
			j.Fatalf("received %s, want %s", got, want)
		}
		received = append(received, e)
	}
	return received
}

func (j joined) wantDropped() {
	j.Helper()
	next := j.sub.Recv()
	if next.SubscriptionDropped == nil {
		j.Fatalf("received %+v, want it to be dropped", next)
	}
	if code := status.Code(next.SubscriptionDropped.Error); code != codes.Canceled {
		j.Errorf("dropped with %s, want %s", code, codes.Canceled)
	}
}

func (j joined) ack(received ...*esdb.ResolvedEvent) {
	j.Helper()
	if err := j.sub.Ack(received...); err != nil {
		j.Fatal(err)
	}
}

func (j joined) nack(action esdb.NackAction, received ...*esdb.ResolvedEvent) {
	j.Helper()
	if err := j.sub.Nack("broken", action, received...); err != nil {
		j.Fatal(err)
	}
}

// EventStoreDB protocol:
// §2 the Go client, which panics at an answer that it does not expect, finds none
// §7 a group starts at its revision or position, included; at the end, with what is written after its creation
// §7 a consumer is confirmed, then sent events while fewer than its buffer are unanswered
func TestClientConsumes(t *testing.T) {
	s := start(t, Options{})
	client := s.client()
	s.write("a", "T", 4)
	s.groupOf(client, "a", func(o *esdb.PersistentStreamSubscriptionOptions) { o.StartFrom = esdb.Revision(1) })
	j := s.join(client, "a", 2)
	first := j.want("1@a", "2@a")
	j.ack(first[0])
	j.want("3@a")
	j.nack(esdb.NackActionRetry, first[1])
	j.want("2@a'")
	s.write("b", "T", 1)
	s.write("a", "T", 1)
	j.ack(first[1])
	j.want("4@a")
}

// EventStoreDB protocol:
// §7 what a consumer that leaves had is retried, however often it was
func TestClientLeaves(t *testing.T) {
	s := start(t, Options{})
	client := s.client()
	s.write("a", "T", 2)
	s.groupOf(client, "a", nil)
	j := s.join(client, "a", 10)
	j.want("0@a", "1@a")
	if err := j.sub.Close(); err != nil {
		t.Fatal(err)
	}
	s.join(client, "a", 10).want("0@a'", "1@a'")
}

// EventStoreDB protocol:
// §7 a group starts at its revision or position, included; at the end, with what is written after its creation
// §7 an update drops the consumers and keeps the checkpoint and, of $all, the filter
func TestClientConsumesAll(t *testing.T) {
	s := start(t, Options{})
	client := s.client()
	s.write("a", "T", 1)
	from := s.write("a", "T", 1).Position
	s.write("b", "T", 1)
	settings := esdb.SubscriptionSettingsDefault()
	err := client.CreatePersistentSubscriptionToAll(s.ctx, "g", esdb.PersistentAllSubscriptionOptions{
		Settings: &settings, StartFrom: esdb.Position{Commit: uint64(from), Prepare: uint64(from)},
		Filter: &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: []string{"a"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	j := s.join(client, node.AllStream, 10)
	j.want("1@a")
	s.write("b", "T", 1)
	s.write("a", "T", 1)
	j.want("2@a")
	info, err := client.GetPersistentSubscriptionInfoToAll(s.ctx, "g", esdb.GetPersistentSubscriptionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if known := info.Stats.LastKnownPosition; known == nil || known.Commit != uint64(s.node.Tip()) {
		t.Errorf("last known position %+v, want %d", known, s.node.Tip())
	}
	err = client.UpdatePersistentSubscriptionToAll(s.ctx, "g", esdb.PersistentAllSubscriptionOptions{Settings: &settings, StartFrom: esdb.Start{}})
	if err != nil {
		t.Fatal(err)
	}
	j.wantDropped()
	s.join(client, node.AllStream, 10).want("0@a", "1@a", "2@a")
	if err := client.DeletePersistentSubscriptionToAll(s.ctx, "g", esdb.DeletePersistentSubscriptionOptions{}); err != nil {
		t.Fatal(err)
	}
}

// EventStoreDB protocol:
// §7 both records of a resolved link have the link's position
// §7 events are answered by the id of the original, the link's where there is one; unknown ids are ignored
func TestClientConsumesLinks(t *testing.T) {
	s := start(t, Options{})
	client := s.client()
	s.write("a", "T", 2)
	s.link("links", 0, "a")
	s.link("links", 9, "a")
	last := s.link("links", 1, "a").Position
	s.groupOf(client, "links", func(o *esdb.PersistentStreamSubscriptionOptions) { o.Settings.ResolveLinkTos = true })
	j := s.join(client, "links", 3)
	received := j.want("0@links -> 0@a", "1@links -> gone", "2@links -> 1@a")
	if e := received[2]; e.Event.Position.Commit != uint64(last) || e.Link.Position.Commit != uint64(last) {
		t.Errorf("positions %+v and %+v, want %d", e.Event.Position, e.Link.Position, last)
	}
	j.ack(received...)
	s.link("links", 0, "a")
	j.want("3@links -> 0@a")
}

// EventStoreDB protocol:
// §7 the answer Park parks an event
// §7 a replay gives out what is parked below stop_at, as links with their targets, and truncates the parked stream
// §7 info tells the status, the parked events, the strategy and the consumers
func TestClientReplaysParked(t *testing.T) {
	s := start(t, Options{})
	client := s.client()
	s.write("a", "T", 2)
	s.groupOf(client, "a", nil)
	j := s.join(client, "a", 10)
	received := j.want("0@a", "1@a")
	j.nack(esdb.NackActionSkip, received[0])
	j.nack(esdb.NackActionPark, received[1])
	parked := "$persistentsubscription-a::g-parked"
	// The node's own tip tells when the event is parked.
	for tip := s.node.Tip(); ; {
		if state, err := s.node.State(parked); err != nil {
			t.Fatal(err)
		} else if state.Status == node.Found {
			break
		}
		var err error
		if tip, err = s.node.Wait(s.ctx, tip); err != nil {
			t.Fatal(err)
		}
	}
	info, err := client.GetPersistentSubscriptionInfo(s.ctx, "a", "g", esdb.GetPersistentSubscriptionOptions{})
	if err != nil || info.Stats.ParkedMessagesCount != 1 {
		t.Fatalf("info %+v, %v: want one event parked", info, err)
	}
	if err := client.ReplayParkedMessages(s.ctx, "a", "g", esdb.ReplayParkedMessagesOptions{}); err != nil {
		t.Fatal(err)
	}
	j.want("0@" + parked + " -> 1@a")
}

// EventStoreDB protocol:
// §0 a client that is told of all features makes no HTTP call
// §7 a group's stream need not exist
// §7 info tells the status, the parked events, the strategy and the consumers
// §7 groups are listed, all or a stream's; for a stream that has none, the group "" does not exist
func TestClientListsGroups(t *testing.T) {
	s := start(t, Options{})
	client := s.client()
	s.write("a", "T", 3)
	s.groupOf(client, "a", func(o *esdb.PersistentStreamSubscriptionOptions) { o.Settings.MaxRetryCount = 77 })
	s.groupOf(client, "b", nil)
	j := s.join(client, "a", 10)
	j.want("0@a", "1@a", "2@a")
	info, err := client.GetPersistentSubscriptionInfo(s.ctx, "a", "g", esdb.GetPersistentSubscriptionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if info.EventSource != "a" || info.GroupName != "g" || info.Status != "Live" || info.Settings.MaxRetryCount != 77 ||
		info.Stats.OutstandingMessagesCount != 3 || *info.Stats.LastKnownEventRevision != 2 || info.Stats.LastCheckpointedEventRevision != nil {
		t.Errorf("info %+v, settings %+v, stats %+v", info, info.Settings, info.Stats)
	}
	if c := info.Connections; len(c) != 1 || c[0].ConnectionName != "<unknown>" || c[0].AvailableSlots != 7 {
		t.Errorf("connections %+v", c)
	}
	all, err := client.ListAllPersistentSubscriptions(s.ctx, esdb.ListPersistentSubscriptionsOptions{})
	if err != nil || len(all) != 2 {
		t.Errorf("%d groups, %v, want 2", len(all), err)
	}
	one, err := client.ListPersistentSubscriptionsForStream(s.ctx, "b", esdb.ListPersistentSubscriptionsOptions{})
	if err != nil || len(one) != 1 || one[0].EventSource != "b" {
		t.Errorf("groups of b: %+v, %v", one, err)
	}
	_, err = client.ListPersistentSubscriptionsForStream(s.ctx, "c", esdb.ListPersistentSubscriptionsOptions{})
	wantCode(t, err, esdb.ErrorCodeResourceNotFound)
	if err := client.RestartPersistentSubscriptionSubsystem(s.ctx, esdb.RestartPersistentSubscriptionSubsystemOptions{}); err != nil {
		t.Error(err)
	}
	j.wantDropped()
}

// EventStoreDB protocol:
// §2 a missing group is NOT_FOUND "… does not exist.", exception persistent-subscription-does-not-exist
// §7 a replay of nothing succeeds; of a missing group it does not, nor below a negative stop_at
func TestClientManagesGroups(t *testing.T) {
	s := start(t, Options{})
	client := s.client()
	options := esdb.PersistentStreamSubscriptionOptions{}
	err := client.UpdatePersistentSubscription(s.ctx, "a", "g", options)
	wantCode(t, err, esdb.ErrorCodeResourceNotFound)
	s.groupOf(client, "a", nil)
	err = client.CreatePersistentSubscription(s.ctx, "a", "g", options)
	wantCode(t, err, esdb.ErrorCodeResourceAlreadyExists)
	j := s.join(client, "a", 10)
	if err := client.UpdatePersistentSubscription(s.ctx, "a", "g", options); err != nil {
		t.Fatal(err)
	}
	j.wantDropped()
	j = s.join(client, "a", 10)
	if err := client.DeletePersistentSubscription(s.ctx, "a", "g", esdb.DeletePersistentSubscriptionOptions{}); err != nil {
		t.Fatal(err)
	}
	j.wantDropped()
	err = client.DeletePersistentSubscription(s.ctx, "a", "g", esdb.DeletePersistentSubscriptionOptions{})
	wantCode(t, err, esdb.ErrorCodeResourceNotFound)
	_, err = client.SubscribeToPersistentSubscription(s.ctx, "a", "g", esdb.SubscribeToPersistentSubscriptionOptions{})
	wantCode(t, err, esdb.ErrorCodeResourceNotFound)
	err = client.ReplayParkedMessages(s.ctx, "a", "g", esdb.ReplayParkedMessagesOptions{})
	wantCode(t, err, esdb.ErrorCodeResourceNotFound)
}

// EventStoreDB protocol:
// §2 a group that exists is ALREADY_EXISTS "Subscription group G on stream S exists.", exception persistent-subscription-exists
// §2 a missing group is NOT_FOUND "… does not exist.", exception persistent-subscription-does-not-exist
// §2 a group that fails is INTERNAL "… failed: 'R'", exception persistent-subscription-failed, reason R
// §2 a full group is FAILED_PRECONDITION "Maximum subscriptions reached …", exception maximum-subscribers-reached
// §2 a dropped consumer is CANCELLED "… was dropped.", exception persistent-subscription-dropped
// §7 a group's id is "<stream>::<group>", or "$all::<group>"
// §7 a group needs a stream's name, and $all is no such name
// §7 a consumer is confirmed, then sent events while fewer than its buffer are unanswered
// §7 a group with as many consumers as it may have takes no more
func TestPersistentFaults(t *testing.T) {
	s := start(t, Options{})
	client := persistent.NewPersistentSubscriptionsClient(s.conn)
	create := func(change func(*persistent.CreateReq_Options)) (metadata.MD, error) {
		return s.createGroup(client, change)
	}
	about := func(exception string, more ...string) []string {
		return slices.Concat([]string{"exception", exception, "stream-name", "a", "group-name", "g"}, more)
	}
	trailer, err := create(func(o *persistent.CreateReq_Options) { o.Settings.ConsumerStrategy = "Nobody" })
	reason := "Consumer strategy Nobody does not exist."
	s.wantFault(err, trailer, codes.Internal, "Subscription group g on stream a failed: '"+reason+"'",
		about("persistent-subscription-failed", "reason", reason)...)
	_, err = create(func(o *persistent.CreateReq_Options) { o.GetStream().StreamIdentifier = named("") })
	s.wantFault(err, nil, codes.Internal, "Subscription group g on stream  failed: 'Bad stream name.'")
	_, err = create(func(o *persistent.CreateReq_Options) { o.GetStream().StreamIdentifier = named("$all") })
	s.wantFault(err, nil, codes.Internal,
		"Subscription group g on stream $all failed: 'Persistent subscriptions to $all are only supported over gRPC through gRPC clients'")
	if _, err = create(func(*persistent.CreateReq_Options) {}); err != nil {
		t.Fatal(err)
	}
	trailer, err = create(func(*persistent.CreateReq_Options) {})
	s.wantFault(err, trailer, codes.AlreadyExists, "Subscription group g on stream a exists.", about("persistent-subscription-exists")...)
	info, err := client.GetInfo(s.ctx, &persistent.GetInfoReq{Options: &persistent.GetInfoReq_Options{
		StreamOption: &persistent.GetInfoReq_Options_StreamIdentifier{StreamIdentifier: named("a")}, GroupName: "g",
	}})
	if err != nil || info.SubscriptionInfo.MessageTimeoutMilliseconds != 1234 || info.SubscriptionInfo.StartFrom != "0" {
		t.Errorf("info %v, %v", info, err)
	}

	first := s.consume(client, "g")
	if response, err := first.Recv(); err != nil || response.GetSubscriptionConfirmation().GetSubscriptionId() != "a::g" {
		t.Fatalf("confirmation %v, %v", response, err)
	}
	second := s.consume(client, "g")
	_, err = second.Recv()
	s.wantFault(err, second.Trailer(), codes.FailedPrecondition, "Maximum subscriptions reached for subscription group g on stream a.",
		about("maximum-subscribers-reached")...)
	if _, err := client.Delete(s.ctx, &persistent.DeleteReq{Options: &persistent.DeleteReq_Options{
		StreamOption: &persistent.DeleteReq_Options_StreamIdentifier{StreamIdentifier: named("a")}, GroupName: "g",
	}}); err != nil {
		t.Fatal(err)
	}
	_, err = first.Recv()
	s.wantFault(err, first.Trailer(), codes.Canceled, "Subscription group g on stream a was dropped.", about("persistent-subscription-dropped")...)
	third := s.consume(client, "g")
	_, err = third.Recv()
	s.wantFault(err, third.Trailer(), codes.NotFound, "Subscription group g on stream a does not exist.", about("persistent-subscription-does-not-exist")...)
}

// createGroup creates group g of stream a, with options that a test changes.
func (s *served) createGroup(client persistent.PersistentSubscriptionsClient, change func(*persistent.CreateReq_Options)) (metadata.MD, error) {
	options := &persistent.CreateReq_Options{
		StreamOption: &persistent.CreateReq_Options_Stream{Stream: &persistent.CreateReq_StreamOptions{
			StreamIdentifier: named("a"),
			RevisionOption:   &persistent.CreateReq_StreamOptions_Start{Start: none},
		}},
		GroupName: "g",
		Settings: &persistent.CreateReq_Settings{
			ConsumerStrategy: "RoundRobin", ReadBatchSize: 1, HistoryBufferSize: 2, MaxSubscriberCount: 1,
			MessageTimeout: &persistent.CreateReq_Settings_MessageTimeoutTicks{MessageTimeoutTicks: 10_000 * 1234},
		},
	}
	change(options)
	var trailer metadata.MD
	_, err := client.Create(s.ctx, &persistent.CreateReq{Options: options}, grpc.Trailer(&trailer))
	return trailer, err
}

func (s *served) consume(client persistent.PersistentSubscriptionsClient, group string) persistent.PersistentSubscriptions_ReadClient {
	s.Helper()
	call, err := client.Read(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	err = call.Send(&persistent.ReadReq{Content: &persistent.ReadReq_Options_{Options: &persistent.ReadReq_Options{
		StreamOption: &persistent.ReadReq_Options_StreamIdentifier{StreamIdentifier: named("a")}, GroupName: group, BufferSize: 10,
	}}})
	if err != nil && err != io.EOF {
		s.Fatal(err)
	}
	return call
}

// EventStoreDB protocol:
// §7 old clients name the stream and the revision outside the options that newer ones use
func TestOldClientsCreateGroups(t *testing.T) {
	s := start(t, Options{})
	client := persistent.NewPersistentSubscriptionsClient(s.conn)
	old := new(persistent.CreateReq_Options)
	message := old.ProtoReflect()
	fields := message.Descriptor().Fields()
	message.Mutable(fields.ByName("stream_identifier")).Message().Set(
		named("").ProtoReflect().Descriptor().Fields().ByName("stream_name"), protoreflect.ValueOfBytes([]byte("a")))
	old.GroupName = "g"
	old.Settings = &persistent.CreateReq_Settings{ReadBatchSize: 1, HistoryBufferSize: 2}
	settings := old.Settings.ProtoReflect()
	settings.Set(settings.Descriptor().Fields().ByName("revision"), protoreflect.ValueOfUint64(7))
	if _, err := client.Create(s.ctx, &persistent.CreateReq{Options: old}); err != nil {
		t.Fatal(err)
	}
	list, err := client.List(s.ctx, &persistent.ListReq{Options: &persistent.ListReq_Options{
		ListOption: &persistent.ListReq_Options_ListAllSubscriptions{ListAllSubscriptions: &shared.Empty{}},
	}})
	if err != nil || len(list.Subscriptions) != 1 || list.Subscriptions[0].StartFrom != "7" ||
		list.Subscriptions[0].NamedConsumerStrategy != "DispatchToSingle" {
		t.Errorf("groups %v, %v", list, err)
	}
}

// TestShutdownEndsConsumers: a server that stops does not wait for consumers,
// which never end by themselves.
//
// EventStoreDB protocol:
// §2 a server that is not ready is UNAVAILABLE "Server Is Not Ready"
func TestShutdownEndsConsumers(t *testing.T) {
	s := start(t, Options{})
	client := s.client()
	s.groupOf(client, "a", nil)
	call := s.consume(persistent.NewPersistentSubscriptionsClient(s.conn), "g")
	if _, err := call.Recv(); err != nil {
		t.Fatal(err)
	}
	end, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	if err := s.server.Shutdown(end); err != nil {
		t.Fatal(err)
	}
	_, err := call.Recv()
	s.wantFault(err, nil, codes.Unavailable, "Server Is Not Ready")
}

// EventStoreDB protocol:
// §7 an event always comes with its count of retries, which begins at 0
// §7 events are answered by the id of the original, the link's where there is one; unknown ids are ignored
// §7 groups are listed, all or a stream's; for a stream that has none, the group "" does not exist
func TestUnknownAcknowledgements(t *testing.T) {
	s := start(t, Options{})
	client := persistent.NewPersistentSubscriptionsClient(s.conn)
	s.write("a", "T", 1)
	if _, err := s.createGroup(client, func(*persistent.CreateReq_Options) {}); err != nil {
		t.Fatal(err)
	}
	call := s.consume(client, "g")
	if response, err := call.Recv(); err != nil || response.GetSubscriptionConfirmation() == nil {
		t.Fatalf("%v, %v", response, err)
	}
	err := call.Send(&persistent.ReadReq{Content: &persistent.ReadReq_Ack_{Ack: &persistent.ReadReq_Ack{
		Id: []byte("ignored"), Ids: []*shared.UUID{structuredID(uuid.New())},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	response, err := call.Recv()
	if count, ok := response.GetEvent().GetCount().(*persistent.ReadResp_ReadEvent_RetryCount); err != nil || !ok || count.RetryCount != 0 {
		t.Errorf("%v, %v, want an event with a retry count of 0", response, err)
	}
	var trailer metadata.MD
	_, err = client.List(s.ctx, &persistent.ListReq{Options: &persistent.ListReq_Options{
		ListOption: &persistent.ListReq_Options_ListForStream{ListForStream: &persistent.ListReq_StreamOption{
			StreamOption: &persistent.ListReq_StreamOption_Stream{Stream: named("b")},
		}},
	}}, grpc.Trailer(&trailer))
	s.wantFault(err, trailer, codes.NotFound, "Subscription group  on stream b does not exist.",
		"exception", "persistent-subscription-does-not-exist", "stream-name", "b", "group-name", "")
}
