package wire

import (
	"bytes"
	"math"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/testing/protocmp"

	"parley/events"
)

func bigEvent(size int) events.Proposed {
	return events.Proposed{ID: uuid.New(), Type: "Big", Data: bytes.Repeat([]byte("x"), size), Binary: true}
}

// message is an event as a client proposes it.
func message(id uuid.UUID) *streams.AppendReq_ProposedMessage {
	return &streams.AppendReq_ProposedMessage{
		Id:       structuredID(id),
		Metadata: map[string]string{"type": "T", "content-type": "application/json"},
		Data:     []byte(`{}`),
	}
}

func messages(ids ...uuid.UUID) (list []*streams.AppendReq_ProposedMessage) {
	for _, id := range ids {
		list = append(list, message(id))
	}
	return list
}

func anyRevision(stream string) *streams.AppendReq_Options {
	return &streams.AppendReq_Options{
		StreamIdentifier:       named(stream),
		ExpectedStreamRevision: &streams.AppendReq_Options_Any{Any: none},
	}
}

func noStream(stream string) *streams.AppendReq_Options {
	return &streams.AppendReq_Options{
		StreamIdentifier:       named(stream),
		ExpectedStreamRevision: &streams.AppendReq_Options_NoStream{NoStream: none},
	}
}

func streamExists(stream string) *streams.AppendReq_Options {
	return &streams.AppendReq_Options{
		StreamIdentifier:       named(stream),
		ExpectedStreamRevision: &streams.AppendReq_Options_StreamExists{StreamExists: none},
	}
}

func atRevision(stream string, revision uint64) *streams.AppendReq_Options {
	return &streams.AppendReq_Options{
		StreamIdentifier:       named(stream),
		ExpectedStreamRevision: &streams.AppendReq_Options_Revision{Revision: revision},
	}
}

// append makes one Append call, sending on whatever happens, as clients do.
func (s *served) append(options *streams.AppendReq_Options, batch ...*streams.AppendReq_ProposedMessage) (*streams.AppendResp, metadata.MD, error) {
	s.Helper()
	call, err := s.streams.Append(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	if options != nil {
		if err := call.Send(&streams.AppendReq{Content: &streams.AppendReq_Options_{Options: options}}); err != nil {
			s.Fatal(err)
		}
	}
	for _, proposed := range batch {
		if err := call.Send(&streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: proposed}}); err != nil {
			s.Fatalf("the server stopped listening in mid-append: %v", err)
		}
	}
	response, err := call.CloseAndRecv()
	return response, call.Trailer(), err
}

// wantAppended checks a success.
func (s *served) wantAppended(revision, position uint64, options *streams.AppendReq_Options, batch ...*streams.AppendReq_ProposedMessage) {
	s.Helper()
	response, _, err := s.append(options, batch...)
	want := &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{
		CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: revision},
		PositionOption:        &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{CommitPosition: position, PreparePosition: position}},
	}}}
	if diff := cmp.Diff(want, response, protocmp.Transform()); err != nil || diff != "" {
		s.Errorf("append: %v (-want +got):\n%s", err, diff)
	}
}

// EventStoreDB protocol:
// §3 a success tells the last revision written and the last event's position, commit and prepare position being the same
// §3 a repeat tells the revision and position of the last event that it repeats
func TestAppend(t *testing.T) {
	s := start(t, Options{})
	ids := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
	s.wantAppended(1, 2, noStream("a"), messages(ids[:2]...)...)
	s.wantAppended(2, 3, atRevision("a", 1), messages(ids[2])...)
	s.wantAppended(1, 2, noStream("a"), messages(ids[:2]...)...)
	s.wantAppended(2, 3, anyRevision("a"), messages(ids...)...)
	s.wantAppended(3, 4, streamExists("a"), messages(uuid.New())...)
	s.wantAppended(0, 5, atRevision("b", math.MaxUint64), messages(uuid.New())...)
}

