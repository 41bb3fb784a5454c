package wire

import (
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"parley/events"
)

// batch is an open BatchAppend call of a test.
type batch struct {
	*served
	call streams.Streams_BatchAppendClient
}

func (s *served) batch() batch {
	s.Helper()
	call, err := s.streams.BatchAppend(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	return batch{s, call}
}

// send sends one part of the append that is named by number; options go with
// the first.
func (b batch) send(number int, final bool, options *streams.BatchAppendReq_Options, ids ...uuid.UUID) {
	b.Helper()
	request := &streams.BatchAppendReq{CorrelationId: correlation(number), Options: options, IsFinal: final}
	for _, id := range ids {
		m := message(id)
		request.ProposedMessages = append(request.ProposedMessages,
			&streams.BatchAppendReq_ProposedMessage{Id: m.Id, Metadata: m.Metadata, Data: m.Data})
	}
	if err := b.call.Send(request); err != nil {
		b.Fatal(err)
	}
}

func correlation(number int) *shared.UUID {
	return structuredID(uuid.NewSHA1(uuid.Nil, fmt.Append(nil, number)))
}

// receive checks that the next answer is to the append named by number.
func (b batch) receive(number int) *streams.BatchAppendResp {
	b.Helper()
	response, err := b.call.Recv()
	if err != nil {
		b.Fatal(err)
	}
	if diff := cmp.Diff(correlation(number), response.CorrelationId, protocmp.Transform()); diff != "" {
		b.Fatalf("answer to another append than %d: %v", number, response)
	}
	return response
}

func (b batch) wantSuccess(number int, revision uint64) {
	b.Helper()
	response := b.receive(number)
	if response.GetSuccess() == nil || response.GetSuccess().GetCurrentRevision() != revision {
		b.Errorf("append %d: %v, want revision %d", number, response, revision)
	}
}

func (b batch) wantError(number int, code codes.Code, want proto.Message) {
	b.Helper()
	status := b.receive(number).GetError()
	if codes.Code(status.GetCode()) != code || len(status.GetDetails()) != 1 || status.Message == "" {
		b.Fatalf("append %d: %v, want %s with a message and one detail", number, status, code)
	}
	got, err := status.Details[0].UnmarshalNew()
	if err != nil {
		b.Fatal(err)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		b.Errorf("append %d (-want +got):\n%s", number, diff)
	}
}

func batchAny(stream string) *streams.BatchAppendReq_Options {
	return &streams.BatchAppendReq_Options{
		StreamIdentifier:       named(stream),
		ExpectedStreamPosition: &streams.BatchAppendReq_Options_Any{Any: &emptypb.Empty{}},
	}
}

func batchAt(stream string, revision uint64) *streams.BatchAppendReq_Options {
	return &streams.BatchAppendReq_Options{
		StreamIdentifier:       named(stream),
		ExpectedStreamPosition: &streams.BatchAppendReq_Options_StreamPosition{StreamPosition: revision},
	}
}

// EventStoreDB protocol:
// §3 each batched append has one answer, with its correlation id and stream, and not what was expected
func TestBatchAppend(t *testing.T) {
	s := start(t, Options{})
	b := s.batch()
	const count = 500
	b.send(0, true, batchAny("a"), uuid.New())
	for i := 1; i < count; i++ {
		b.send(i, true, batchAt("a", uint64(i-1)), uuid.New())
	}
	for i := range count {
		b.wantSuccess(i, uint64(i))
	}
	b.send(1000, true, batchAny("b"), uuid.New(), uuid.New())
	response := b.receive(1000)
	want := &streams.BatchAppendResp{
		CorrelationId:    correlation(1000),
		StreamIdentifier: named("b"),
		Result: &streams.BatchAppendResp_Success_{Success: &streams.BatchAppendResp_Success{
			CurrentRevisionOption: &streams.BatchAppendResp_Success_CurrentRevision{CurrentRevision: 1},
			PositionOption: &streams.BatchAppendResp_Success_Position{
				Position: &shared.AllStreamPosition{CommitPosition: count + 2, PreparePosition: count + 2},
			},
		}},
	}
	if diff := cmp.Diff(want, response, protocmp.Transform()); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

// EventStoreDB protocol:
// §3 of a batched append, the first part has the options and the last says so; parts of several may alternate
// §3 parts of an unknown batched append are ignored
// §3 after the client's half-close, what is complete is answered and the call ends well
func TestBatchAppendInParts(t *testing.T) {
	s := start(t, Options{})
	b := s.batch()
	b.send(1, false, batchAny("a"), uuid.New())
	b.send(2, false, batchAny("b"), uuid.New(), uuid.New())
	b.send(9, true, nil, uuid.New())
	b.send(1, false, nil, uuid.New())
	b.send(2, true, nil, uuid.New())
	b.send(3, false, batchAny("c"), uuid.New())
	b.send(1, true, nil)
	if err := b.call.CloseSend(); err != nil {
		t.Fatal(err)
	}
	b.wantSuccess(2, 2)
	b.wantSuccess(1, 1)
	if _, err := b.call.Recv(); err != io.EOF {
		t.Errorf("the call ended with %v", err)
	}
	s.wantRead(readRequest("c"), "not found c")
}

// EventStoreDB protocol:
// §3 a refused batched append has a status with one detail, and the call goes on
// §3 batched: WrongExpectedVersion is ALREADY_EXISTS, StreamDeleted NOT_FOUND, AccessDenied PERMISSION_DENIED
// §3 batched: Unknown is UNKNOWN, MaximumAppendSizeExceeded and BadRequest are INVALID_ARGUMENT, Timeout DEADLINE_EXCEEDED
func TestBatchAppendRefusals(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 3)
	if _, err := s.node.Tombstone(s.ctx, "gone", events.Any); err != nil {
		t.Fatal(err)
	}
	b := s.batch()
	b.send(1, true, batchAt("a", 0), uuid.New())
	b.wantError(1, codes.AlreadyExists, &shared.WrongExpectedVersion{
		CurrentStreamRevisionOption:  &shared.WrongExpectedVersion_CurrentStreamRevision{CurrentStreamRevision: 2},
		ExpectedStreamPositionOption: &shared.WrongExpectedVersion_ExpectedStreamPosition{ExpectedStreamPosition: 0},
	})
	b.send(2, true, batchAt("absent", 5), uuid.New())
	b.wantError(2, codes.AlreadyExists, &shared.WrongExpectedVersion{
		CurrentStreamRevisionOption:  &shared.WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &emptypb.Empty{}},
		ExpectedStreamPositionOption: &shared.WrongExpectedVersion_ExpectedStreamPosition{ExpectedStreamPosition: 5},
	})
	b.send(3, true, batchAny("gone"), uuid.New())
	b.wantError(3, codes.NotFound, &shared.StreamDeleted{StreamIdentifier: named("gone")})
	b.send(4, true, batchAny("$all"), uuid.New())
	b.wantError(4, codes.PermissionDenied, &shared.AccessDenied{})
	b.send(5, true, batchAny("a"), uuid.Nil)
	b.wantError(5, codes.Unknown, &shared.Unknown{})
	b.send(6, true, &streams.BatchAppendReq_Options{StreamIdentifier: named("a")}, uuid.New())
	b.wantError(6, codes.InvalidArgument, &shared.BadRequest{Message: "'None' is not a valid ExpectedStreamPosition"})
	huge := &streams.BatchAppendReq{CorrelationId: correlation(7), Options: batchAny("a"), IsFinal: true}
	m := message(uuid.New())
	huge.ProposedMessages = []*streams.BatchAppendReq_ProposedMessage{{Id: m.Id, Metadata: m.Metadata, Data: make([]byte, 1<<20)}}
	if err := b.call.Send(huge); err != nil {
		t.Fatal(err)
	}
	b.wantError(7, codes.InvalidArgument, &shared.MaximumAppendSizeExceeded{MaxAppendSize: 1 << 20})
	b.send(8, true, batchAt("a", 2), uuid.New())
	b.wantSuccess(8, 3)
}

