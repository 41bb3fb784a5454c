package projections_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
)

// unread reads how many messages each of some participants has not read.
func unread(t *testing.T, set *projections.Set, room uuid.UUID, people ...uuid.UUID) []uint64 {
	t.Helper()
	var counts []uint64
	for _, user := range people {
		shown, err := set.Conversations.Get(t.Context(), room, user)
		if err != nil {
			t.Fatal(err)
		}
		counts = append(counts, shown.Unread)
	}
	return counts
}

func TestUnreadCountsAfterOnesOwnMarker(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		room := w.start(0, ann, bob)
		set, _ := w.run()
		steps := []struct {
			what string
			do   func()
			want []uint64 // ann's and bob's
		}{
			{"nothing said", func() {}, []uint64{0, 0}},
			{"ann posts twice", func() { w.post(room, ann, "1", 1); w.post(room, ann, "2", 2) }, []uint64{0, 2}},
			{"bob reads the first", func() { w.read(room, bob, 0, 3) }, []uint64{0, 1}},
			{"ann posts again", func() { w.post(room, ann, "3", 4) }, []uint64{0, 2}},
			{"bob reads further than there is", func() { w.read(room, bob, 99, 5) }, []uint64{0, 0}},
			{"bob's marker does not go back", func() { w.read(room, bob, 0, 6) }, []uint64{0, 0}},
			{"bob posts, which reads what was before", func() { w.post(room, ann, "4", 7); w.post(room, bob, "5", 8) }, []uint64{1, 0}},
			{"ann leaves and comes back", func() { w.leave(room, ann, ann, 9); w.join(room, ann, bob, 10) }, []uint64{0, 0}},
			{"a message after that", func() { w.post(room, bob, "6", 11) }, []uint64{1, 0}},
		}
		for _, step := range steps {
			step.do()
			w.catchUp(set)
			if got := unread(t, set, room, ann, bob); !cmp.Equal(got, step.want) {
				t.Errorf("%s: unread is %v, want %v", step.what, got, step.want)
			}
		}
	})
}

// markers reads how far each participant has come, as others see it: "2/3" has
// read up to 2 of what was delivered up to 3.
func markers(t *testing.T, set *projections.Set, room, viewer uuid.UUID) map[uuid.UUID]string {
	t.Helper()
	shown, err := set.Conversations.Get(t.Context(), room, viewer)
	if err != nil {
		t.Fatal(err)
	}
	text := func(number *uint64) string {
		if number == nil {
			return "-"
		}
		return fmt.Sprint(*number)
	}
	all := make(map[uuid.UUID]string)
	for _, p := range shown.Participants {
		all[p.UserID] = text(p.ReadUpTo) + "/" + text(p.DeliveredUpTo)
	}
	return all
}

func (w *world) deliver(conversation, user uuid.UUID, number uint64, after time.Duration) events.Event {
	w.t.Helper()
	return w.append(events.ReceiptsStream(conversation), by(user, after), &events.DeliveredUpTo{
		Conversation: conversation, User: user, Number: number,
	})
}

func TestMarkersAreShownAndNeverGoBack(t *testing.T) {
	for _, batch := range []int{1, 1000} {
		everywhere(t, func(t *testing.T, w *world) { testMarkers(t, w, batch) })
	}
}

func testMarkers(t *testing.T, w *world, batch int) {
	w.opts.BatchEvents = batch
	room := w.start(0, ann, bob)
	steps := []struct {
		what      string
		do        func()
		ann, bobs string
	}{
		{"a marker in an empty room", func() { w.read(room, bob, 0, 0); w.deliver(room, bob, 0, 0) }, "-/-", "-/-"},
		{"ann posts three", func() { w.post(room, ann, "0", 1); w.post(room, ann, "1", 2); w.post(room, ann, "2", 3) }, "2/2", "-/-"},
		{"the second reaches bob", func() { w.deliver(room, bob, 1, 4) }, "2/2", "-/1"},
		{"bob reads the first", func() { w.read(room, bob, 0, 5) }, "2/2", "0/1"},
		{"bob reads all, which was delivered then", func() { w.read(room, bob, 2, 6) }, "2/2", "2/2"},
		{"markers do not go back", func() { w.read(room, bob, 0, 7); w.deliver(room, bob, 1, 8) }, "2/2", "2/2"},
		{"nor beyond what was said", func() { w.read(room, bob, 99, 9) }, "2/2", "2/2"},
		{"bob posts", func() { w.post(room, bob, "3", 10) }, "2/2", "3/3"},
		{"bob leaves and comes back", func() { w.leave(room, bob, bob, 11); w.join(room, bob, ann, 12) }, "2/2", "-/-"},
		{"a marker of who is not there", func() { w.read(room, cyd, 2, 13) }, "2/2", "-/-"},
	}
	set, _ := w.run()
	for _, step := range steps {
		step.do()
		w.catchUp(set)
		if diff := cmp.Diff(map[uuid.UUID]string{ann: step.ann, bob: step.bobs}, markers(t, set, room, ann)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.what, diff)
		}
	}
}
