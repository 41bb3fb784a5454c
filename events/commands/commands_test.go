package commands_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
	"parley/events/node"
	"parley/events/vault"
)

// world is a real log and vault with the commands on them.
type world struct {
	*commands.Commands
	t       *testing.T
	journal *events.Journal
	vault   *vault.Vault
}

func newWorld(t *testing.T) world {
	t.Helper()
	log, err := node.Open("log", node.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	master, err := vault.ParseMaster("3031323334353637383930313233343536373839303132333435363738393031")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := vault.Open(t.Context(), vault.File(filepath.Join(t.TempDir(), "vault.db")), master, vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(keys.Close(), log.Close()); err != nil {
			t.Error(err)
		}
	})
	journal := &events.Journal{Log: log, Keys: keys, Now: time.Now, NewID: uuid.New}
	return world{commands.New(journal), t, journal, keys}
}

func (w world) register(handle string) uuid.UUID {
	w.t.Helper()
	event, err := w.Register(w.t.Context(), events.Cause{}, decide.Registration{Handle: handle, DisplayName: handle})
	if err != nil {
		w.t.Fatal(err)
	}
	return event.Fact.(*events.UserRegistered).User
}

func (w world) group(starter uuid.UUID, others ...uuid.UUID) uuid.UUID {
	w.t.Helper()
	event, _, err := w.Start(w.t.Context(), events.Cause{Actor: starter.String()},
		decide.Beginning{Kind: events.Group, Starter: starter, Others: others})
	if err != nil {
		w.t.Fatal(err)
	}
	return event.Fact.(*events.ConversationStarted).Conversation
}

func refusedAs(err error, kind decide.Kind) bool {
	var refusal *decide.Refusal
	return errors.As(err, &refusal) && refusal.Kind == kind
}

func TestAHandleBelongsToOne(t *testing.T) {
	w := newWorld(t)
	id := w.register("Ada")
	_, err := w.Register(t.Context(), events.Cause{}, decide.Registration{Handle: "ADA", DisplayName: "Another"})
	if !refusedAs(err, decide.Taken) {
		t.Errorf("the same handle in capitals: %v, want it taken", err)
	}
	found, known, err := w.UserByHandle(t.Context(), "ada")
	if err != nil || !known || found != id {
		t.Errorf("found %s, %v, %v; want %s", found, known, err, id)
	}
	if _, known, err := w.UserByHandle(t.Context(), "nobody"); known || err != nil {
		t.Errorf("found nobody: %v, %v", known, err)
	}
}

func TestOfManyAtOnceOneGetsTheHandle(t *testing.T) {
	w := newWorld(t)
	var group sync.WaitGroup
	results := make(chan error, 16)
	for range cap(results) {
		group.Go(func() {
			_, err := w.Register(t.Context(), events.Cause{}, decide.Registration{Handle: "ada", DisplayName: "Ada"})
			results <- err
		})
	}
	group.Wait()
	close(results)
	won := 0
	for err := range results {
		if err == nil {
			won++
		} else if !refusedAs(err, decide.Taken) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d got the handle", won)
	}
}

func TestAClaimWithoutItsUserIsTakenOver(t *testing.T) {
	w := newWorld(t)
	lost := uuid.New()
	claim := events.HandleStream(w.journal.Keys.Pseudonym(decide.FoldHandle("ada")))
	_, err := w.journal.Append(t.Context(), claim, events.NoStream, events.Cause{}, &events.HandleClaimed{User: lost})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.register("ada"); got != lost {
		t.Errorf("registered as %s, want the claim's %s", got, lost)
	}
}

func TestAKeyedRegistrationIsRepeated(t *testing.T) {
	w := newWorld(t)
	cause := events.Cause{Actor: "operator", IdempotencyKey: "first"}
	ask := func(handle string) (events.Event, error) {
		return w.Register(t.Context(), cause, decide.Registration{Handle: handle, DisplayName: "Ada"})
	}
	first, err := ask("ada")
	if err != nil {
		t.Fatal(err)
	}
	again, err := ask("ada")
	if err != nil || again.ID != first.ID || again.Position != first.Position {
		t.Errorf("the repeat: %v at %d, %v; want %v at %d", again.ID, again.Position, err, first.ID, first.Position)
	}
	if _, err := ask("bob"); !errors.Is(err, events.ErrKeyReused) {
		t.Errorf("the key for somebody else: %v, want ErrKeyReused", err)
	}
	if _, known, err := w.UserByHandle(t.Context(), "bob"); known || err != nil {
		t.Errorf("the refused request left a handle behind: %v, %v", known, err)
	}
	w.register("bob")
}

