package projections_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"parley/events"
	"parley/projections"
)

// raw writes an event as any program with access to the log could.
func (w *world) raw(stream string, event events.Proposed) events.Position {
	w.t.Helper()
	event.ID = newID()
	appended, err := w.journal.Log.Append(w.t.Context(), stream, events.Any, event)
	if err != nil {
		w.t.Fatal(err)
	}
	return appended.Position
}

// stopped waits until a projection has stopped at a position.
func (w *world) stopped(set *projections.Set, name string, at events.Position) projections.Status {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	if err := set.Wait(ctx, name, at); !errors.Is(err, projections.ErrStopped) {
		w.t.Fatalf("waiting for %s to stop: %v", name, err)
	}
	return w.status(set, name)
}

func (w *world) status(set *projections.Set, name string) projections.Status {
	w.t.Helper()
	all, err := set.Status(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, status := range all {
		if status.Name == name {
			return status
		}
	}
	w.t.Fatalf("no status of %s", name)
	return projections.Status{}
}

const goodMetadata = `{"actor":"x","occurredAt":"2026-03-02T08:00:00Z","v":1}`

func TestPoisonStopsItsProjectionAlone(t *testing.T) {
	room := uuid.UUID{15: 9}
	tests := []struct {
		what, stops, cause string
		stream             string
		event              events.Proposed
	}{
		{"data that is no JSON of the fact", projections.ConversationsName, "reading MessagePosted", events.MessagesStream(room),
			events.Proposed{Type: "MessagePosted", Data: []byte(`{"author":7}`), Metadata: []byte(goodMetadata)}},
		{"a fact of a version to come", projections.UsersName, "unknown fact", events.UserStream(ann),
			events.Proposed{Type: "ProfileChanged", Data: []byte(`{}`), Metadata: []byte(`{"actor":"x","occurredAt":"2026-03-02T08:00:00Z","v":9}`)}},
		{"metadata that cannot be read", projections.GrowthName, "metadata", events.MessagesStream(room),
			events.Proposed{Type: "SomethingElse", Data: []byte(`{}`), Metadata: []byte(`{"occurredAt":"soon"}`)}},
		{"a row that the table refuses", projections.UsersName, "unique", events.UserStream(uuid.Max),
			events.Proposed{Type: "UserRegistered", Data: []byte(`{"user":"` + ann.String() + `","product":"p"}`), Metadata: []byte(strings.Replace(goodMetadata, `"v":1`, `"v":2`, 1))}},
		{"a message in no conversation", projections.ConversationsName, "never started", events.MessagesStream(uuid.Max),
			events.Proposed{Type: "MessagePosted", Data: []byte(`{}`), Metadata: []byte(goodMetadata)}},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			everywhere(t, func(t *testing.T, w *world) {
				metrics := prometheus.NewRegistry()
				w.opts.Metrics = metrics
				w.register(ann, "ann", "messenger", 0)
				w.append(events.ConversationStream(room), by(ann, 0), &events.ConversationStarted{
					Conversation: room, Kind: events.Group, Starter: ann, Participants: []uuid.UUID{ann},
				})
				w.post(room, ann, "before", 1)
				poison := w.raw(test.stream, test.event)
				w.post(room, ann, "after", 2)
				last := w.register(bob, "bob", "messenger", 3).Position
				set, _ := w.run()

				status := w.stopped(set, test.stops, last)
				if f := status.Failure; f == nil || f.Stream != test.stream || f.Position != poison || !strings.Contains(strings.ToLower(f.Cause), strings.ToLower(test.cause)) {
					t.Errorf("the failure: %+v", f)
				}
				if status.State != projections.Stopped || status.Position >= poison || status.Lag == 0 {
					t.Errorf("the status: %+v", status)
				}
				for _, name := range []string{projections.UsersName, projections.ConversationsName, projections.GrowthName,
					projections.MerchantsName, projections.OrdersName, projections.CasesName, projections.ReportsName} {
					if err := set.Wait(t.Context(), name, last); name != test.stops && !alsoStopped(test.event, name) && err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
				if err := set.Wait(t.Context(), test.stops, poison-1); err != nil {
					t.Errorf("what was before the poison is not applied: %v", err)
				}
				if log := w.logged.String(); !strings.Contains(log, "projection stopped") || !strings.Contains(log, "stream="+test.stream) {
					t.Errorf("logged: %s", log)
				}
				if got := stoppedMetric(t, metrics, test.stops); got != 1 {
					t.Errorf("the metric is %v", got)
				}
			})
		})
	}
}

