package projections

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/live"
)

// ControlData is the data of an event control: somebody else answers a
// merchant's customer now, or an app asks to. Who it is is read from the
// conversation's control.
type ControlData struct {
	ConversationID uuid.UUID `json:"conversationId"`
}

var handovers = map[string]bool{
	events.TypeOf(new(events.ThreadControlPassed)):    true,
	events.TypeOf(new(events.ThreadControlTaken)):     true,
	events.TypeOf(new(events.ThreadControlRequested)): true,
}

// tellControl has the agents who show a thread read anew who answers in it. The
// customer is not told.
func (f *Feed) tellControl(ctx context.Context, recorded events.Recorded, conversation uuid.UUID) error {
	audience, err := f.views.Conversations.audience(ctx, conversation)
	if err != nil || f.hub.PassUnheard(recorded.Position, conversation, audience) {
		return err
	}
	customers, err := f.views.Conversations.Members(ctx, conversation)
	if err != nil {
		return err
	}
	out := make(map[uuid.UUID]bool, len(customers))
	for customer := range customers {
		out[customer] = true
	}
	data, err := json.Marshal(ControlData{conversation})
	if err == nil {
		f.hub.Signal([]uuid.UUID{conversation}, audience, out, live.NewFrame(0, "control", data))
	}
	return err
}
