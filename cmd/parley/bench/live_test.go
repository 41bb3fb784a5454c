package bench

import (
	"fmt"
	"strings"
	"testing"
)

// TestAListenerHearsWhatIsNotTheNextMessage gives a listener of conversation 3
// streams that are to bring two messages and the one that ends the round.
func TestAListenerHearsWhatIsNotTheNextMessage(t *testing.T) {
	for _, c := range []struct {
		name   string
		stream []stamp
		heard  int
		fault  string
	}{
		{"all is well", []stamp{{1, 3, 0}, {2, 3, 1}, {3, 3, 2}}, 2, ""},
		{"one is missing", []stamp{{1, 3, 0}, {3, 3, 2}}, 1, "message 2 of conversation 3 came where message 1"},
		{"the first is missing", []stamp{{2, 3, 1}, {3, 3, 2}}, 0, "where message 0"},
		{"one comes twice", []stamp{{1, 3, 0}, {1, 3, 0}, {2, 3, 1}, {3, 3, 2}}, 1, "message 0 of conversation 3 came where message 1"},
		{"the last comes twice", []stamp{{1, 3, 0}, {2, 3, 1}, {2, 3, 1}, {3, 3, 2}}, 2, "where message 2"},
		{"two are exchanged", []stamp{{2, 3, 1}, {1, 3, 0}, {3, 3, 2}}, 0, "message 1 of conversation 3"},
		{"one is somebody else's", []stamp{{1, 3, 0}, {2, 4, 1}, {2, 3, 1}, {3, 3, 2}}, 1, "message 1 of conversation 4"},
		{"the stream ends", []stamp{{1, 3, 0}, {2, 3, 1}}, 2, "after 2 of 2 messages: EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stream strings.Builder
			for _, s := range c.stream {
				fmt.Fprintf(&stream, "5\r\n:\n\n\r\nid: 7\nevent: message\ndata: {\"text\":%q,\"number\":1}\n\n", s.text())
			}
			h := hear(strings.NewReader(stream.String()), 3, 2)
			if len(h.latencies) != c.heard {
				t.Errorf("heard %d, want %d", len(h.latencies), c.heard)
			}
			if (h.failure == nil) != (c.fault == "") || h.failure != nil && !strings.Contains(h.failure.Error(), c.fault) {
				t.Errorf("failed with %v, want %q", h.failure, c.fault)
			}
		})
	}
}

func TestEachRoomGetsItsTurn(t *testing.T) {
	for messages := range 20 {
		for rooms := 1; rooms < 7; rooms++ {
			counted := make([]int, rooms)
			for n := range messages {
				counted[n%rooms]++
			}
			for room, want := range counted {
				if got := inTurn(messages, rooms, room); got != want {
					t.Errorf("room %d of %d gets %d of %d messages, want %d", room, rooms, got, messages, want)
				}
			}
		}
	}
}
