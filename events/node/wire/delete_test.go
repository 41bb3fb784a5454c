package wire

import (
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

func deleteAny(stream string) *streams.DeleteReq {
	return &streams.DeleteReq{Options: &streams.DeleteReq_Options{
		StreamIdentifier:       named(stream),
		ExpectedStreamRevision: &streams.DeleteReq_Options_Any{Any: none},
	}}
}

func tombstoneAny(stream string) *streams.TombstoneReq {
	return &streams.TombstoneReq{Options: &streams.TombstoneReq_Options{
		StreamIdentifier:       named(stream),
		ExpectedStreamRevision: &streams.TombstoneReq_Options_Any{Any: none},
	}}
}

// EventStoreDB protocol:
// §5 Delete writes exactly {"$tb":9223372036854775807} as metadata, and the rest of it is lost
// §5 Delete and Tombstone answer with the position of the event that they wrote
func TestDelete(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 2)
	for position := range 2 {
		response, err := s.streams.Delete(s.ctx, deleteAny("a"))
		if want := uint64(3 + position); err != nil || response.GetPosition().GetCommitPosition() != want || response.GetPosition().GetPreparePosition() != want {
			t.Errorf("delete: %v, %v, want position %d", response, err, want)
		}
	}
	found, _, err := s.read(readRequest("$$a"))
	if err != nil || len(found) != 1 {
		t.Fatalf("metadata: %v, %v", found, err)
	}
	if got := string(found[0].GetEvent().GetEvent().GetData()); got != `{"$tb":9223372036854775807}` {
		t.Errorf("metadata %s", got)
	}
	s.wantRead(readRequest("a"), "not found a")
	s.write("a", "T", 1)
	s.wantRead(readRequest("a"), "2@a")
}

// EventStoreDB protocol: to tombstone a stream works on one that never was;
// afterwards everything says that it is deleted.
func TestTombstone(t *testing.T) {
	s := start(t, Options{})
	response, err := s.streams.Tombstone(s.ctx, tombstoneAny("a"))
	if err != nil || response.GetPosition().GetCommitPosition() != 1 {
		t.Fatalf("tombstone: %v, %v, want position 1", response, err)
	}
	want := func(err error, trailer metadata.MD) {
		t.Helper()
		s.wantFault(err, trailer, codes.FailedPrecondition, "Event stream 'a' is deleted.",
			"exception", "stream-deleted", "stream-name", "a")
	}
	var trailer metadata.MD
	_, err = s.streams.Tombstone(s.ctx, tombstoneAny("a"), grpc.Trailer(&trailer))
	want(err, trailer)
	_, err = s.streams.Delete(s.ctx, deleteAny("a"), grpc.Trailer(&trailer))
	want(err, trailer)
}

// EventStoreDB protocol:
// §2 a wrong version on Delete and Tombstone is FAILED_PRECONDITION, with stream, expected and actual version in text and trailers
// §2 such versions are numbers: -1 for no stream, -2 for any, -4 for a stream that exists
// §5 a stream with neither events nor metadata cannot be deleted: a wrong version, -1, whatever is expected
func TestDeleteWrongExpectedVersion(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 3)
	for name, try := range map[string]struct {
		options          *streams.DeleteReq_Options
		expected, actual string
	}{
		"a revision": {&streams.DeleteReq_Options{StreamIdentifier: named("a"),
			ExpectedStreamRevision: &streams.DeleteReq_Options_Revision{Revision: 7}}, "7", "2"},
		"no stream": {&streams.DeleteReq_Options{StreamIdentifier: named("a"),
			ExpectedStreamRevision: &streams.DeleteReq_Options_NoStream{NoStream: none}}, "-1", "2"},
		"a stream": {&streams.DeleteReq_Options{StreamIdentifier: named("absent"),
			ExpectedStreamRevision: &streams.DeleteReq_Options_StreamExists{StreamExists: none}}, "-4", "-1"},
		"anything": {deleteAny("absent").Options, "-2", "-1"},
	} {
		t.Run(name, func(t *testing.T) {
			var trailer metadata.MD
			_, err := s.streams.Delete(s.ctx, &streams.DeleteReq{Options: try.options}, grpc.Trailer(&trailer))
			stream := string(try.options.StreamIdentifier.StreamName)
			s.wantFault(err, trailer, codes.FailedPrecondition,
				"Delete failed due to WrongExpectedVersion. Stream: "+stream+", Expected version: "+try.expected+", Actual version: "+try.actual,
				"exception", "wrong-expected-version", "stream-name", stream,
				"expected-version", try.expected, "actual-version", try.actual)
		})
	}
	var trailer metadata.MD
	_, err := s.streams.Tombstone(s.ctx, &streams.TombstoneReq{Options: &streams.TombstoneReq_Options{StreamIdentifier: named("a"),
		ExpectedStreamRevision: &streams.TombstoneReq_Options_Revision{Revision: 7}}}, grpc.Trailer(&trailer))
	s.wantFault(err, trailer, codes.FailedPrecondition,
		"Delete failed due to WrongExpectedVersion. Stream: a, Expected version: 7, Actual version: 2", "exception", "wrong-expected-version")
	_, err = s.streams.Delete(s.ctx, &streams.DeleteReq{})
	s.wantFault(err, nil, codes.InvalidArgument, "'None' is not a valid ExpectedStreamRevision")
}

