package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
)

var noon = time.Date(2015, time.March, 25, 12, 0, 0, 0, time.UTC)

// newJournal is a journal on a log of its own.
func newJournal(t *testing.T, keys events.Keys) *events.Journal {
	t.Helper()
	log := must[*node.Node](t)(node.Open("log", node.Options{FS: vfs.NewMem()}))
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return &events.Journal{Log: log, Keys: keys, Now: func() time.Time { return noon }, NewID: uuid.New}
}

func says(author uuid.UUID, text string) *events.MessagePosted {
	return &events.MessagePosted{Conversation: room, Author: author, Text: events.Private(text)}
}

func TestAppendSealsAndStamps(t *testing.T) {
	journal := newJournal(t, fixedKeys{})
	stream := events.MessagesStream(room)
	cause := events.Cause{Actor: ada.String(), Correlation: "request-1", Causation: "cause-1"}
	written := must[[]events.Event](t)(journal.Append(t.Context(), stream, events.Any, cause, says(ada, "a secret"), says(ada, "another")))

	for i, text := range []string{"a secret", "another"} {
		event, found, err := journal.Fact(t.Context(), stream, uint64(i))
		if err != nil || !found {
			t.Fatalf("revision %d: found %v, %v", i, found, err)
		}
		if bytes.Contains(event.Data, []byte(text)) {
			t.Errorf("the log holds %q in the open: %s", text, event.Data)
		}
		if got := event.Fact.(*events.MessagePosted).Text.Plain; got != text {
			t.Errorf("text %q, want %q", got, text)
		}
		want := events.Metadata{Correlation: "request-1", Causation: "cause-1", Actor: ada.String(), OccurredAt: noon, Version: 1}
		if event.Meta != want {
			t.Errorf("metadata %+v, want %+v", event.Meta, want)
		}
		if written[i].Revision != uint64(i) || written[i].ID != event.ID {
			t.Errorf("append answered revision %d id %s, the log has %d %s", written[i].Revision, written[i].ID, i, event.ID)
		}
	}
}

func TestAPlainSecretCannotBeEncoded(t *testing.T) {
	if data, err := json.Marshal(says(ada, "a secret")); err == nil {
		t.Errorf("encoded as %s", data)
	}
}

func TestAForgottenPersonsValuesAreMarked(t *testing.T) {
	journal := newJournal(t, fixedKeys{})
	stream := events.MessagesStream(room)
	must[[]events.Event](t)(journal.Append(t.Context(), stream, events.Any, events.Cause{}, says(ada, "a secret"), says(bob, "kept")))

	journal.Keys = fixedKeys{forgotten: []uuid.UUID{ada}}
	event, _, err := journal.Fact(t.Context(), stream, 0)
	if err != nil {
		t.Fatal(err)
	}
	if text := event.Fact.(*events.MessagePosted).Text; !text.Forgotten || text.Plain != "" {
		t.Errorf("text %+v, want it forgotten", text)
	}
	event, _, err = journal.Fact(t.Context(), stream, 1)
	if err != nil || event.Fact.(*events.MessagePosted).Text.Plain != "kept" {
		t.Errorf("somebody else's text: %+v, %v", event.Fact, err)
	}
	_, err = journal.Append(t.Context(), stream, events.Any, events.Cause{}, says(ada, "more"))
	if !errors.Is(err, events.ErrForgotten) {
		t.Errorf("writing for a forgotten person: %v, want ErrForgotten", err)
	}
}

func TestAKeyedAppendIsRepeated(t *testing.T) {
	journal := newJournal(t, fixedKeys{})
	stream := events.MessagesStream(room)
	cause := events.Cause{Actor: ada.String(), IdempotencyKey: "k"}
	post := func(text string) ([]events.Event, error) {
		return journal.Append(t.Context(), stream, events.Any, cause, says(ada, text))
	}
	first := must[[]events.Event](t)(post("once"))
	must[[]events.Event](t)(journal.Append(t.Context(), stream, events.Any, events.Cause{}, says(bob, "between")))
	again := must[[]events.Event](t)(post("once"))

	if again[0].Revision != first[0].Revision || again[0].Position != first[0].Position || again[0].ID != first[0].ID {
		t.Errorf("the repeat answered %d@%d, the first %d@%d", again[0].Revision, again[0].Position, first[0].Revision, first[0].Position)
	}
	if _, err := post("something else"); !errors.Is(err, events.ErrKeyReused) {
		t.Errorf("the key for something else: %v, want ErrKeyReused", err)
	}
	count := 0
	for _, err := range journal.History(t.Context(), stream, 0) {
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	if count != 2 {
		t.Errorf("%d events, want 2", count)
	}
}

func TestEachEntryKeepsItsCause(t *testing.T) {
	journal := newJournal(t, fixedKeys{})
	stream := events.MessagesStream(room)
	entries := func() []events.Entry {
		return []events.Entry{
			{Cause: events.Cause{Actor: ada.String(), OccurredAt: noon.Add(-time.Hour), IdempotencyKey: "line 1"}, Fact: says(ada, "one")},
			{Cause: events.Cause{Actor: bob.String(), OccurredAt: noon.Add(-time.Minute), IdempotencyKey: "line 2"}, Fact: says(bob, "two")},
		}
	}
	first := must[[]events.Event](t)(journal.AppendEach(t.Context(), stream, events.Any, entries()...))
	again := must[[]events.Event](t)(journal.AppendEach(t.Context(), stream, events.Any, entries()...))
	for i, actor := range []uuid.UUID{ada, bob} {
		if first[i].Meta.Actor != actor.String() || again[i].Revision != uint64(i) {
			t.Errorf("entry %d: by %s, repeated at revision %d", i, first[i].Meta.Actor, again[i].Revision)
		}
	}
	if first[0].Meta.OccurredAt.Equal(first[1].Meta.OccurredAt) {
		t.Error("both entries occurred at the same time")
	}
}

func TestTip(t *testing.T) {
	journal := newJournal(t, fixedKeys{})
	if tip := must[events.Position](t)(events.Tip(t.Context(), journal.Log)); tip != events.Beginning {
		t.Errorf("an empty log's tip is %d", tip)
	}
	written := must[[]events.Event](t)(journal.Append(t.Context(), events.MessagesStream(room), events.Any, events.Cause{}, says(ada, "hi")))
	if tip := must[events.Position](t)(events.Tip(t.Context(), journal.Log)); tip != written[0].Position {
		t.Errorf("tip %d, want %d", tip, written[0].Position)
	}
}

func TestDirectIDIsTheSameFromBothSides(t *testing.T) {
	if events.DirectID(ada, bob) != events.DirectID(bob, ada) {
		t.Error("the order of the two people matters")
	}
	if events.DirectID(ada, bob) == events.DirectID(ada, room) {
		t.Error("two pairs share an id")
	}
	if !strings.HasPrefix(events.ConversationStream(events.DirectID(ada, bob)), "conversation-") {
		t.Error("the stream's category is not conversation")
	}
}
