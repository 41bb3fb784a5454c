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

// EventStoreDB protocol: a counted read of a stream starts at its revision,
// included, in both directions; forwards from the end is nothing, backwards
// from the start is the first event alone.
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

// EventStoreDB protocol: a stream without events, or a soft-deleted one, is
// answered by one stream_not_found; a tombstoned one by a status; one of which
// nothing is visible by nothing.
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

// EventStoreDB protocol: with the compatibility option a counted read of a
// stream ends with its last position, and begins with the first one when its
// first page of 32 has nothing to show.
func TestReadStreamPositions(t *testing.T) {
	s := start(t, Options{})
	s.write("a", "T", 100)
	s.wantRead(compatible(counted(readRequest("a"), 2)), "0@a", "1@a", "last 99")
	s.wantRead(compatible(counted(backwards(fromEnd(readRequest("a"))), 1)), "99@a", "last 99")
	s.wantRead(compatible(revision(readRequest("a"), 100)), "last 99")
	s.wantRead(compatible(revision(readRequest("a"), 200)), "first 100", "last 99")

	s.setMetadata("a", `{"$tb":32}`)
	s.wantRead(compatible(counted(readRequest("a"), 50)), append(append([]string{"first 32"}, places("a", 32, 81)...), "last 99")...)
	s.wantRead(compatible(counted(revision(readRequest("a"), 1), 50)), append(places("a", 32, 81), "last 99")...)
}

// EventStoreDB protocol: $maxCount and $tb hide a stream's first events; a
// metastream shows only its newest.
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

// EventStoreDB protocol: an event carries its id in the form asked for, its
// type, content type and creation in ticks since the Unix epoch, and its
// position as commit and prepare position.
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

// EventStoreDB protocol: a link is resolved if that is asked for; its target
// may be gone; one that cannot be understood is an event like any other.
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

// EventStoreDB protocol: metadata that is no JSON or has a field of a wrong
// type is ignored as a whole, a value that is not positive alone, and
// $cacheControl has no effect.
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

// EventStoreDB protocol: what is truncated is gone for links to it as well, but
// $all still has it; a stream of which nothing is left is there and empty.
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
