package wire

import (
	"fmt"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/reflect/protoreflect"

	"parley/events/node"
)

func groupOfAll(option *persistent.CreateReq_AllOptions) func(*persistent.CreateReq_Options) {
	return func(o *persistent.CreateReq_Options) {
		o.StreamOption = &persistent.CreateReq_Options_All{All: option}
	}
}

func groupOfStream(option *persistent.CreateReq_StreamOptions) func(*persistent.CreateReq_Options) {
	return func(o *persistent.CreateReq_Options) {
		option.StreamIdentifier = named("a")
		o.StreamOption = &persistent.CreateReq_Options_Stream{Stream: option}
	}
}

func (s *served) groupInfo(client persistent.PersistentSubscriptionsClient, all bool, group string) (*persistent.SubscriptionInfo, metadata.MD, error) {
	options := &persistent.GetInfoReq_Options{
		StreamOption: &persistent.GetInfoReq_Options_StreamIdentifier{StreamIdentifier: named("a")}, GroupName: group,
	}
	if all {
		options.StreamOption = &persistent.GetInfoReq_Options_All{All: none}
	}
	var trailer metadata.MD
	response, err := client.GetInfo(s.ctx, &persistent.GetInfoReq{Options: options}, grpc.Trailer(&trailer))
	return response.GetSubscriptionInfo(), trailer, err
}

// EventStoreDB protocol: what clients parse of a group's info.
func TestGroupInfo(t *testing.T) {
	s := start(t, Options{})
	client := persistent.NewPersistentSubscriptionsClient(s.conn)
	s.write("a", "T", 8)
	stream := &persistent.CreateReq_StreamOptions{RevisionOption: &persistent.CreateReq_StreamOptions_Revision{Revision: 7}}
	position := &persistent.CreateReq_Position{CommitPosition: 5, PreparePosition: 5}
	for i, try := range []struct {
		create    func(*persistent.CreateReq_Options)
		all       bool
		startFrom string
		lastKnown string
	}{
		// §7 info tells the start as "0", "-1" for the end, "N", "C:0/P:0", "C:-1/P:-1" for the end, or "C:c/P:p"
		{groupOfStream(&persistent.CreateReq_StreamOptions{RevisionOption: &persistent.CreateReq_StreamOptions_Start{Start: none}}), false, "0", "7"},
		{groupOfStream(&persistent.CreateReq_StreamOptions{RevisionOption: &persistent.CreateReq_StreamOptions_End{End: none}}), false, "-1", "7"},
		{groupOfStream(stream), false, "7", "7"},
		{groupOfAll(&persistent.CreateReq_AllOptions{AllOption: &persistent.CreateReq_AllOptions_Start{Start: none}}), true, "C:0/P:0", ""},
		{groupOfAll(&persistent.CreateReq_AllOptions{AllOption: &persistent.CreateReq_AllOptions_End{End: none}}), true, "C:-1/P:-1", ""},
		{groupOfAll(&persistent.CreateReq_AllOptions{AllOption: &persistent.CreateReq_AllOptions_Position{Position: position}}), true, "C:5/P:5", ""},
	} {
		group := fmt.Sprint("g", i)
		_, err := s.createGroup(client, func(o *persistent.CreateReq_Options) {
			try.create(o)
			o.GroupName = group
			// §7 timeouts are given in ticks of 100 ns or in milliseconds
			o.Settings.MessageTimeout = &persistent.CreateReq_Settings_MessageTimeoutMs{MessageTimeoutMs: 4321}
		})
		if err != nil {
			t.Fatal(err)
		}
		info, _, err := s.groupInfo(client, try.all, group)
		if err != nil {
			t.Fatal(err)
		}
		// §7 info's last events are empty while there are none, else "N" or "C:c/P:p"
		if tip := s.node.Tip(); try.all {
			try.lastKnown = fmt.Sprintf("C:%d/P:%d", tip, tip)
		}
		if info.StartFrom != try.startFrom || info.LastKnownEventPosition != try.lastKnown ||
			info.LastCheckpointedEventPosition != "" || info.MessageTimeoutMilliseconds != 4321 {
			t.Errorf("%s: %v, want a start from %q and the last at %q", group, info, try.startFrom, try.lastKnown)
		}
	}
	_, trailer, err := s.groupInfo(client, false, "absent")
	// §7 the info of a missing group is that it does not exist
	s.wantFault(err, trailer, codes.NotFound, "Subscription group absent on stream a does not exist.",
		"exception", "persistent-subscription-does-not-exist", "stream-name", "a", "group-name", "absent")
}