// EventStoreDB protocol:
// §3 a batched append has a deadline, a duration or a time, of 2 s at most; one that has passed is answered by Timeout at once
// §3 a batched append whose last part does not come in time is answered by Timeout
// §3 batched: Unknown is UNKNOWN, MaximumAppendSizeExceeded and BadRequest are INVALID_ARGUMENT, Timeout DEADLINE_EXCEEDED
func TestBatchAppendDeadlines(t *testing.T) {
	s := start(t, Options{})
	b := s.batch()
	past := batchAny("a")
	past.DeadlineOption = &streams.BatchAppendReq_Options_Deadline_21_10_0{Deadline_21_10_0: timestamppb.New(time.Now().Add(-time.Hour))}
	b.send(1, true, past, uuid.New())
	b.wantError(1, codes.DeadlineExceeded, &shared.Timeout{})

	short := batchAny("a")
	short.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(10 * time.Millisecond)}
	b.send(2, false, short, uuid.New())
	b.wantError(2, codes.DeadlineExceeded, &shared.Timeout{})
	b.send(2, true, nil, uuid.New())

	long := batchAny("b")
	long.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(time.Hour)}
	b.send(3, true, long, uuid.New())
	b.wantSuccess(3, 0)
	s.wantRead(readRequest("a"), "not found a")
}