// EventStoreDB protocol:
// §3 an append of no events writes nothing and succeeds
// §3 a success without events in the stream tells neither revision nor position
func TestAppendOfNoEvents(t *testing.T) {
	s := start(t, Options{})
	response, _, err := s.append(anyRevision("a"))
	if err != nil {
		t.Fatal(err)
	}
	success := response.GetSuccess()
	if success.GetNoStream() == nil || success.GetNoPosition() == nil {
		t.Errorf("success %v, want neither stream nor position", success)
	}
	s.wantRead(readAllRequest())
}

// EventStoreDB protocol:
// §3 a wrong version is no status but an answer: what was expected and what is, in the fields of both generations
func TestAppendWrongExpectedVersion(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 4)
	current := func(w *streams.AppendResp_WrongExpectedVersion) *streams.AppendResp_WrongExpectedVersion {
		w.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: 3}
		w.CurrentRevisionOption_20_6_0 = &streams.AppendResp_WrongExpectedVersion_CurrentRevision_20_6_0{CurrentRevision_20_6_0: 3}
		return w
	}
	for name, try := range map[string]struct {
		options *streams.AppendReq_Options
		want    *streams.AppendResp_WrongExpectedVersion
	}{
		"no stream": {noStream("a"), current(&streams.AppendResp_WrongExpectedVersion{
			ExpectedRevisionOption:        &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: none},
			ExpectedRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: math.MaxUint64},
		})},
		"a revision": {atRevision("a", 1), current(&streams.AppendResp_WrongExpectedVersion{
			ExpectedRevisionOption:        &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: 1},
			ExpectedRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_ExpectedRevision_20_6_0{ExpectedRevision_20_6_0: 1},
		})},
		"a stream": {streamExists("absent"), &streams.AppendResp_WrongExpectedVersion{
			CurrentRevisionOption:         &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: none},
			CurrentRevisionOption_20_6_0:  &streams.AppendResp_WrongExpectedVersion_NoStream_20_6_0{NoStream_20_6_0: none},
			ExpectedRevisionOption:        &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: none},
			ExpectedRevisionOption_20_6_0: &streams.AppendResp_WrongExpectedVersion_StreamExists_20_6_0{StreamExists_20_6_0: none},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			response, _, err := s.append(try.options, message(uuid.New()))
			if diff := cmp.Diff(try.want, response.GetWrongExpectedVersion(), protocmp.Transform()); err != nil || diff != "" {
				t.Errorf("append: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// EventStoreDB protocol:
// §0 an append is received to its end before it is refused, so that its client hears why
// §2 who has no right to something is PERMISSION_DENIED "Access Denied", exception access-denied
// §2 a tombstoned stream is FAILED_PRECONDITION "Event stream 'S' is deleted.", exception stream-deleted, stream-name S
// §2 too large an append is INVALID_ARGUMENT "Maximum Append Size of N Exceeded.", exception maximum-append-size-exceeded
// §2 a missing property is INVALID_ARGUMENT "Required Metadata Property 'type' is missing", exception missing-required-metadata-property
// §2 a bad argument is INVALID_ARGUMENT "'X' is not a valid T"
// §2 what the server does not foresee is UNKNOWN "Exception was thrown by handler."
// §3 an append without an expected revision is INVALID_ARGUMENT
// §3 an event needs a type and a content type
// §3 a nil id, an empty type and the stream names "" and "$$" are UNKNOWN
// §3 nobody may write to $all
// §3 an append is written whole or not at all
// §5 after a tombstone, whoever writes, deletes or reads the stream or its metadata is told that it is deleted
func TestAppendRefusals(t *testing.T) {
	s := start(t, Options{})
	if _, err := s.node.Tombstone(s.ctx, "gone", events.Any); err != nil {
		t.Fatal(err)
	}
	edit := func(change func(*streams.AppendReq_ProposedMessage)) *streams.AppendReq_ProposedMessage {
		m := message(uuid.New())
		change(m)
		return m
	}
	huge := edit(func(m *streams.AppendReq_ProposedMessage) { m.Data = make([]byte, 1<<20) })
	for name, try := range map[string]struct {
		options *streams.AppendReq_Options
		message *streams.AppendReq_ProposedMessage
		code    codes.Code
		text    string
		trailer []string
	}{
		"a tombstoned stream": {anyRevision("gone"), message(uuid.New()), codes.FailedPrecondition,
			"Event stream 'gone' is deleted.", []string{"exception", "stream-deleted", "stream-name", "gone"}},
		"the metadata of a tombstoned stream": {anyRevision("$$gone"), message(uuid.New()), codes.FailedPrecondition,
			"Event stream '$$gone' is deleted.", []string{"exception", "stream-deleted", "stream-name", "$$gone"}},
		"too much": {anyRevision("a"), huge, codes.InvalidArgument, "Maximum Append Size of 1048576 Exceeded.",
			[]string{"exception", "maximum-append-size-exceeded", "maximum-append-size", "1048576"}},
		"no type": {anyRevision("a"), edit(func(m *streams.AppendReq_ProposedMessage) { delete(m.Metadata, "type") }),
			codes.InvalidArgument, "Required Metadata Property 'type' is missing",
			[]string{"exception", "missing-required-metadata-property", "required-metadata-properties", "type,content-type"}},
		"no content type": {anyRevision("a"), edit(func(m *streams.AppendReq_ProposedMessage) { delete(m.Metadata, "content-type") }),
			codes.InvalidArgument, "Required Metadata Property 'content-type' is missing", nil},
		"an empty type": {anyRevision("a"), edit(func(m *streams.AppendReq_ProposedMessage) { m.Metadata["type"] = "" }),
			codes.Unknown, "Exception was thrown by handler.", nil},
		"no id": {anyRevision("a"), edit(func(m *streams.AppendReq_ProposedMessage) { m.Id = nil }),
			codes.Unknown, "Exception was thrown by handler.", nil},
		"a bad id": {anyRevision("a"), edit(func(m *streams.AppendReq_ProposedMessage) {
			m.Id = &shared.UUID{Value: &shared.UUID_String_{String_: "x"}}
		}), codes.InvalidArgument, "'x' is not a valid UUID", nil},
		"no options":         {nil, message(uuid.New()), codes.Unknown, "Exception was thrown by handler.", nil},
		"no expectation":     {&streams.AppendReq_Options{StreamIdentifier: named("a")}, message(uuid.New()), codes.InvalidArgument, "'None' is not a valid ExpectedStreamRevision", nil},
		"no name":            {anyRevision(""), message(uuid.New()), codes.Unknown, "Exception was thrown by handler.", nil},
		"metadata of nobody": {anyRevision("$$"), message(uuid.New()), codes.Unknown, "Exception was thrown by handler.", nil},
		"the whole log":      {anyRevision("$all"), message(uuid.New()), codes.PermissionDenied, "Access Denied", []string{"exception", "access-denied"}},
	} {
		t.Run(name, func(t *testing.T) {
			batch := []*streams.AppendReq_ProposedMessage{try.message}
			for range 200 {
				batch = append(batch, message(uuid.New()))
			}
			_, trailer, err := s.append(try.options, batch...)
			s.wantFault(err, trailer, try.code, try.text, try.trailer...)
		})
	}
	s.wantRead(readRequest("a"), "not found a")
}

// EventStoreDB protocol:
// §3 an append's size is that of data, metadata and, in UTF-16, types; 1,048,576 bytes are allowed
func TestAppendSizeLimit(t *testing.T) {
	s := start(t, Options{})
	m := message(uuid.New())
	m.Metadata["type"] = "𝄞" // two UTF-16 units, so four bytes
	m.CustomMetadata = []byte("{}")
	m.Data = make([]byte, events.MaxAppendBytes-6)
	s.wantAppended(0, 1, anyRevision("a"), m)
	m.Data = append(m.Data, 0)
	m.Id = structuredID(uuid.New())
	_, trailer, err := s.append(anyRevision("a"), m)
	s.wantFault(err, trailer, codes.InvalidArgument, "Maximum Append Size of 1048576 Exceeded.")
}

// EventStoreDB protocol:
// §3 a content type other than application/json is stored as application/octet-stream
func TestAppendContentType(t *testing.T) {
	s := start(t, Options{})
	m := message(uuid.New())
	m.Metadata["content-type"] = "text/plain"
	s.wantAppended(0, 1, anyRevision("a"), m)
	found, _, err := s.read(readRequest("a"))
	if err != nil || len(found) != 1 {
		t.Fatalf("read: %v, %v", found, err)
	}
	if got := found[0].GetEvent().GetEvent().Metadata["content-type"]; got != "application/octet-stream" {
		t.Errorf("content type %q", got)
	}
}

// EventStoreDB protocol:
// §3 a repeat whose last event is no longer readable has no position
func TestAppendRepeatOfHiddenEvents(t *testing.T) {
	s := start(t, Options{})
	ids := newIDs(2)
	s.wantAppended(1, 2, noStream("a"), messages(ids...)...)
	s.setMetadata("a", `{"$tb":2}`)
	response, _, err := s.append(anyRevision("a"), messages(ids...)...)
	success := response.GetSuccess()
	if err != nil || success.GetCurrentRevision() != 1 || success.GetNoPosition() == nil {
		t.Errorf("the repeat: %v, %v, want revision 1 and no position", response, err)
	}
	if _, err := s.streams.Delete(s.ctx, deleteAny("a")); err != nil {
		t.Fatal(err)
	}
	response, _, err = s.append(atRevision("a", 5), message(uuid.New()))
	if wrong := response.GetWrongExpectedVersion(); err != nil || wrong.GetCurrentRevision() != 1 {
		t.Errorf("%v, %v, want revision 1", response, err)
	}
	response, _, err = s.append(streamExists("a"), message(uuid.New()))
	s.wantFault(err, nil, codes.FailedPrecondition, "Event stream 'a' is deleted.")
	if response != nil {
		t.Errorf("%v", response)
	}
	s.wantAppended(2, 5, noStream("a"), message(uuid.New()))
	s.wantRead(readRequest("a"), "2@a")
}

// EventStoreDB protocol:
// §3 the first message has the options and all others an event, or else UNKNOWN
// §3 the size is checked before the expected revision
func TestAppendIsCheckedInOrder(t *testing.T) {
	s := start(t, Options{})
	huge := message(uuid.New())
	huge.Data = make([]byte, events.MaxAppendBytes+1)
	_, trailer, err := s.append(atRevision("absent", 7), huge)
	s.wantFault(err, trailer, codes.InvalidArgument, "Maximum Append Size of 1048576 Exceeded.")
	options := &streams.AppendReq{Content: &streams.AppendReq_Options_{Options: anyRevision("a")}}
	for name, sent := range map[string][]*streams.AppendReq{
		"nothing":       nil,
		"an event":      {appendMessage(message(uuid.New()))},
		"options twice": {options, options},
	} {
		call, err := s.streams.Append(s.ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, request := range sent {
			if err := call.Send(request); err != nil {
				t.Fatal(err)
			}
		}
		if _, err = call.CloseAndRecv(); err == nil {
			t.Errorf("%s was accepted", name)
		}
		s.wantFault(err, nil, codes.Unknown, "Exception was thrown by handler.")
	}
}

func appendMessage(m *streams.AppendReq_ProposedMessage) *streams.AppendReq {
	return &streams.AppendReq{Content: &streams.AppendReq_ProposedMessage_{ProposedMessage: m}}
}