// EventStoreDB protocol:
// §5 Delete writes exactly {"$tb":9223372036854775807} as metadata, and the rest of it is lost
// §5 a deleted stream is deleted again at any revision, the right one or none, but does not exist
func TestDeleteAgain(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 2)
	s.setMetadata("a", `{"$maxCount":7,"owner":"ada"}`)
	for _, options := range []*streams.DeleteReq_Options{
		{ExpectedStreamRevision: &streams.DeleteReq_Options_Any{Any: none}},
		{ExpectedStreamRevision: &streams.DeleteReq_Options_Revision{Revision: 1}},
		{ExpectedStreamRevision: &streams.DeleteReq_Options_NoStream{NoStream: none}},
	} {
		options.StreamIdentifier = named("a")
		for range 2 {
			if _, err := s.streams.Delete(s.ctx, &streams.DeleteReq{Options: options}); err != nil {
				t.Errorf("expecting %T: %v", options.ExpectedStreamRevision, err)
			}
		}
	}
	var trailer metadata.MD
	_, err := s.streams.Delete(s.ctx, &streams.DeleteReq{Options: &streams.DeleteReq_Options{
		StreamIdentifier: named("a"), ExpectedStreamRevision: &streams.DeleteReq_Options_StreamExists{StreamExists: none},
	}}, grpc.Trailer(&trailer))
	s.wantFault(err, trailer, codes.FailedPrecondition, "Event stream 'a' is deleted.", "exception", "stream-deleted", "stream-name", "a")
	found, _, err := s.read(readRequest("$$a"))
	if err != nil || len(found) != 1 || string(found[0].GetEvent().GetEvent().GetData()) != `{"$tb":9223372036854775807}` {
		t.Errorf("metadata %v, %v", found, err)
	}
}

// EventStoreDB protocol:
// §4 a tombstone is a $streamDeleted without data at revision 9223372036854775807
// §5 Delete and Tombstone answer with the position of the event that they wrote
// §5 Tombstone works on a stream that never was
func TestTombstoneOfNothing(t *testing.T) {
	s := start(t, Options{})
	response, err := s.streams.Tombstone(s.ctx, &streams.TombstoneReq{Options: &streams.TombstoneReq_Options{
		StreamIdentifier: named("a"), ExpectedStreamRevision: &streams.TombstoneReq_Options_NoStream{NoStream: none},
	}})
	if err != nil || response.GetPosition().GetCommitPosition() != 1 {
		t.Errorf("%v, %v, want position 1", response, err)
	}
	found, _, err := s.read(readAllRequest())
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	if e := found[0].GetEvent().GetEvent(); e.StreamRevision != 1<<63-1 || e.Metadata["type"] != "$streamDeleted" || len(e.Data) > 0 {
		t.Errorf("the tombstone is %v", e)
	}
}
