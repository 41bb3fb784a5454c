package importer

import (
	"strings"
	"testing"

	"parley/events"
	"parley/events/decide"
)

func TestCutKeepsAppendsBelowTheLimit(t *testing.T) {
	long := strings.Repeat("é", decide.MaxText)
	for name, text := range map[string]string{"short": "hello", "long": long, "huge": strings.Repeat(long, 12)} {
		group := make([]posting, 1000)
		for i := range group {
			group[i] = posting{text: text, origin: origin{number: i}}
		}
		next := 0
		for rest := group; len(rest) > 0; {
			var batch []posting
			batch, rest = cut(rest)
			if len(batch) == 0 || len(batch) > batchPostings {
				t.Fatalf("%s: a batch of %d", name, len(batch))
			}
			// A sealed text is a third longer in base64; the rest of an event
			// is below 1 KiB.
			if size := len(batch) * (len(text)*4/3 + 1<<10); len(batch) > 1 && size > events.MaxAppendBytes {
				t.Fatalf("%s: a batch of %d is %d bytes", name, len(batch), size)
			}
			for _, p := range batch {
				if p.origin.number != next {
					t.Fatalf("%s: line %d came in place of %d", name, p.origin.number, next)
				}
				next++
			}
		}
		if next != len(group) {
			t.Errorf("%s: %d of %d postings came out", name, next, len(group))
		}
	}
}

func TestGatherKeepsEachConversationsOrder(t *testing.T) {
	tea, coffee := new(conversation), new(conversation)
	queue := make(chan posting, 4)
	for i, c := range []*conversation{coffee, tea, coffee, tea} {
		queue <- posting{conversation: c, origin: origin{number: i + 1}}
	}
	lane := lane{postings: queue}
	groups := lane.gather(posting{conversation: tea})
	if len(groups) != 2 {
		t.Fatalf("two conversations gave %d groups", len(groups))
	}
	for i, want := range [][]int{{0, 2, 4}, {1, 3}} {
		var got []int
		for _, p := range groups[i] {
			got = append(got, p.origin.number)
		}
		mustEqual(t, want, got)
	}
}
