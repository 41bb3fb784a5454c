package importer

import (
	"bytes"
	"context"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/commands"
	"parley/events/node"
	"parley/events/vault"
)

const masterKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// house is the write path as the program wires it, in a directory of its own.
type house struct {
	journal  *events.Journal
	commands *commands.Commands
}

func newHouse(t testing.TB) *house {
	t.Helper()
	directory := t.TempDir()
	log, err := node.Open(directory, node.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	master, err := vault.ParseMaster(masterKey)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := vault.Open(t.Context(), vault.File(filepath.Join(directory, "vault", vault.FileName)), master, vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
		if err := keys.Close(); err != nil {
			t.Error(err)
		}
	})
	return furnish(log, keys)
}

func furnish(log events.Log, keys events.Keys) *house {
	journal := &events.Journal{Log: log, Keys: keys, Now: time.Now, NewID: func() uuid.UUID { return uuid.Must(uuid.NewV7()) }}
	return &house{journal: journal, commands: commands.New(journal)}
}

// imported is what a run did and said.
type imported struct {
	Summary
	out, errs string
}

func (h *house) run(ctx context.Context, format string, paths ...string) (imported, error) {
	var out, errs bytes.Buffer
	summary, err := Run(ctx, h.commands, h.journal, Options{Format: format, Out: &out, Err: &errs}, paths...)
	return imported{summary, out.String(), errs.String()}, err
}

func (h *house) mustRun(t testing.TB, format string, paths ...string) imported {
	t.Helper()
	result, err := h.run(t.Context(), format, paths...)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// write makes a file of its own.
func write(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "history.txt")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (h *house) tip(t testing.TB) events.Position {
	t.Helper()
	tip, err := events.Tip(context.Background(), h.journal.Log)
	if err != nil {
		t.Fatal(err)
	}
	return tip
}

// said is a message as a reader of the log finds it.
type said struct{ Author, Text, At string }

// history is all that the log tells, in a form that does not depend on ids.
type history struct {
	// Registered has the time of each handle's registration.
	Registered map[string]string
	// Talks has each conversation by its title or, lacking one, its people.
	Talks map[string]talk
}

type talk struct {
	Kind     events.Kind
	Started  string
	People   map[string]bool
	Messages []said
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// events are what the log has, opened.
func (h *house) events(t testing.TB) iter.Seq[events.Event] {
	return func(yield func(events.Event) bool) {
		t.Helper()
		for recorded, err := range h.journal.Log.ReadAll(context.Background(), events.Beginning, events.Forwards, 0) {
			if err != nil {
				t.Fatal(err)
			}
			event, err := events.Decode(recorded)
			if err == nil {
				err = h.journal.Open(context.Background(), event)
			}
			if err != nil {
				t.Fatal(err)
			}
			if !yield(event) {
				return
			}
		}
	}
}

func (h *house) history(t testing.TB) history {
	t.Helper()
	handles := map[uuid.UUID]string{}
	talks := map[uuid.UUID]*talk{}
	titles := map[uuid.UUID]string{}
	found := history{map[string]string{}, map[string]talk{}}
	for event := range h.events(t) {
		at := stamp(event.Meta.OccurredAt)
		switch f := event.Fact.(type) {
		case *events.UserRegistered:
			mustAct(t, event, f.User)
			handles[f.User] = f.Handle.Plain
			found.Registered[f.Handle.Plain] = at
		case *events.ConversationStarted:
			mustAct(t, event, f.Starter)
			talks[f.Conversation] = &talk{Kind: f.Kind, Started: at, People: map[string]bool{}}
			titles[f.Conversation] = f.Title.Plain
			for _, user := range f.Participants {
				talks[f.Conversation].People[handles[user]] = true
			}
		case *events.ParticipantAdded:
			mustAct(t, event, f.By)
			talks[f.Conversation].People[handles[f.User]] = true
		case *events.MessagePosted:
			mustAct(t, event, f.Author)
			to := talks[f.Conversation]
			to.Messages = append(to.Messages, said{handles[f.Author], f.Text.Plain, at})
		}
	}
	for id, talk := range talks {
		name := titles[id]
		if name == "" {
			name = names(talk.People)
		}
		found.Talks[name] = *talk
	}
	return found
}

func mustAct(t testing.TB, event events.Event, user uuid.UUID) {
	t.Helper()
	if event.Meta.Actor != user.String() {
		t.Errorf("%s of %s has the actor %s", event.Type, user, event.Meta.Actor)
	}
}
