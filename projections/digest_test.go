package projections_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"parley/events"
	"parley/events/pgtest"
	"parley/projections/views/viewstest"
)

// TestDigestDoesNotDependOnBatches rebuilds random histories in batches of
// several sizes.
func TestDigestDoesNotDependOnBatches(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, viewstest.SQLite)
		w.talk(rt)
		w.sameDigests(rt, viewstest.SQLite, viewstest.SQLite, viewstest.SQLite)
	})
}

// TestDigestDoesNotDependOnTheEngine rebuilds random histories on both.
func TestDigestDoesNotDependOnTheEngine(t *testing.T) {
	pgtest.Require(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, viewstest.SQLite)
		w.talk(rt)
		w.sameDigests(rt, viewstest.SQLite, viewstest.Postgres)
	})
}

// sameDigests rebuilds the views in places of the kinds given, each time in
// batches of another size.
func (w *world) sameDigests(rt *rapid.T, kinds ...viewstest.Kind) {
	var first map[string]string
	for i, kind := range kinds {
		w.place = kind(w.t)
		w.opts.BatchEvents = []int{1000, rapid.IntRange(2, 20).Draw(rt, "batch"), 1}[i]
		set, stop := w.settled()
		got := digests(w.t, set)
		stop()
		if first == nil {
			first = got
		}
		if diff := cmp.Diff(first, got); diff != "" {
			rt.Fatalf("in batches of %d: %s", w.opts.BatchEvents, diff)
		}
	}
}

// talk writes a random history of a few people in two rooms, and returns them.
func (w *world) talk(rt *rapid.T) []uuid.UUID {
	people := []uuid.UUID{ann, bob, cyd}
	for i, user := range people {
		w.register(user, fmt.Sprint("user", i), "messenger", time.Duration(i))
	}
	w.bringApp(ann)
	rooms := []uuid.UUID{w.start(0, ann, bob), w.start(0, bob, cyd)}
	w.talkIn(rt, people, rooms)
	return rooms
}

// talkIn writes a random history of some people in some rooms.
func (w *world) talkIn(rt *rapid.T, people, rooms []uuid.UUID) {
	steps := rapid.IntRange(0, 60).Draw(rt, "steps")
	for i := range steps {
		user := rapid.SampledFrom(people).Draw(rt, "user")
		room := rapid.SampledFrom(rooms).Draw(rt, "room")
		after := time.Duration(rapid.IntRange(0, 1000).Draw(rt, "hours")) * time.Hour
		number := uint64(rapid.IntRange(0, 30).Draw(rt, "number"))
		switch rapid.IntRange(0, 24).Draw(rt, "what") {
		case 21:
			w.forward(room, user, rapid.SampledFrom(people).Draw(rt, "writer"), fmt.Sprint(i), after)
		case 22:
			w.attach(room, user, fmt.Sprint("file", i%3), after)
		case 23:
			w.share(room, fmt.Sprint("file", i%3), after)
		case 24:
			w.appComesOrGoes(room, user, i%2 == 0, after)
		case 18, 19:
			w.archive(room, user)
		case 20:
			w.prefer(room, user, &events.ConversationUnarchived{Conversation: room, User: user})
		case 15:
			w.deliver(room, user, number, after)
		case 16:
			role := rapid.SampledFrom([]events.Role{events.Owner, events.Admin, events.Member}).Draw(rt, "role")
			w.setRole(room, user, user, role, after)
		case 17:
			w.append(events.ConversationStream(room), by(user, after), &events.ConversationRenamed{Conversation: room, Title: events.Private(fmt.Sprint(i)), By: user})
		case 0:
			w.join(room, user, user, after)
		case 1:
			w.leave(room, user, user, after)
		case 2, 3:
			w.read(room, user, number, after)
		case 4:
			w.append(events.UserStream(user), by(user, after), &events.ProfileChanged{User: user, DisplayName: events.Private(fmt.Sprint(i))})
		case 5: // a number without a message
			w.raw(events.MessagesStream(room), events.Proposed{Type: "Another", Data: []byte("{}"), Metadata: []byte(goodMetadata)})
		case 6:
			w.edit(room, user, number, fmt.Sprint("edit ", i), after)
		case 7:
			w.retract(room, user, number, after)
		case 8:
			w.react(room, user, number, rapid.SampledFrom([]string{"👍", "❤", "❤\ufe0f"}).Draw(rt, "emoji"), after)
		case 9:
			w.unreact(room, user, number, "❤", after)
		case 10:
			w.append(events.ConversationStream(room), by(user, after), &events.MessagePinned{Conversation: room, Number: number, By: user})
		default:
			w.post(room, user, fmt.Sprint(i), after)
		}
	}
}
