package events_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"

	"github.com/google/uuid"

	"parley/events"
)

// headcount is a small aggregate: how many people entered a room that holds
// so many.
func headcount(journal *events.Journal) *events.States[int] {
	return events.NewStates(journal, 8, func() int { return 0 },
		func(n int, fact events.Fact) int {
			if _, ok := fact.(*events.ParticipantAdded); ok {
				n++
			}
			return n
		})
}

var errFull = errors.New("full")

func enter(user uuid.UUID, capacity int) func(int) ([]events.Fact, error) {
	return func(n int) ([]events.Fact, error) {
		if n >= capacity {
			return nil, errFull
		}
		return []events.Fact{&events.ParticipantAdded{Conversation: room, User: user}}, nil
	}
}

func TestTransactKeepsARuleUnderContention(t *testing.T) {
	journal := newJournal(t, fixedKeys{})
	stream := events.ConversationStream(room)
	const capacity, people = 5, 12
	var admitted, refused, beaten int
	var mu sync.Mutex
	var group sync.WaitGroup
	for range people {
		states := headcount(journal) // as if each came by another server
		group.Go(func() {
			_, err := events.Transact(t.Context(), states, stream, events.Cause{}, enter(uuid.New(), capacity))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				admitted++
			case errors.Is(err, errFull):
				refused++
			case errors.Is(err, events.ErrConflict):
				beaten++
			default:
				t.Error(err)
			}
		})
	}
	group.Wait()
	if admitted+beaten < capacity || admitted > capacity || admitted+refused+beaten != people {
		t.Errorf("admitted %d, refused %d, beaten %d of %d into %d places", admitted, refused, beaten, people, capacity)
	}
}

func TestTransactDoesNothingWithoutFacts(t *testing.T) {
	journal := newJournal(t, fixedKeys{})
	written, err := events.Transact(t.Context(), headcount(journal), events.ConversationStream(room), events.Cause{},
		func(int) ([]events.Fact, error) { return nil, nil })
	if err != nil || len(written) != 0 {
		t.Errorf("wrote %d events, %v", len(written), err)
	}
	if tip := must[events.Position](t)(events.Tip(t.Context(), journal.Log)); tip != events.Beginning {
		t.Errorf("the log has events up to %d", tip)
	}
}

func TestTransactRepeatsAKeyedRequest(t *testing.T) {
	journal := newJournal(t, fixedKeys{})
	states := headcount(journal)
	stream := events.ConversationStream(room)
	cause := events.Cause{Actor: ada.String(), IdempotencyKey: "enter"}
	ask := func(user uuid.UUID) ([]events.Event, error) {
		return events.Transact(t.Context(), states, stream, cause, enter(user, 1))
	}
	first := must[[]events.Event](t)(ask(ada))
	// The room is full now: only as a repeat can it be answered as before.
	again := must[[]events.Event](t)(ask(ada))
	if again[0].ID != first[0].ID || again[0].Revision != first[0].Revision {
		t.Errorf("the repeat answered %v, the first %v", again[0].ID, first[0].ID)
	}
	if _, err := ask(bob); !errors.Is(err, events.ErrKeyReused) {
		t.Errorf("the key for somebody else: %v, want ErrKeyReused", err)
	}
}

func TestStatesReadOnlyWhatIsNew(t *testing.T) {
	journal := newJournal(t, fixedKeys{})
	counted := &countingLog{Log: journal.Log}
	journal.Log = counted
	states, others := headcount(journal), headcount(&events.Journal{Log: counted.Log, Keys: journal.Keys, Now: journal.Now, NewID: journal.NewID})
	stream := events.ConversationStream(room)
	for i := range 20 {
		writer := states
		if i%4 == 0 {
			writer = others
		}
		must[[]events.Event](t)(events.Transact(t.Context(), writer, stream, events.Cause{}, enter(uuid.New(), 100)))
		last, err := states.With(t.Context(), stream, func(n int) error {
			if n != i+1 {
				return fmt.Errorf("%d people, want %d", n, i+1)
			}
			return nil
		})
		if err != nil || last != events.At(uint64(i)) {
			t.Fatalf("revision %s, %v", last, err)
		}
	}
	if counted.read != 5 {
		t.Errorf("%d events were read, and 5 were written by others", counted.read)
	}
}

// countingLog counts the events read from a log.
type countingLog struct {
	events.Log
	read int
}

func (c *countingLog) Read(ctx context.Context, stream string, from uint64, direction events.Direction, limit int) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		for recorded, err := range c.Log.Read(ctx, stream, from, direction, limit) {
			c.read++
			if !yield(recorded, err) {
				return
			}
		}
	}
}
