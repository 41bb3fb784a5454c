package events_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"parley/events"
)

var update = flag.Bool("update", false, "write golden files that are missing; one that exists is never changed")

var (
	answered = uint64(7)
	evening  = time.Date(2015, time.March, 25, 20, 0, 0, 0, time.UTC)
)

// examples is one fact for every name in the catalogue.
var examples = append([]events.Fact{
	&events.HandleClaimed{User: ada},
	&events.UserRegistered{User: ada, Handle: events.Private("ada"), DisplayName: events.Private("Ada Lovelace"), Product: "messenger"},
	&events.ProfileChanged{User: ada, DisplayName: events.Private("Countess of Lovelace")},
	&events.UserErased{User: ada},
	&events.UserBlocked{User: ada, Blocked: bob},
	&events.UserUnblocked{User: ada, Blocked: bob},
	&events.ConversationStarted{Conversation: room, Kind: events.Group, Starter: ada, Title: events.Private("Engines"), Participants: []uuid.UUID{ada, bob}},
	&events.ConversationRenamed{Conversation: room, Title: events.Private("Analytical engines"), By: bob},
	&events.ParticipantAdded{Conversation: room, User: bob, By: ada},
	&events.ParticipantRemoved{Conversation: room, User: bob, By: ada},
	&events.ParticipantRoleChanged{Conversation: room, User: bob, Role: events.Admin, By: ada},
	&events.MessagePosted{Conversation: room, Author: ada, Text: events.Private("It weaves algebraic patterns."), ReplyTo: &answered},
	&events.MessageEdited{Conversation: room, Number: 7, By: ada, Text: events.Private("It weaves algebraical patterns."), Mentions: []uuid.UUID{bob}},
	&events.MessageRetracted{Conversation: room, Number: 7, By: ada},
	&events.ReactionAdded{Conversation: room, Number: 7, User: bob, Emoji: "👍"},
	&events.ReactionRemoved{Conversation: room, Number: 7, User: bob, Emoji: "👍"},
	&events.MessagePinned{Conversation: room, Number: 7, By: bob},
	&events.MessageUnpinned{Conversation: room, Number: 7, By: ada},
	&events.ConversationMuted{Conversation: room, User: bob, Until: &evening},
	&events.ConversationUnmuted{Conversation: room, User: bob},
	&events.ConversationArchived{Conversation: room, User: bob},
	&events.ConversationUnarchived{Conversation: room, User: bob},
	&events.DeliveredUpTo{Conversation: room, User: bob, Number: 7},
	&events.ReadUpTo{Conversation: room, User: bob, Number: 7},
	&events.TokenIssued{Subject: "carla", Scopes: []string{"analyst", "auditor"}, Seconds: 3600},
	&events.TokenRevoked{Token: "6f0f4c58", Subject: ada.String(), Expires: time.Date(2015, time.April, 24, 17, 0, 0, 0, time.UTC)},
	&events.SubjectRevoked{Subject: ada.String()},
	&events.MessageReported{Report: events.ReportID(room, 7, bob), Conversation: room, Number: 7, By: bob, Reason: events.Private("It sells watches")},
	&events.ReportResolved{Report: events.ReportID(room, 7, bob), Reporter: bob, By: "operator", Outcome: events.Upheld, Note: events.Private("retracted")},
}, slices.Concat(commerceExamples, mediaExamples, appExamples, pageExamples)...)

// variants are facts with fields that the examples leave out, by what they
// have more.
var variants = map[string]events.Fact{
	"erased":      &events.SubjectRevoked{Subject: ada.String(), ForGood: true},
	"endless":     &events.ConversationMuted{Conversation: room, User: bob},
	"mentions":    &events.MessagePosted{Conversation: room, Author: ada, Text: events.Private("Look, Bob."), Mentions: []uuid.UUID{bob}},
	"attachments": &events.MessagePosted{Conversation: room, Author: ada, Attachments: attached},
	"app":         &events.MessagePosted{Conversation: room, Author: gifApp, Text: events.Private("Look!"), App: &card},
	"bot":         &events.MessagePosted{Conversation: room, Author: gifApp, Text: events.Private("Tea?"), App: &card, Bot: botPart},
	"botfile":     &events.AttachmentShared{Conversation: room, App: card, Attachments: attached, Bot: botPart},
	"quickreply":  &events.MessagePosted{Conversation: room, Author: ada, Text: events.Private("No"), QuickReply: &events.QuickReply{Number: 7, Payload: events.Private("COFFEE")}},
	"agent":       &events.ThreadControlTaken{Conversation: room, From: gifApp, By: ada},
	"byagent":     &events.ThreadControlPassed{Conversation: room, To: gifApp, By: ada},
	"forwarded":   &events.MessagePosted{Conversation: room, Author: ada, Text: events.Private("Look."), Forwarded: &events.Forwarded{Author: bob}},
}

// golden is a stored event as a file keeps it.
type golden struct {
	ID       uuid.UUID       `json:"id"`
	Metadata json.RawMessage `json:"metadata"`
	Data     json.RawMessage `json:"data"`
}

func goldenFile(name string, version int) string {
	return filepath.Join("testdata", "golden", fmt.Sprintf("%s.v%d.json", name, version))
}

// capture is a log that keeps what is appended, to see it as it is stored.
type capture struct{ proposed []events.Proposed }

func (c *capture) Append(_ context.Context, _ string, _ events.Expected, proposed ...events.Proposed) (events.Appended, error) {
	c.proposed = append(c.proposed, proposed...)
	return events.Appended{Position: 1}, nil
}

