package projections_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/projections"
)

func TestBlocksArePaged(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.register(ann, "ann", "messenger", 0)
		var want []projections.Block
		for i := range 5 {
			other := uuid.UUID{14: 1, 15: byte(9 - i)}
			w.append(events.UserStream(ann), by(ann, time.Duration(i)), &events.UserBlocked{User: ann, Blocked: other})
			want = append(want, projections.Block{UserID: other, BlockedAt: morning.Add(time.Duration(i))})
		}
		w.append(events.UserStream(bob), by(bob, 1), &events.UserBlocked{User: bob, Blocked: ann})
		w.append(events.UserStream(ann), by(ann, 9), &events.UserUnblocked{User: ann, Blocked: want[1].UserID})
		want = append(want[:1], want[2:]...)
		set, _ := w.settled()

		var got []projections.Block
		for after, pages := events.Position(0), 0; ; pages++ {
			page, err := set.Users.Blocks(t.Context(), ann, after, 3)
			if err != nil || pages > 1 {
				t.Fatalf("page %d: %v", pages, err)
			}
			got = append(got, page.Blocks...)
			if page.Next == nil {
				break
			}
			if _, err := fmt.Sscanf(*page.Next, "/v1/users/me/blocks?after=%d&limit=3", &after); err != nil {
				t.Fatalf("next is %q: %v", *page.Next, err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		for _, limit := range []int{0, projections.MaxPage + 1} {
			if _, err := set.Users.Blocks(t.Context(), ann, 0, limit); !errors.Is(err, projections.ErrRange) {
				t.Errorf("a page of %d: %v", limit, err)
			}
		}
	})
}