// EventStoreDB protocol: settings are checked in one order.
func TestCreateIsCheckedInOrder(t *testing.T) {
	s := start(t, Options{})
	client := persistent.NewPersistentSubscriptionsClient(s.conn)
	beyond := groupOfAll(&persistent.CreateReq_AllOptions{AllOption: &persistent.CreateReq_AllOptions_Position{
		Position: &persistent.CreateReq_Position{CommitPosition: 1 << 40, PreparePosition: 1 << 40},
	}})
	if _, err := s.createGroup(client, groupOfAll(&persistent.CreateReq_AllOptions{AllOption: &persistent.CreateReq_AllOptions_Start{Start: none}})); err != nil {
		t.Fatal(err)
	}
	// §7 a new group's strategy is checked first, then its start, then whether it exists
	_, err := s.createGroup(client, func(o *persistent.CreateReq_Options) {
		beyond(o)
		o.Settings.ConsumerStrategy = "Nobody"
	})
	s.wantFault(err, nil, codes.Internal, "Subscription group g on stream $all failed: 'Consumer strategy Nobody does not exist.'")
	_, err = s.createGroup(client, beyond)
	s.wantFault(err, nil, codes.Internal, "Subscription group g on stream $all failed: "+
		"'Invalid Start From position: commit position must be less than or equal to the last commit position in the transaction file.'")
	trailer, err := s.createGroup(client, groupOfAll(&persistent.CreateReq_AllOptions{AllOption: &persistent.CreateReq_AllOptions_Start{Start: none}}))
	s.wantFault(err, trailer, codes.AlreadyExists, "Subscription group g on stream $all exists.", "exception", "persistent-subscription-exists")
	all, err := client.Read(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := all.Send(&persistent.ReadReq{Content: &persistent.ReadReq_Options_{Options: &persistent.ReadReq_Options{
		StreamOption: &persistent.ReadReq_Options_All{All: none}, GroupName: "g", BufferSize: 1,
	}}}); err != nil {
		t.Fatal(err)
	}
	// §7 a group's id is "<stream>::<group>", or "$all::<group>"
	if response, err := all.Recv(); err != nil || response.GetSubscriptionConfirmation().GetSubscriptionId() != "$all::g" {
		t.Errorf("confirmed by %v, %v", response, err)
	}
	// §7 the strategy's name in the newer field wins over the older one
	_, err = s.createGroup(client, func(o *persistent.CreateReq_Options) {
		o.Settings.ConsumerStrategy = "Pinned"
		settings := o.Settings.ProtoReflect()
		older := settings.Descriptor().Fields().ByName("named_consumer_strategy")
		settings.Set(older, protoreflect.ValueOfEnum(protoreflect.EnumNumber(persistent.CreateReq_RoundRobin)))
	})
	if info, _, failure := s.groupInfo(client, false, "g"); err != nil || failure != nil || info.NamedConsumerStrategy != "Pinned" {
		t.Errorf("%v, %v, %v", info, err, failure)
	}
}

// EventStoreDB protocol: the call on which a group is consumed.
func TestConsume(t *testing.T) {
	s := start(t, Options{})
	client := persistent.NewPersistentSubscriptionsClient(s.conn)
	s.write("a", "T", 3)
	if _, err := s.createGroup(client, func(o *persistent.CreateReq_Options) { o.Settings.MaxRetryCount = 5 }); err != nil {
		t.Fatal(err)
	}
	// §7 the first message of a client that consumes has its options
	early, err := client.Read(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := early.Send(&persistent.ReadReq{Content: &persistent.ReadReq_Ack_{Ack: &persistent.ReadReq_Ack{}}}); err != nil {
		t.Fatal(err)
	}
	_, err = early.Recv()
	s.wantFault(err, nil, codes.Unknown, "Exception was thrown by handler.")

	s.ctx = metadata.AppendToOutgoingContext(s.ctx, "connection-name", "tester")
	call := s.consume(client, "g")
	if response, err := call.Recv(); err != nil || response.GetSubscriptionConfirmation().GetSubscriptionId() != "a::g" {
		t.Fatalf("%v, %v", response, err)
	}
	receive := func(revision uint64, retries int32) *shared.UUID {
		t.Helper()
		response, err := call.Recv()
		if err != nil {
			t.Fatal(err)
		}
		e := response.GetEvent()
		if e.GetEvent().GetStreamRevision() != revision || e.GetRetryCount() != retries {
			t.Fatalf("%v, want revision %d with %d retries", e, revision, retries)
		}
		return e.GetEvent().GetId()
	}
	nack := func(action persistent.ReadReq_Nack_Action, id *shared.UUID) {
		t.Helper()
		if err := call.Send(&persistent.ReadReq{Content: &persistent.ReadReq_Nack_{Nack: &persistent.ReadReq_Nack{
			Action: action, Ids: []*shared.UUID{id}, Reason: "broken",
		}}}); err != nil {
			t.Fatal(err)
		}
	}
	ids := []*shared.UUID{receive(0, 0), receive(1, 0), receive(2, 0)}
	// §7 info tells the connections, by the name in the header connection-name or else "<unknown>"
	if info, _, err := s.groupInfo(client, false, "g"); err != nil || len(info.Connections) != 1 || info.Connections[0].ConnectionName != "tester" {
		t.Errorf("%v, %v", info, err)
	}
	// §7 the answers Skip and Stop drop an event
	nack(persistent.ReadReq_Nack_Stop, ids[0])
	nack(persistent.ReadReq_Nack_Skip, ids[1])
	// §7 the answers Unknown and Retry give it out again
	nack(persistent.ReadReq_Nack_Unknown, ids[2])
	receive(2, 1)
	nack(persistent.ReadReq_Nack_Retry, ids[2])
	receive(2, 2)
	if info, _, err := s.groupInfo(client, false, "g"); err != nil || info.TotalInFlightMessages != 1 {
		t.Errorf("%v, %v, want one event in flight", info, err)
	}
	if state, err := s.node.State("$persistentsubscription-a::g-parked"); err != nil || state.Status != node.Absent {
		t.Errorf("something was parked: %+v, %v", state, err)
	}
}
