package decide_test

import (
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

func TestMarkers(t *testing.T) {
	for name, marker := range map[string]struct {
		mark func(*decide.Conversation, uuid.UUID, uint64, bool) ([]events.Fact, error)
		fact events.Fact
	}{
		"read":      {decide.MarkRead, &events.ReadUpTo{Conversation: room, User: bob, Number: 4}},
		"delivered": {decide.MarkDelivered, &events.DeliveredUpTo{Conversation: room, User: bob, Number: 4}},
	} {
		t.Run(name+" so far", func(t *testing.T) {
			got, err := marker.mark(given(group(ada, bob)), bob, 4, true)
			when(t, got, err).then(marker.fact)
		})
		t.Run(name+", but not what was never said", func(t *testing.T) {
			got, err := marker.mark(given(group(ada, bob)), bob, 4, false)
			when(t, got, err).thenRefused(decide.Invalid, "upTo")
		})
		t.Run("nothing is "+name+" by a stranger", func(t *testing.T) {
			got, err := marker.mark(given(group(ada, bob)), cleo, 4, true)
			when(t, got, err).thenRefused(decide.Unknown, "")
		})
	}
}
