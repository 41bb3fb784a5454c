package events_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"parley/events"
)

// welcome has somebody greet each who enters, under an id made of the event's.
func welcome(host uuid.UUID) events.Consequence {
	return func(written []events.Event) (string, []events.Entry) {
		var entries []events.Entry
		for _, event := range written {
			cause := events.Cause{Causation: event.ID.String(), IdempotencyKey: "welcome " + event.ID.String()}
			entries = append(entries, events.Entry{Cause: cause, Fact: says(host, "welcome")})
		}
		return events.MessagesStream(room), entries
	}
}

// serial is a log that has no commit of several streams.
type serial struct {
	events.Log
	left int // appends until it fails
}

func (s *serial) Append(ctx context.Context, stream string, expected events.Expected, proposed ...events.Proposed) (events.Appended, error) {
	if s.left--; s.left < 0 {
		return events.Appended{}, events.Unavailable(errors.New("out of reach"))
	}
	return s.Log.Append(ctx, stream, expected, proposed...)
}

// streams are those of the log's events, in order.
func streams(t *testing.T, log events.Log) (names []string) {
	t.Helper()
	for recorded, err := range log.ReadAll(t.Context(), events.Beginning, events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, recorded.Stream)
	}
	return names
}

func TestAnEventAndItsConsequenceAreOneCommit(t *testing.T) {
	rooms, messages := events.ConversationStream(room), events.MessagesStream(room)
	for _, try := range []struct {
		name string
		// appends is how many a log without commits of several streams takes;
		// -1 is a log that has them.
		appends int
		host    uuid.UUID
		failure error
		written []string
	}{
		{"together", -1, ada, nil, []string{rooms, messages}},
		{"one after the other", 2, ada, nil, []string{rooms, messages}},
		{"broken off between the two", 1, ada, events.ErrUnavailable, []string{rooms}},
		{"broken off before", 0, ada, events.ErrUnavailable, nil},
		{"a consequence that cannot be", -1, bob, events.ErrForgotten, []string{rooms}},
	} {
		t.Run(try.name, func(t *testing.T) {
			journal := newJournal(t, fixedKeys{forgotten: []uuid.UUID{bob}})
			whole := journal.Log
			if try.appends >= 0 {
				journal.Log = &serial{whole, try.appends}
			}
			states := headcount(journal)
			cause := events.Cause{Actor: ada.String(), IdempotencyKey: "enter"}
			enters := func() ([]events.Event, []events.Event, error) {
				return events.TransactThen(t.Context(), states, rooms, cause, enter(ada, 1), welcome(try.host))
			}
			written, led, err := enters()
			if !errors.Is(err, try.failure) || len(written) != min(len(try.written), 1) || len(led) != max(len(try.written)-1, 0) {
				t.Errorf("%d events, %d that follow, %v", len(written), len(led), err)
			}
			if found := streams(t, whole); !slices.Equal(found, try.written) {
				t.Errorf("the log has %q", found)
			}
			if try.host == bob || len(try.written) == 0 {
				return
			}
			// A repeat answers as the first, and makes good what was broken off.
			journal.Log = whole
			again, follows, err := enters()
			if err != nil || again[0].ID != written[0].ID || len(follows) != 1 || follows[0].Meta.Causation != written[0].ID.String() {
				t.Errorf("the repeat gave %v and %v, %v", again, follows, err)
			}
			if found := streams(t, whole); !slices.Equal(found, []string{rooms, messages}) {
				t.Errorf("after the repeat the log has %q", found)
			}
		})
	}
}
