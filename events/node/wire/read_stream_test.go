package wire

import (
	"math"
	"strconv"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"parley/events"
	"parley/events/node"
)

// EventStoreDB protocol:
// §4 a stream is read from its revision, included, in both directions
// §4 forwards from the end is nothing; backwards from the end begins at the last event
// §4 backwards from the start, a stream has revision 0 alone and $all nothing
// §4 beyond the end, and where all is truncated or expired, a read is empty
// §4 a count of 0 reads nothing
func TestReadStream(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 100)
	s.wantRead(readRequest("a"), places("a", 0, 99)...)
	s.wantRead(counted(readRequest("a"), 3), places("a", 0, 2)...)
	s.wantRead(counted(revision(readRequest("a"), 97), 7), places("a", 97, 99)...)
	s.wantRead(fromEnd(readRequest("a")))
	s.wantRead(revision(readRequest("a"), 100))
	s.wantRead(counted(readRequest("a"), 0))
	s.wantRead(backwards(fromEnd(readRequest("a"))), places("a", 99, 0)...)
	s.wantRead(counted(backwards(fromEnd(readRequest("a"))), 2), places("a", 99, 98)...)
	s.wantRead(backwards(revision(readRequest("a"), 5)), places("a", 5, 0)...)
	s.wantRead(backwards(revision(readRequest("a"), 500)), places("a", 99, 0)...)
	s.wantRead(backwards(readRequest("a")), "0@a")
	s.wantRead(counted(readRequest("a"), math.MaxUint64), places("a", 0, 99)...)
}

// EventStoreDB protocol:
// §2 a tombstoned stream is FAILED_PRECONDITION "Event stream 'S' is deleted.", exception stream-deleted, stream-name S
// §4 a stream without events, and a soft-deleted one, is one stream_not_found
// §4 beyond the end, and where all is truncated or expired, a read is empty
// §5 after a tombstone, whoever writes, deletes or reads the stream or its metadata is told that it is deleted
func TestReadStreamThatIsNotThere(t *testing.T) {
	s := start(t, Options{})
	s.wantRead(readRequest("absent"), "not found absent")
	s.write("soft", "T", 2)
	if _, err := s.node.Delete(s.ctx, "soft", events.Any); err != nil {
		t.Fatal(err)
	}
	s.wantRead(readRequest("soft"), "not found soft")
	s.wantRead(compatible(backwards(fromEnd(readRequest("soft")))), "not found soft")
	s.write("cut", "T", 2)
	s.setMetadata("cut", `{"$tb":2}`)
	s.wantRead(readRequest("cut"))

	if _, err := s.node.Tombstone(s.ctx, "gone", events.Any); err != nil {
		t.Fatal(err)
	}
	for _, options := range []*streams.ReadReq_Options{readRequest("gone"), subscribing(readRequest("gone")), readRequest("$$gone")} {
		name := string(options.GetStream().StreamIdentifier.StreamName)
		_, trailer, err := s.read(options)
		s.wantFault(err, trailer, codes.FailedPrecondition, "Event stream '"+name+"' is deleted.",
			"exception", "stream-deleted", "stream-name", name)
	}
}

// EventStoreDB protocol:
// §4 with the compatibility option, a read of a stream whose first page of 32 is empty begins with where it goes on
// §4 with the compatibility option, a read of a stream ends with its last revision, and one of $all tells nothing more
func TestReadStreamPositions(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 100)
	s.wantRead(compatible(counted(readRequest("a"), 2)), "0@a", "1@a", "last 99")
	s.wantRead(compatible(counted(backwards(fromEnd(readRequest("a"))), 1)), "99@a", "last 99")
	s.wantRead(compatible(revision(readRequest("a"), 100)), "last 99")
	s.wantRead(compatible(revision(readRequest("a"), 200)), "first 100", "last 99")
	s.wantRead(compatible(counted(readAllRequest(), 1)), "0@a")

	s.setMetadata("a", `{"$tb":32}`)
	s.wantRead(compatible(counted(readRequest("a"), 50)), append(append([]string{"first 32"}, places("a", 32, 81)...), "last 99")...)
	s.wantRead(compatible(counted(revision(readRequest("a"), 1), 50)), append(places("a", 32, 81), "last 99")...)
}

// EventStoreDB protocol:
// §6 of a stream's metadata, a read from the start finds only the newest
// §6 $maxCount shows the last n, $tb what is not before it, and the stricter counts
func TestReadTruncatedStream(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 10)
	s.setMetadata("a", `{"$maxCount":3}`)
	s.wantRead(readRequest("a"), places("a", 7, 9)...)
	s.wantRead(backwards(revision(readRequest("a"), 8)), places("a", 8, 7)...)
	s.setMetadata("a", `{"$tb":9}`)
	s.wantRead(readRequest("a"), "9@a")
	s.wantRead(counted(readRequest("$$a"), 1), "1@$$a")
}

