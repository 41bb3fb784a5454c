package projections

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"parley/events"
)

// TestAppendMessageIsItsJSON holds the quick writer to encoding/json.
func TestAppendMessageIsItsJSON(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var event events.Event
		event.Revision = rapid.Uint64().Draw(rt, "number")
		event.Meta.OccurredAt = time.Unix(rapid.Int64Range(-1e9, 1e10).Draw(rt, "seconds"), rapid.Int64Range(0, 1e9-1).Draw(rt, "nanoseconds")).UTC()
		posted := &events.MessagePosted{Author: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "author"))}
		posted.Text.Plain = rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]*`)).Draw(rt, "text")
		if rapid.Bool().Draw(rt, "a reply") {
			posted.ReplyTo = &event.Revision
		}
		conversation := uuid.NewSHA1(posted.Author, nil)
		want, err := json.Marshal(Message{
			ConversationID: conversation, Number: event.Revision, Author: posted.Author, Text: posted.Text.Plain,
			PostedAt: event.Meta.OccurredAt, ReplyTo: posted.ReplyTo, Attachments: []json.RawMessage{}, Reactions: []Reaction{},
		})
		if err != nil {
			rt.Fatal(err)
		}
		if got, err := appendMessage(nil, conversation, &event, posted); string(got) != string(want) || err != nil {
			rt.Errorf("wrote %s, want %s: %v", got, want, err)
		}
	})
}
