package wire

import (
	"fmt"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"parley/events"
)

// decided tells what became of an append: of those that were written and those
// that were recognised, the last revision.
func (s *served) decided(options *streams.AppendReq_Options, ids ...uuid.UUID) string {
	s.Helper()
	before := s.node.Tip()
	response, _, err := s.append(options, messages(ids...)...)
	switch result := response.GetResult().(type) {
	case *streams.AppendResp_Success_:
		what := "repeats"
		if s.node.Tip() > before {
			what = "writes"
		}
		return fmt.Sprint(what, " to ", result.Success.GetCurrentRevision())
	case *streams.AppendResp_WrongExpectedVersion_:
		if result.WrongExpectedVersion.GetCurrentNoStream() != nil {
			return "wrong: no stream"
		}
		return fmt.Sprint("wrong: at ", result.WrongExpectedVersion.GetCurrentRevision())
	}
	if status.Code(err) == codes.FailedPrecondition {
		return "deleted"
	}
	s.Fatalf("%v, %v", response, err)
	return ""
}

// EventStoreDB protocol: each step of the decision about an append, on streams
// of three events, whose ids are known, and on streams that are not.
func TestAppendDecides(t *testing.T) {
	s := start(t, Options{})
	known, fresh := newIDs(3), newIDs(2)
	three := func(stream string) { s.wantDecided("writes to 2", noStream(stream), known...) }
	removed := func(remove func(stream string)) func(string) {
		return func(stream string) {
			three(stream)
			remove(stream)
		}
	}
	deleted := removed(func(stream string) {
		if _, err := s.node.Delete(s.ctx, stream, events.Any); err != nil {
			t.Fatal(err)
		}
	})
	tombstoned := removed(func(stream string) {
		if _, err := s.node.Tombstone(s.ctx, stream, events.Any); err != nil {
			t.Fatal(err)
		}
	})
	at := func(revision uint64) func(string) *streams.AppendReq_Options {
		return func(stream string) *streams.AppendReq_Options { return atRevision(stream, revision) }
	}
	for i, try := range []struct {
		given    func(stream string)
		expected func(stream string) *streams.AppendReq_Options
		ids      []uuid.UUID
		want     string
	}{
		// §3 a tombstoned stream is deleted, whatever is expected, and so is its metadata
		{tombstoned, anyRevision, fresh, "deleted"},
		{tombstoned, noStream, known, "deleted"},
		{tombstoned, at(2), fresh, "deleted"},
		{tombstoned, func(stream string) *streams.AppendReq_Options { return anyRevision("$$" + stream) }, fresh, "deleted"},

		// §3 where the stream is to exist, a soft-deleted one is deleted
		{deleted, streamExists, fresh, "deleted"},

		// §3 where the stream is to exist, one without events exists if it has metadata
		{func(string) {}, streamExists, fresh, "wrong: no stream"},
		{func(stream string) { s.setMetadata(stream, `{}`) }, streamExists, fresh, "writes to 1"},

		// §3 where anything goes, an append whose first id the stream does not know is written
		{three, anyRevision, []uuid.UUID{fresh[0], known[0]}, "writes to 4"},
		{three, streamExists, fresh, "writes to 4"},

		// §3 where anything goes, an append of which all ids are known, wherever they stand, is a repeat up to its last id
		{three, anyRevision, known, "repeats to 2"},
		{three, streamExists, []uuid.UUID{known[2], known[0]}, "repeats to 0"},

		// §3 where anything goes, a known first id with an unknown one after it is a wrong version
		{three, anyRevision, []uuid.UUID{known[0], fresh[0]}, "wrong: at 2"},

		// §3 below the last revision, an append is a repeat if the events that follow it have the same ids
		{three, noStream, known[:2], "repeats to 1"},
		{three, at(0), known[1:], "repeats to 2"},

		// §3 below the last revision, an id that differs or is missing at the end is a wrong version
		{three, noStream, fresh, "wrong: at 2"},
		{three, at(0), []uuid.UUID{known[1], fresh[0]}, "wrong: at 2"},
		{three, at(1), []uuid.UUID{known[2], fresh[0]}, "wrong: at 2"},
		{three, at(0), known[2:], "wrong: at 2"},

		// §3 below the last revision, an append of no events is a wrong version
		{three, at(0), nil, "wrong: at 2"},

		// §3 where no stream is expected, a soft-deleted one is recreated after its last revision
		{deleted, noStream, fresh, "writes to 4"},

		// §3 above the last revision is a wrong version
		{three, at(3), fresh, "wrong: at 2"},
		{func(string) {}, at(0), fresh, "wrong: no stream"},

		// §3 at the last revision everything is written, known ids too
		{three, at(2), known, "writes to 5"},
		{func(string) {}, noStream, fresh, "writes to 1"},

		// §3 of a soft-deleted stream, a wrong version tells the last revision that it had
		{deleted, at(7), fresh, "wrong: at 2"},
	} {
		stream := fmt.Sprint("s", i)
		try.given(stream)
		s.wantDecided(try.want, try.expected(stream), try.ids...)
	}
}

func (s *served) wantDecided(want string, options *streams.AppendReq_Options, ids ...uuid.UUID) {
	s.Helper()
	if got := s.decided(options, ids...); got != want {
		s.Errorf("append to %s %s, want: %s", options.StreamIdentifier.StreamName, got, want)
	}
}