// EventStoreDB protocol:
// §4 ids are sent as text, in lower case with dashes, or as two big-endian halves
// §4 what is read has the position of the original, the link's where there is one; each record has its own
// §4 an event tells its type, its content type, and its creation in ticks of 100 ns since 1970
func TestReadEventContent(t *testing.T) {
	s := start(t, Options{})
	id := uuid.MustParse("F0E1D2C3-B4A5-4697-8877-665544332211")
	outcome := s.put("a",
		events.Proposed{ID: id, Type: "Grüße", Data: []byte(`{"a":1}`), Metadata: []byte(`{"b":2}`)},
		events.Proposed{ID: uuid.New(), Type: "Blob", Data: []byte{0, 255}, Binary: true})
	options := readRequest("a")
	options.UuidOption = &streams.ReadReq_Options_UUIDOption{Content: &streams.ReadReq_Options_UUIDOption_String_{String_: none}}
	texts, _, err := s.read(options)
	if err != nil || len(texts) != 2 {
		t.Fatalf("read: %v, %v", texts, err)
	}
	event := texts[0].GetEvent().GetEvent()
	if got := event.Id.GetString_(); got != id.String() {
		t.Errorf("id %q, want %q", got, id)
	}
	if string(event.Data) != `{"a":1}` || string(event.CustomMetadata) != `{"b":2}` {
		t.Errorf("data %s, metadata %s", event.Data, event.CustomMetadata)
	}
	if event.Metadata["type"] != "Grüße" || event.Metadata["content-type"] != "application/json" {
		t.Errorf("metadata %v", event.Metadata)
	}
	if created, err := strconv.ParseInt(event.Metadata["created"], 10, 64); err != nil || created < ticks(s.began) {
		t.Errorf("created %q: %v", event.Metadata["created"], err)
	}
	first := uint64(outcome.Position) - 1
	if event.CommitPosition != first || event.PreparePosition != first || texts[0].GetEvent().GetCommitPosition() != first {
		t.Errorf("positions %d, %d, %d, want %d", event.CommitPosition, event.PreparePosition, texts[0].GetEvent().GetCommitPosition(), first)
	}
	if got := texts[1].GetEvent().GetEvent().Metadata["content-type"]; got != "application/octet-stream" {
		t.Errorf("content type of binary data: %q", got)
	}

	structured, _, err := s.read(readRequest("a"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parseID(structured[0].GetEvent().GetEvent().GetId()); err != nil || got != id {
		t.Errorf("structured id %s: %v, want %s", got, err, id)
	}
}

// EventStoreDB protocol:
// §4 a resolved link comes with its target, or without one that is missing, truncated, expired or in a deleted stream
// §4 a link that is not to be resolved is an event like any other
// §4 a link says revision@stream, cut at the first '@'; one that says something else is an event
// §4 what is read has the position of the original, the link's where there is one; each record has its own
func TestReadLinks(t *testing.T) {
	s := start(t, Options{})
	s.write("target", "T", 3)
	s.write("odd@name", "T", 1)
	s.link("links", 1, "target")
	s.link("links", 7, "target")
	s.link("links", 0, "odd@name")
	s.put("links", events.Proposed{ID: uuid.New(), Type: node.TypeLink, Data: []byte("nonsense"), Binary: true})
	s.link("links", 0, "deleted")
	s.wantRead(readRequest("links"), places("links", 0, 4)...)
	s.wantRead(resolving(readRequest("links")),
		"0@links -> 1@target", "1@links -> gone", "2@links -> 0@odd@name", "3@links", "4@links -> gone")
	found, _, err := s.read(resolving(counted(readRequest("links"), 1)))
	if err != nil || len(found) != 1 {
		t.Fatalf("read: %v, %v", found, err)
	}
	event := found[0].GetEvent()
	if event.GetCommitPosition() != event.GetLink().CommitPosition || event.GetEvent().CommitPosition != 2 {
		t.Errorf("positions: %v, want the link's, and on the event its own", event)
	}
}

// EventStoreDB protocol:
// §6 metadata that is no JSON, or has a known field of a wrong type, is ignored; a value of 0 or less is ignored alone
// §6 $cacheControl has no effect
func TestReadIgnoresMetadataThatSaysNothing(t *testing.T) {
	s := start(t, Options{})
	for stream, metadata := range map[string]string{
		"text":     `nonsense`,
		"list":     `[{"$tb":2}]`,
		"typed":    `{"$tb":2,"$maxCount":"many"}`,
		"negative": `{"$maxCount":-1,"$maxAge":0,"$tb":-5}`,
		"cached":   `{"$cacheControl":60}`,
	} {
		s.write(stream, "T", 3)
		s.setMetadata(stream, metadata)
		s.wantRead(readRequest(stream), places(stream, 0, 2)...)
	}
	s.write("half", "T", 3)
	s.setMetadata("half", `{"$maxCount":0,"$tb":1}`)
	s.wantRead(readRequest("half"), places("half", 1, 2)...)
}

// EventStoreDB protocol:
// §4 a resolved link comes with its target, or without one that is missing, truncated, expired or in a deleted stream
// §4 $all has every event: metadata, links, what was deleted or truncated, and tombstones
// §6 what metadata hides is hidden from links too, and not from $all
func TestTruncationAndLinks(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 2)
	s.link("links", 0, "a")
	s.link("links", 1, "a")
	s.setMetadata("a", `{"$tb":1}`)
	s.wantRead(resolving(readRequest("links")), "0@links -> gone", "1@links -> 1@a")
	s.wantRead(readAllRequest(), "0@a", "1@a", "0@links", "1@links", "0@$$a")
	s.setMetadata("a", `{"$tb":2}`)
	s.wantRead(readRequest("a"))
	s.wantRead(counted(readRequest("a"), 0))
	if _, err := s.node.Tombstone(s.ctx, "a", events.Any); err != nil {
		t.Fatal(err)
	}
	s.wantRead(resolving(readRequest("links")), "0@links -> gone", "1@links -> gone")
}