// alsoStopped: a registration matters to growth as well.
func alsoStopped(event events.Proposed, name string) bool {
	return event.Type == "UserRegistered" && name == projections.GrowthName
}

func stoppedMetric(t *testing.T, metrics *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.Metric {
			if family.GetName() == "parley_projection_stopped" && metric.Label[0].GetValue() == name {
				return metric.Gauge.GetValue()
			}
		}
	}
	return -1
}

func TestMetricsAreWellNamed(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		metrics := prometheus.NewRegistry()
		w.opts.Metrics = metrics
		w.settled()
		if problems, err := testutil.GatherAndLint(metrics); len(problems) > 0 || err != nil {
			t.Errorf("%v, %v", problems, err)
		}
	})
}

func TestUnknownFactsArePassedOver(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		room := w.start(0, ann)
		w.raw(events.MessagesStream(room), events.Proposed{Type: "MessageSung", Data: []byte(`"la"`), Metadata: []byte(goodMetadata)})
		w.raw("somebody-elses", events.Proposed{Type: "Thing", Data: []byte(`"la"`)})
		w.raw(events.MessagesStream(room), events.Proposed{Type: "NoMetadata", Data: []byte(`{}`)})
		w.post(room, ann, "hello", 1)
		set, _ := w.settled()
		shown, err := set.Conversations.Get(t.Context(), room, ann)
		if err != nil || shown.MessageCount != 1 || shown.LastMessage.Number != 2 || shown.Unread != 0 {
			t.Errorf("%+v, %v", shown, err)
		}
	})
}

func TestNumbersWithoutMessagesAreNotUnread(t *testing.T) {
	for _, batch := range []int{1, 1000} {
		everywhere(t, func(t *testing.T, w *world) {
			w.opts.BatchEvents = batch
			room := w.start(0, ann, bob, cyd)
			w.post(room, ann, "number 0", 1)
			for range 3 {
				w.raw(events.MessagesStream(room), events.Proposed{Type: "Another", Data: []byte("{}"), Metadata: []byte(goodMetadata)})
			}
			w.post(room, ann, "number 4", 2)
			w.post(room, ann, "number 5", 3)
			w.read(room, bob, 2, 4)
			w.read(room, cyd, 4, 5)
			set, _ := w.settled()
			if got := unread(t, set, room, bob, cyd); !cmp.Equal(got, []uint64{2, 1}) {
				t.Errorf("in batches of %d unread is %v", batch, got)
			}
		})
	}
}

func TestRestartResumesAtTheCheckpoint(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.opts.Only = []string{projections.ConversationsName, projections.GrowthName}
		room := w.start(0, ann, bob)
		w.post(room, ann, "one", 1)
		_, stop := w.settled()
		stop()

		w.post(room, ann, "two", 2)
		counting := &countingLog{Log: w.journal.Log}
		w.journal.Log = counting
		set, _ := w.settled()
		if got := unread(t, set, room, bob); got[0] != 2 {
			t.Errorf("unread is %d", got[0])
		}
		if most := counting.most.Load(); most != 1 {
			t.Errorf("a view was given %d events", most)
		}
	})
}

// countingLog counts the most events that any follower was given.
type countingLog struct {
	events.Log
	most atomic.Int64
}

func (c *countingLog) Follow(ctx context.Context, after events.Position, filter events.Filter) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		yielded := int64(0)
		for recorded, err := range c.Log.Follow(ctx, after, filter) {
			if err == nil && !recorded.IsMark() {
				yielded++
				for most := c.most.Load(); most < yielded && !c.most.CompareAndSwap(most, yielded); most = c.most.Load() {
				}
			}
			if !yield(recorded, err) {
				return
			}
		}
	}
}

