package projections_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
	"parley/projections/views/viewstest"
)

// TestReadersOfAHotRoomSeeWhatTheyWaitedFor lets many read one page over and
// over while messages come: after waiting for a message, a page has it.
func TestReadersOfAHotRoomSeeWhatTheyWaitedFor(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		room := w.start(0, ann, bob)
		set, _ := w.run()
		w.catchUp(set)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()

		var readers sync.WaitGroup
		done := make(chan struct{})
		for range 4 {
			readers.Go(func() { readUntil(t, done, set, room) })
		}
		for i := range 40 {
			posted := w.post(room, ann, fmt.Sprint(i), time.Duration(i))
			if err := set.Wait(ctx, projections.ConversationsName, posted.Position); err != nil {
				t.Fatal(err)
			}
			if got := newestShown(t, set, room); got < posted.Revision {
				t.Errorf("after message %d was applied, the page ends with %d", posted.Revision, got)
			}
		}
		close(done)
		readers.Wait()
	})
}

// readUntil reads the newest page, in which numbers never go back.
func readUntil(t *testing.T, done <-chan struct{}, set *projections.Set, room uuid.UUID) {
	for last := uint64(0); ; {
		select {
		case <-done:
			return
		default:
		}
		number := newestShown(t, set, room)
		if number < last {
			t.Errorf("message %d was shown, and then %d was the newest", last, number)
		}
		last = number
	}
}

func newestShown(t *testing.T, set *projections.Set, room uuid.UUID) uint64 {
	body, err := set.Conversations.PageJSON(t.Context(), room, bob, projections.Range{Limit: 3})
	if err != nil {
		t.Error(err)
		return 0
	}
	var page projections.Page
	if err := json.Unmarshal(body.Body, &page); err != nil {
		t.Errorf("%s: %v", body.Body, err)
	}
	if len(page.Messages) == 0 {
		return 0
	}
	return page.Messages[0].Number
}

// TestMessageCostsTheSameInAnyRoom compares what is written to disk for a
// message to ten thousand people with one to two.
func TestMessageCostsTheSameInAnyRoom(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, viewstest.SQLiteIn(dir))
	crowd := make([]uuid.UUID, 10_000)
	for i := range crowd {
		crowd[i] = newID()
	}
	small, large := w.start(0, ann, bob), w.start(0, append(crowd, ann)...)
	_, stop := w.settled()
	stop()

	cost := func(room uuid.UUID) int64 {
		set, stop := w.settled()
		defer stop()
		before := written(t, dir)
		for i := range 10 {
			w.post(room, ann, "hello", time.Duration(i))
			w.catchUp(set)
		}
		return written(t, dir) - before
	}
	toTwo, toAll := cost(small), cost(large)
	if toTwo == 0 || toAll > 2*toTwo {
		t.Errorf("ten messages write %d bytes to two people, %d to %d", toTwo, toAll, len(crowd)+1)
	}
	set, _ := w.settled()
	if got := unread(t, set, large, crowd[0], ann); got[0] != 10 || got[1] != 0 {
		t.Errorf("unread is %v", got)
	}
}

// written is how many bytes the view's write-ahead log has.
func written(t *testing.T, dir string) int64 {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "conversations.*-wal"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("write-ahead logs: %v, %v", logs, err)
	}
	info, err := os.Stat(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func BenchmarkPageJSON(b *testing.B) {
	w := newWorld(b, viewstest.SQLite)
	room := w.start(0, ann, bob)
	facts := make([]events.Fact, 100)
	for i := range facts {
		facts[i] = &events.MessagePosted{Conversation: room, Author: ann, Text: events.Private("The quick brown fox jumps over the lazy dog.")}
	}
	w.append(events.MessagesStream(room), by(ann, 0), facts...)
	set, _ := w.settled()
	before := uint64(90)
	for name, r := range map[string]projections.Range{"newest": {Limit: 50}, "before": {Before: &before, Limit: 50}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := set.Conversations.PageJSON(b.Context(), room, bob, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
