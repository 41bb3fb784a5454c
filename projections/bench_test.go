package projections_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
	"parley/projections/views/viewstest"
)

// history is a log to rebuild views from: people who register over a year and
// talk in rooms of their own size.
type history struct {
	*world
	people []uuid.UUID
	rooms  []uuid.UUID
	size   int
}

const (
	historyPeople = 2_000
	historyRooms  = 500
)

// newHistory writes a history of messages. With keyed, every message has an
// idempotency key, as imported ones do.
func newHistory(b *testing.B, messages int, keyed bool) *history {
	h := &history{world: newWorld(b, viewstest.SQLite), size: messages}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range historyPeople {
		h.people = append(h.people, newID())
		h.register(h.people[i], fmt.Sprint("user", i), []string{"messenger", "shop"}[i%2], 0)
	}
	for range historyRooms {
		var crew []uuid.UUID
		for _, i := range random.Perm(historyPeople)[:2+random.IntN(20)] {
			crew = append(crew, h.people[i])
		}
		h.rooms = append(h.rooms, h.start(0, crew...))
	}
	for i := 0; i < messages; i += 20 {
		author := h.people[random.IntN(historyPeople)]
		room := h.rooms[random.IntN(historyRooms)]
		cause := by(author, time.Duration(i)*365*24*time.Hour/time.Duration(messages))
		if keyed {
			cause.IdempotencyKey = fmt.Sprint(i)
		}
		facts := make([]events.Fact, 20)
		for j := range facts {
			facts[j] = &events.MessagePosted{Conversation: room, Author: author, Text: events.Private("The quick brown fox jumps over the lazy dog, and so on and so forth.")}
		}
		h.append(events.MessagesStream(room), cause, facts...)
	}
	return h
}

// rebuild fills one view from the begin, and reports events a second.
func (h *history) rebuild(b *testing.B, name string) {
	for b.Loop() {
		h.elsewhere()
		set, stop := h.run()
		h.catchUp(set)
		stop()
	}
	b.ReportMetric(float64(h.size*b.N)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkRebuild(b *testing.B) {
	for _, keyed := range []bool{false, true} {
		h := newHistory(b, 200_000, keyed)
		for _, name := range []string{projections.GrowthName, projections.ConversationsName} {
			b.Run(fmt.Sprintf("%s/keyed=%v", name, keyed), func(b *testing.B) {
				h.t = b
				h.opts.Only = []string{name}
				h.rebuild(b, name)
			})
		}
	}
}

// BenchmarkRebuildChanges rebuilds messages that were given emoji and edited
// as people do: while the talk goes on.
func BenchmarkRebuildChanges(b *testing.B) {
	h := newHistory(b, 50_000, false)
	random := rand.New(rand.NewPCG(3, 4))
	tips := make(map[uuid.UUID]uint64)
	for range 5_000 {
		room, author := h.rooms[random.IntN(historyRooms)], h.people[random.IntN(historyPeople)]
		var facts []events.Fact
		for range 10 {
			number := tips[room] - min(tips[room], random.Uint64N(20))
			facts = append(facts,
				&events.ReactionAdded{Conversation: room, Number: number, User: h.people[random.IntN(historyPeople)], Emoji: "👍"},
				&events.MessageEdited{Conversation: room, Number: number, By: author, Text: events.Private("Never mind.")},
				&events.MessagePosted{Conversation: room, Author: author, Text: events.Private("The quick brown fox jumps over the lazy dog.")})
		}
		tips[room] = h.append(events.MessagesStream(room), by(author, 0), facts...).Revision
		h.size += len(facts)
	}
	h.opts.Only = []string{projections.ConversationsName}
	h.rebuild(b, projections.ConversationsName)
}

// BenchmarkInbox reads the newest 50 of the 1,000 conversations that two people
// have each, in all of which the same friend speaks.
func BenchmarkInbox(b *testing.B) {
	w := newWorld(b, viewstest.SQLite)
	friend, people := newID(), []uuid.UUID{newID(), newID()}
	for i := range 2000 {
		room := w.start(0, people[i%len(people)], friend)
		for n := range 2 {
			w.post(room, friend, "The quick brown fox jumps over the lazy dog, and so on and so forth.", time.Duration(i+n*7919%2000)*time.Second)
		}
	}
	w.opts.Only = []string{projections.ConversationsName}
	set, _ := w.run()
	w.catchUp(set)
	for turn := 0; b.Loop(); turn++ {
		if _, err := set.Conversations.Inbox(b.Context(), people[turn%len(people)], false, "", 50); err != nil {
			b.Fatal(err)
		}
	}
}