func TestViewAheadOfItsLogIsRebuilt(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.register(bob, "bob", "messenger", 0)
		w.register(ann, "ann", "messenger", 0)
		_, stop := w.settled()
		stop()

		restored := newWorld(t, w.kind)
		restored.place = w.place
		restored.raw("something", events.Proposed{Type: "Else"})
		set, _ := restored.settled()
		if _, err := set.Users.Get(t.Context(), ann); !errors.Is(err, projections.ErrNotFound) {
			t.Errorf("a user of the lost log: %v", err)
		}
		restored.register(bob, "bob", "messenger", 0)
		restored.catchUp(set)
		if _, err := set.Users.Get(t.Context(), bob); err != nil {
			t.Error(err)
		}
	})
}

// TestBrokenOffAnywhereNothingIsLostOrTwice ends the run at many places, also
// within batches, and goes on from what is stored.
func TestBrokenOffAnywhereNothingIsLostOrTwice(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.opts.BatchEvents = 7
		w.register(ann, "ann", "messenger", 0)
		w.register(bob, "bob", "messenger", 0)
		room := w.start(0, ann, bob)
		for i := range 200 {
			w.post(room, []uuid.UUID{ann, bob}[i%2], fmt.Sprint(i), time.Duration(i)*time.Hour)
		}
		whole, stop := w.settled()
		want := digests(t, whole)
		stop()

		w.elsewhere()
		log := w.journal.Log
		for cut := 1; cut < 200; cut += 13 {
			ctx, cancel := context.WithCancel(t.Context())
			w.journal.Log = &cutLog{Log: log, left: cut, cut: cancel}
			set := w.open()
			set.Run(ctx)
			if err := set.Close(); err != nil {
				t.Fatal(err)
			}
		}
		w.journal.Log = log
		set, _ := w.settled()
		if diff := cmp.Diff(want, digests(t, set)); diff != "" {
			t.Errorf("after all the cuts: %s", diff)
		}
	})
}

// cutLog ends the run when a follower has taken some events, or all followers
// have taken all.
type cutLog struct {
	events.Log
	left     int
	cut      context.CancelFunc
	finished atomic.Int32
}

func (c *cutLog) Follow(ctx context.Context, after events.Position, filter events.Filter) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		left := c.left
		for recorded, err := range c.Log.Follow(ctx, after, filter) {
			if left--; left == 0 || recorded.IsMark() && c.finished.Add(1) == 3 {
				c.cut()
			}
			if !yield(recorded, err) {
				return
			}
		}
	}
}

func digests(t testing.TB, set *projections.Set) map[string]string {
	t.Helper()
	status, err := set.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, projection := range status {
		digest, err := set.Digest(t.Context(), projection.Name)
		if err != nil {
			t.Fatal(err)
		}
		all[projection.Name] = digest
	}
	return all
}

func TestWaitIsBoundedByItsContext(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		set, _ := w.settled()
		reason := errors.New("too long")
		ctx, cancel := context.WithCancelCause(t.Context())
		waited := make(chan error)
		go func() { waited <- set.Wait(ctx, projections.UsersName, 1<<40) }()
		cancel(reason)
		if err := <-waited; !errors.Is(err, projections.ErrBehind) || !errors.Is(err, reason) {
			t.Errorf("of what never comes: %v", err)
		}

		next := make(chan error)
		tip, err := events.Tip(t.Context(), w.journal.Log)
		if err != nil {
			t.Fatal(err)
		}
		go func() { next <- set.Wait(t.Context(), projections.UsersName, tip+1) }()
		w.register(ann, "ann", "messenger", 0)
		if err := <-next; err != nil {
			t.Errorf("of what comes: %v", err)
		}
		if _, err := set.Users.Get(t.Context(), ann); err != nil {
			t.Errorf("after waiting: %v", err)
		}
		if err := set.Wait(t.Context(), "nothing", 1); !errors.Is(err, projections.ErrNotFound) {
			t.Errorf("of no projection: %v", err)
		}
	})
}

