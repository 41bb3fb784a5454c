package wire

import (
	"strconv"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"pgregory.net/rapid"

	"parley/events"
)

func newIDs(count int) []uuid.UUID {
	ids := make([]uuid.UUID, count)
	for i := range ids {
		ids[i] = uuid.New()
	}
	return ids
}

var anyRecorded = rapid.Custom(func(t *rapid.T) events.Recorded {
	return events.Recorded{
		Position: events.Position(rapid.Uint64().Draw(t, "position")),
		Stream:   rapid.String().Draw(t, "stream"),
		Revision: rapid.Uint64().Draw(t, "revision"),
		ID:       uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
		Type:     rapid.String().Draw(t, "type"),
		Created:  time.Unix(0, rapid.Int64Range(0, 1<<62).Draw(t, "created")),
		Data:     rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data"),
		Metadata: rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "metadata"),
		Binary:   rapid.Bool().Draw(t, "binary"),
	}
})

// generated is what the generated code makes of an event, for comparison.
func generated(r *events.Recorded, stringIDs bool) *streams.ReadResp_ReadEvent_RecordedEvent {
	if r == nil {
		return nil
	}
	id := structuredID(r.ID)
	if stringIDs {
		id = &shared.UUID{Value: &shared.UUID_String_{String_: r.ID.String()}}
	}
	contentType := contentJSON
	if r.Binary {
		contentType = contentBinary
	}
	return &streams.ReadResp_ReadEvent_RecordedEvent{
		Id:               id,
		StreamIdentifier: named(r.Stream),
		StreamRevision:   r.Revision,
		PreparePosition:  uint64(r.Position),
		CommitPosition:   uint64(r.Position),
		Metadata:         map[string]string{keyType: r.Type, keyContentType: contentType, keyCreated: strconv.FormatInt(ticks(r.Created), 10)},
		CustomMetadata:   r.Metadata,
		Data:             r.Data,
	}
}

// TestEncodeEvent compares the encoding by hand with the generated one, one
// message after another in shared memory.
func TestEncodeEvent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := encoder{stringIDs: rapid.Bool().Draw(t, "string ids")}
		var encodedMessages []encoded
		var want []*streams.ReadResp
		for range rapid.IntRange(1, 5).Draw(t, "events") {
			event, link := anyRecorded.Draw(t, "event"), anyRecorded.Draw(t, "link")
			r := rapid.SampledFrom([]resolved{{event: &event}, {event: &event, link: &link}, {link: &link}}).Draw(t, "resolved")
			encodedMessages = append(encodedMessages, e.event(r))
			want = append(want, &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
				Event:    generated(r.event, e.stringIDs),
				Link:     generated(r.link, e.stringIDs),
				Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: uint64(r.original().Position)},
			}}})
		}
		for i, message := range encodedMessages {
			var got streams.ReadResp
			if err := proto.Unmarshal(message, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want[i], &got, protocmp.Transform()); diff != "" {
				t.Fatalf("event %d (-want +got):\n%s", i, diff)
			}
		}
	})
}

func TestEncodeCheckpoint(t *testing.T) {
	var got streams.ReadResp
	if err := proto.Unmarshal((&encoder{}).checkpoint(1<<40), &got); err != nil {
		t.Fatal(err)
	}
	if c := got.GetCheckpoint(); c.GetCommitPosition() != 1<<40 || c.GetPreparePosition() != 1<<40 {
		t.Errorf("checkpoint %v", c)
	}
}
