package projections_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
	"parley/events/pgtest"
	"parley/events/vault"
	"parley/projections"
	"parley/projections/views/viewstest"
)

// TestMain bounds random tests, each of whose checks opens a log and its views;
// -rapid.checks asks for more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "7"); err != nil {
		panic(err)
	}
	os.Exit(pgtest.Main(m))
}

// world is a log, a vault and the views of the log, all real.
type world struct {
	t       testing.TB
	journal *events.Journal
	vault   *vault.Vault
	// kind makes places for views, all on one engine; place is the one in use.
	kind   viewstest.Kind
	place  viewstest.Opener
	logged *logBuffer
	// opts are used by the next open.
	opts projections.Options
}

// morning is when the tests' histories begin.
var morning = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// everywhere runs a test in a new world on each engine of views.
func everywhere(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	viewstest.Each(t, func(t *testing.T, kind viewstest.Kind) { test(t, newWorld(t, kind)) })
}

// newWorld is a world whose views are in places of the kind given.
func newWorld(t testing.TB, kind viewstest.Kind) *world {
	t.Helper()
	log, err := node.Open("log", node.Options{FS: vfs.NewMem(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closing(t, log.Close) })
	master, err := vault.ParseMaster(hex.EncodeToString(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := vault.Open(t.Context(), vault.File(filepath.Join(t.TempDir(), "vault.db")), master, vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closing(t, keys.Close) })
	logged := new(logBuffer)
	return &world{
		t:       t,
		journal: &events.Journal{Log: log, Keys: keys, Now: func() time.Time { return morning }, NewID: newID},
		vault:   keys,
		kind:    kind,
		place:   kind(t),
		logged:  logged,
		opts:    projections.Options{Logger: slog.New(slog.NewTextHandler(logged, nil))},
	}
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

func closing(t testing.TB, close func() error) {
	t.Helper()
	if err := close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

// logBuffer takes log lines from any goroutine.
type logBuffer struct {
	mu    sync.Mutex
	lines bytes.Buffer // guarded by mu
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.Write(line)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.String()
}

// elsewhere has the next open begin with views that do not exist yet.
func (w *world) elsewhere() { w.place = w.kind(w.t) }

// open opens the views without running them.
func (w *world) open() *projections.Set {
	w.t.Helper()
	opts := w.opts
	opts.Views = w.place(w.t)
	set, err := projections.Open(w.t.Context(), w.journal, opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return set
}

// run opens the views and runs them until stop, or until the test ends.
func (w *world) run() (set *projections.Set, stop func()) {
	w.t.Helper()
	set = w.open()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		set.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
		closing(w.t, set.Close)
	})
	w.t.Cleanup(stop)
	return set, stop
}

// settled runs the views and waits until they show all of the log.
func (w *world) settled() (set *projections.Set, stop func()) {
	w.t.Helper()
	set, stop = w.run()
	w.catchUp(set)
	return set, stop
}

func (w *world) catchUp(set *projections.Set) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	if err := set.CatchUp(ctx); err != nil {
		w.t.Fatalf("the views do not catch up: %v\n%s", err, w.logged)
	}
}

// by says who does something, and how long after morning.
func by(user uuid.UUID, after time.Duration) events.Cause {
	return events.Cause{Actor: user.String(), OccurredAt: morning.Add(after)}
}

func (w *world) append(stream string, cause events.Cause, facts ...events.Fact) events.Event {
	w.t.Helper()
	written, err := w.journal.Append(w.t.Context(), stream, events.Any, cause, facts...)
	if err != nil {
		w.t.Fatal(err)
	}
	return written[len(written)-1]
}

func (w *world) register(user uuid.UUID, name, product string, after time.Duration) events.Event {
	w.t.Helper()
	return w.append(events.UserStream(user), by(user, after), &events.UserRegistered{
		User: user, Handle: events.Private(name), DisplayName: events.Private("The " + name), Product: product,
	})
}

func (w *world) start(after time.Duration, people ...uuid.UUID) uuid.UUID {
	w.t.Helper()
	conversation := newID()
	w.append(events.ConversationStream(conversation), by(people[0], after), &events.ConversationStarted{
		Conversation: conversation, Kind: events.Group, Starter: people[0], Title: events.Private("a title"), Participants: people,
	})
	return conversation
}

func (w *world) post(conversation, author uuid.UUID, text string, after time.Duration) events.Event {
	w.t.Helper()
	return w.append(events.MessagesStream(conversation), by(author, after), &events.MessagePosted{
		Conversation: conversation, Author: author, Text: events.Private(text),
	})
}

func (w *world) edit(conversation, author uuid.UUID, number uint64, text string, after time.Duration, mentions ...uuid.UUID) events.Event {
	w.t.Helper()
	return w.append(events.MessagesStream(conversation), by(author, after), &events.MessageEdited{
		Conversation: conversation, Number: number, By: author, Text: events.Private(text), Mentions: mentions,
	})
}

func (w *world) retract(conversation, user uuid.UUID, number uint64, after time.Duration) events.Event {
	w.t.Helper()
	return w.append(events.MessagesStream(conversation), by(user, after), &events.MessageRetracted{
		Conversation: conversation, Number: number, By: user,
	})
}

func (w *world) react(conversation, user uuid.UUID, number uint64, emoji string, after time.Duration) events.Event {
	w.t.Helper()
	return w.append(events.MessagesStream(conversation), by(user, after), &events.ReactionAdded{
		Conversation: conversation, Number: number, User: user, Emoji: emoji,
	})
}

func (w *world) unreact(conversation, user uuid.UUID, number uint64, emoji string, after time.Duration) events.Event {
	w.t.Helper()
	return w.append(events.MessagesStream(conversation), by(user, after), &events.ReactionRemoved{
		Conversation: conversation, Number: number, User: user, Emoji: emoji,
	})
}

func (w *world) read(conversation, user uuid.UUID, number uint64, after time.Duration) events.Event {
	w.t.Helper()
	return w.append(events.ReceiptsStream(conversation), by(user, after), &events.ReadUpTo{
		Conversation: conversation, User: user, Number: number,
	})
}

func (w *world) join(conversation, user, actor uuid.UUID, after time.Duration) events.Event {
	w.t.Helper()
	return w.append(events.ConversationStream(conversation), by(actor, after), &events.ParticipantAdded{
		Conversation: conversation, User: user, By: actor,
	})
}

func (w *world) leave(conversation, user, actor uuid.UUID, after time.Duration) events.Event {
	w.t.Helper()
	return w.append(events.ConversationStream(conversation), by(actor, after), &events.ParticipantRemoved{
		Conversation: conversation, User: user, By: actor,
	})
}

// erase makes a user one who has left for good. Their key is for the test to
// destroy.
func (w *world) erase(user uuid.UUID, after time.Duration) events.Event {
	w.t.Helper()
	return w.append(events.UserStream(user), by(user, after), &events.UserErased{User: user})
}

func (w *world) forget(user uuid.UUID) {
	w.t.Helper()
	if err := w.vault.Forget(w.t.Context(), user); err != nil {
		w.t.Fatal(err)
	}
}