func TestStatusOfCaughtUpViews(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		before := w.open()
		w.register(ann, "ann", "messenger", 0)
		if status := w.status(before, projections.UsersName); status.State != projections.CatchingUp || status.Lag == 0 {
			t.Errorf("before it runs: %+v", status)
		}
		closing(t, before.Close)

		set, _ := w.settled()
		for _, name := range []string{projections.UsersName, projections.ConversationsName, projections.GrowthName,
			projections.MerchantsName, projections.OrdersName, projections.CasesName, projections.ReportsName} {
			status := w.status(set, name)
			if status.State != projections.Running || status.Lag != 0 || status.Failure != nil || status.Position < status.Tip {
				t.Errorf("%+v", status)
			}
		}
	})
}

// repeatingLog shows an event under another's id, as an event store may that
// took a writer's retry for a new event.
type repeatingLog struct {
	events.Log
	shown map[uuid.UUID]uuid.UUID
}

func (l *repeatingLog) Follow(ctx context.Context, after events.Position, filter events.Filter) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		for recorded, err := range l.Log.Follow(ctx, after, filter) {
			if id, repeats := l.shown[recorded.ID]; repeats {
				recorded.ID = id
			}
			if !yield(recorded, err) {
				return
			}
		}
	}
}

func TestRepeatedEventIsShownOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		log := &repeatingLog{Log: w.journal.Log, shown: make(map[uuid.UUID]uuid.UUID)}
		repeat := func(event events.Event) {
			id := newID()
			log.shown[id] = event.ID
			_, err := w.journal.Log.Append(t.Context(), event.Stream, events.Any, events.Proposed{
				ID: id, Type: event.Type, Data: event.Data, Metadata: event.Metadata,
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		keyed := func(key string) events.Cause {
			return events.Cause{Actor: ann.String(), OccurredAt: morning, IdempotencyKey: key}
		}
		registered := w.append(events.UserStream(ann), keyed("r"), &events.UserRegistered{User: ann, Product: "p"})
		first := w.append(events.UserStream(ann), keyed("a"), &events.ProfileChanged{User: ann, DisplayName: events.Private("first")})
		w.append(events.UserStream(ann), keyed("b"), &events.ProfileChanged{User: ann, DisplayName: events.Private("second")})
		room := uuid.UUID{15: 9}
		started := w.append(events.ConversationStream(room), keyed("a"), &events.ConversationStarted{
			Conversation: room, Kind: events.Group, Starter: ann, Participants: []uuid.UUID{ann, bob},
		})
		added := w.append(events.ConversationStream(room), keyed("b"), &events.ParticipantAdded{Conversation: room, User: cyd, By: ann})
		w.leave(room, cyd, cyd, 0)
		posted := w.append(events.MessagesStream(room), keyed("b"), &events.MessagePosted{Conversation: room, Author: ann, Text: events.Private("once")})
		for _, event := range []events.Event{registered, first, started, added, posted} {
			repeat(event)
		}
		w.post(room, ann, "last", 1)
		w.journal.Log = log
		set, _ := w.settled()

		user, err := set.Users.Get(t.Context(), ann)
		if err != nil || user.DisplayName != "second" {
			t.Errorf("the user: %+v, %v", user, err)
		}
		page, err := set.Conversations.Page(t.Context(), room, projections.Range{Limit: 10})
		if err != nil || len(page.Messages) != 2 || page.Messages[0].Number != 2 || page.Messages[1].Text != "once" {
			t.Errorf("the messages: %+v, %v", page, err)
		}
		if is, err := set.Conversations.IsParticipant(t.Context(), room, cyd); is || err != nil {
			t.Errorf("who left is in: %v", err)
		}
		if got := unread(t, set, room, bob); got[0] != 2 {
			t.Errorf("unread is %d", got[0])
		}
		summary, err := set.Growth.Summary(t.Context(), morning.Add(-1), morning)
		if err != nil || summary.Users != 1 {
			t.Errorf("the summary: %+v, %v", summary, err)
		}
	})
}