// EventStoreDB protocol:
// §3 a batched append has a deadline, a duration or a time, of 2 s at most; one that has passed is answered by Timeout at once
func TestBatchDeadlineIsAtMostTheWriteTimeout(t *testing.T) {
	now := time.Now()
	long := batchAny("a")
	long.DeadlineOption = &streams.BatchAppendReq_Options_Deadline{Deadline: durationpb.New(time.Hour)}
	for _, options := range []*streams.BatchAppendReq_Options{long, batchAny("a")} {
		if got := batchDeadline(options, now); !got.Equal(now.Add(writeTimeout)) {
			t.Errorf("deadline in %s, want %s", got.Sub(now), writeTimeout)
		}
	}
}

// Appends whose last part never comes are bounded in number; the one too many
// is refused. No time passes in between, in which they would expire.
func TestBatchAppendBoundsUnfinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &batchCall{ctx: t.Context(), unfinished: map[uuid.UUID]*batchAppend{}, complete: make(chan *batchAppend, 1)}
		defer b.stopTimers()
		for i := range maxUnfinished + 1 {
			if err := b.receive(&streams.BatchAppendReq{CorrelationId: correlation(i), Options: batchAny("a")}); err != nil {
				t.Fatal(err)
			}
		}
		refused := <-b.complete
		if diff := cmp.Diff(correlation(maxUnfinished), refused.correlation, protocmp.Transform()); diff != "" {
			t.Errorf("another append is refused (-want +got):\n%s", diff)
		}
		response, err := b.answer(refused)
		if status := response.GetError(); err != nil || codes.Code(status.GetCode()) != codes.InvalidArgument || status.Message != errTooManyUnfinished.text {
			t.Errorf("%v, %v", response, err)
		}
	})
}

// EventStoreDB protocol:
// §3 each batched append has one answer, with its correlation id and stream, and not what was expected
func TestBatchAppendEchoes(t *testing.T) {
	s := start(t, Options{})
	b := s.batch()
	text := &shared.UUID{Value: &shared.UUID_String_{String_: uuid.NewString()}}
	m := message(uuid.New())
	err := b.call.Send(&streams.BatchAppendReq{
		CorrelationId: text, Options: batchAny("a"), IsFinal: true,
		ProposedMessages: []*streams.BatchAppendReq_ProposedMessage{{Id: m.Id, Metadata: m.Metadata, Data: m.Data}},
	})
	if err != nil {
		t.Fatal(err)
	}
	response, err := b.call.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(text, response.CorrelationId, protocmp.Transform()); diff != "" {
		t.Errorf("correlation id (-want +got):\n%s", diff)
	}
	if string(response.StreamIdentifier.GetStreamName()) != "a" || response.ExpectedStreamPosition != nil {
		t.Errorf("%v", response)
	}
}
