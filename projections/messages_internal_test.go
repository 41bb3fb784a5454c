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
		id := rapid.Custom(func(t *rapid.T) uuid.UUID { return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")) })
		posted.Mentions = rapid.SliceOfN(id, 0, 3).Draw(rt, "mentions")
		if rapid.Bool().Draw(rt, "passed on") {
			posted.Forwarded = &events.Forwarded{Author: id.Draw(rt, "first author")}
		}
		conversation := uuid.NewSHA1(posted.Author, nil)
		want, err := json.Marshal(Message{
			ConversationID: conversation, Number: event.Revision, Author: posted.Author, Text: posted.Text.Plain,
			PostedAt: event.Meta.OccurredAt, ReplyTo: posted.ReplyTo, Attachments: []Attachment{}, Reactions: []Reaction{},
			Mentions: posted.Mentions, Forwarded: posted.Forwarded,
		})
		if err != nil {
			rt.Fatal(err)
		}
		if got, err := appendMessage(nil, conversation, &event, posted); string(got) != string(want) || err != nil {
			rt.Errorf("wrote %s, want %s: %v", got, want, err)
		}
		if got := lineNumber(want); uint64(got) != event.Revision {
			rt.Errorf("%s has number %d", want, got)
		}
	})
}