func TestTwoPeopleShareOneDirectConversation(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.register("ada"), w.register("bob")
	first, existed, err := w.Start(t.Context(), events.Cause{Actor: ada.String()},
		decide.Beginning{Kind: events.Direct, Starter: ada, Others: []uuid.UUID{bob}})
	if err != nil || existed {
		t.Fatalf("existed %v, %v", existed, err)
	}
	second, existed, err := w.Start(t.Context(), events.Cause{Actor: bob.String()},
		decide.Beginning{Kind: events.Direct, Starter: bob, Others: []uuid.UUID{ada}})
	if err != nil || !existed || second.ID != first.ID {
		t.Errorf("the second start: event %s, existed %v, %v; want %s", second.ID, existed, err, first.ID)
	}
}

func TestOnlyRegisteredPeopleTakePart(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	_, _, err := w.Start(t.Context(), events.Cause{Actor: ada.String()},
		decide.Beginning{Kind: events.Direct, Starter: ada, Others: []uuid.UUID{uuid.New()}})
	if !refusedAs(err, decide.Unknown) {
		t.Errorf("starting with a stranger: %v", err)
	}
	room := w.group(ada)
	if _, err := w.AddParticipant(t.Context(), events.Cause{}, room, ada, uuid.New()); !refusedAs(err, decide.Unknown) {
		t.Errorf("adding a stranger: %v", err)
	}
}

func TestMembershipIsDecidedByTheLog(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.register("ada"), w.register("bob")
	room := w.group(ada)
	says := decide.Message{Conversation: room, Author: bob, Text: "hello"}
	if _, err := w.Post(t.Context(), events.Cause{}, says); !refusedAs(err, decide.Unknown) {
		t.Errorf("a stranger posts: %v", err)
	}
	if _, err := w.AddParticipant(t.Context(), events.Cause{}, room, ada, bob); err != nil {
		t.Fatal(err)
	}
	posted, err := w.Post(t.Context(), events.Cause{}, says)
	if err != nil || posted.Revision != 0 {
		t.Fatalf("posted number %d, %v", posted.Revision, err)
	}
	if _, err := w.RemoveParticipant(t.Context(), events.Cause{}, room, bob, bob); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Post(t.Context(), events.Cause{}, says); !refusedAs(err, decide.Unknown) {
		t.Errorf("who has left posts: %v", err)
	}
	if err := w.Admit(t.Context(), room, bob); !refusedAs(err, decide.Unknown) {
		t.Errorf("who has left is admitted: %v", err)
	}
}

func TestReplyAndMarkerNeedTheirMessage(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	room := w.group(ada)
	cause := events.Cause{Actor: ada.String()}
	number := uint64(0)
	reply := decide.Message{Conversation: room, Author: ada, Text: "yes", ReplyTo: &number}
	if _, err := w.Post(t.Context(), cause, reply); !refusedAs(err, decide.Invalid) {
		t.Errorf("a reply to nothing: %v", err)
	}
	if _, err := w.MarkRead(t.Context(), cause, room, ada, 0); !refusedAs(err, decide.Invalid) {
		t.Errorf("reading nothing: %v", err)
	}
	if _, err := w.Post(t.Context(), cause, decide.Message{Conversation: room, Author: ada, Text: "?"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Post(t.Context(), cause, reply); err != nil {
		t.Errorf("a reply: %v", err)
	}
	first, err := w.MarkRead(t.Context(), cause, room, ada, 1)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.MarkRead(t.Context(), cause, room, ada, 1)
	if err != nil || again.Revision != first.Revision {
		t.Errorf("marking again: revision %d, %v; want %d", again.Revision, err, first.Revision)
	}
}

func TestPostAllIsAllOrNothing(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.register("ada"), w.register("bob")
	room := w.group(ada)
	postings := []commands.Posting{
		{Message: decide.Message{Author: ada, Text: "one"}},
		{Message: decide.Message{Author: bob, Text: "two"}},
	}
	if _, err := w.PostAll(t.Context(), room, postings); !refusedAs(err, decide.Unknown) {
		t.Errorf("with a stranger among the authors: %v", err)
	}
	postings[1].Author = ada
	written, err := w.PostAll(t.Context(), room, postings)
	if err != nil || len(written) != 2 || written[0].Revision != 0 {
		t.Errorf("wrote %d from %v, %v", len(written), written, err)
	}
}