func (*capture) Read(context.Context, string, uint64, events.Direction, int) iter.Seq2[events.Recorded, error] {
	panic("not read")
}

func (*capture) ReadAll(context.Context, events.Position, events.Direction, int) iter.Seq2[events.Recorded, error] {
	panic("not read")
}

func (*capture) Follow(context.Context, events.Position, events.Filter) iter.Seq2[events.Recorded, error] {
	panic("not read")
}

// stored is how a fact is written today.
func stored(t *testing.T, fact events.Fact) golden {
	t.Helper()
	log := new(capture)
	journal := &events.Journal{
		Log: log, Keys: fixedKeys{}, NewID: counter(),
		Now: func() time.Time { return time.Date(2015, time.March, 25, 17, 0, 0, 123_000_000, time.UTC) },
	}
	must[[]events.Event](t)(journal.Append(t.Context(), "golden", events.Any, events.Cause{Actor: ada.String()}, fact))
	p := log.proposed[0]
	return golden{p.ID, p.Metadata, p.Data}
}

func TestFactsAreStoredAsEver(t *testing.T) {
	if len(examples) != len(events.Shapes()) {
		t.Fatalf("%d examples for %d shapes in the catalogue", len(examples), len(events.Shapes()))
	}
	for _, fact := range examples {
		name := events.TypeOf(fact)
		t.Run(name, func(t *testing.T) {
			isStoredAs(t, fact, goldenFile(name, events.Shapes()[name]))
		})
	}
	for variant, fact := range variants {
		name := events.TypeOf(fact)
		t.Run(name+" with "+variant, func(t *testing.T) {
			isStoredAs(t, fact, goldenFile(name+"-"+variant, events.Shapes()[name]))
		})
	}
}

func isStoredAs(t *testing.T, fact events.Fact, file string) {
	t.Helper()
	got := append(must[[]byte](t)(json.MarshalIndent(stored(t, fact), "", "  ")), '\n')
	want, err := os.ReadFile(file)
	if os.IsNotExist(err) && *update {
		want, err = got, os.WriteFile(file, got, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stored in another way than %s (-want +got):\n%s", events.TypeOf(fact), file, cmp.Diff(string(want), string(got)))
	}
}

// sameJSON passes over the spaces that make a golden file readable.
var sameJSON = cmp.Comparer(func(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
})

func TestEveryShapeEverStoredIsRead(t *testing.T) {
	for _, fact := range examples {
		name := events.TypeOf(fact)
		for version := 1; version <= events.Shapes()[name]; version++ {
			t.Run(fmt.Sprintf("%s version %d", name, version), func(t *testing.T) {
				isReadAs(t, fact, goldenFile(name, version))
			})
		}
	}
	for variant, fact := range variants {
		name := events.TypeOf(fact)
		t.Run(name+" with "+variant, func(t *testing.T) {
			isReadAs(t, fact, goldenFile(name+"-"+variant, events.Shapes()[name]))
		})
	}
}

func isReadAs(t *testing.T, fact events.Fact, name string) {
	t.Helper()
	var file golden
	if err := json.Unmarshal(must[[]byte](t)(os.ReadFile(name)), &file); err != nil {
		t.Fatal(err)
	}
	event := must[events.Event](t)(events.Decode(events.Recorded{
		Stream: "golden", ID: file.ID, Type: events.TypeOf(fact), Data: file.Data, Metadata: file.Metadata,
	}))
	journal := &events.Journal{Keys: fixedKeys{}}
	if err := journal.Open(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fact, event.Fact, cmpopts.IgnoreUnexported(events.Secret{}), sameJSON); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

func TestDecodeRefusesWhatItCannotKnow(t *testing.T) {
	for name, recorded := range map[string]events.Recorded{
		"a name that nobody gave":  {Type: "MoonLanded", Data: []byte(`{}`), Metadata: []byte(`{"v":1}`)},
		"a version from to-morrow": {Type: "ReadUpTo", Data: []byte(`{}`), Metadata: []byte(`{"v":2}`)},
		"a version before time":    {Type: "ReadUpTo", Data: []byte(`{}`), Metadata: []byte(`{}`)},
		"broken data":              {Type: "ReadUpTo", Data: []byte(`{"number":-1}`), Metadata: []byte(`{"v":1}`)},
		"broken old data":          {Type: "UserRegistered", Data: []byte(`[]`), Metadata: []byte(`{"v":1}`)},
		"broken metadata":          {Type: "ReadUpTo", Data: []byte(`{}`), Metadata: []byte(`{`)},
	} {
		if event, err := events.Decode(recorded); err == nil {
			t.Errorf("%s was read as %v", name, event.Fact)
		}
	}
}

func TestReadersPassOverNewFields(t *testing.T) {
	event := must[events.Event](t)(events.Decode(events.Recorded{
		Type: "ReadUpTo", Metadata: []byte(`{"v":1,"weather":"fine"}`),
		Data: []byte(`{"number":3,"mood":"good"}`),
	}))
	if got := event.Fact.(*events.ReadUpTo).Number; got != 3 {
		t.Errorf("number %d, want 3", got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, fact := range examples {
		name := events.TypeOf(fact)
		f.Add(name, []byte(`{"v":1}`), []byte(`{"user":"00000000-0000-7000-8000-00000000000a","text":"AAAA"}`))
	}
	f.Fuzz(func(t *testing.T, name string, metadata, data []byte) {
		event, err := events.Decode(events.Recorded{Type: name, Metadata: metadata, Data: data})
		if err == nil && events.TypeOf(event.Fact) != name {
			t.Errorf("%s was read as %T", name, event.Fact)
		}
	})
}
