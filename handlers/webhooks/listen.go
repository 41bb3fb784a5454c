package webhooks

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/google/uuid"

	"parley/events"
)

// Heard is a delivery as a listener gets it: what a webhook would be sent.
type Heard struct {
	EventID uuid.UUID `json:"eventId"`
	// Signature and Signature256 are the headers X-Hub-Signature and
	// X-Hub-Signature-256 of the body.
	Signature    string `json:"signature"`
	Signature256 string `json:"signature256"`
	// Body is the raw body.
	Body string `json:"body"`

	// Position is the event's.
	Position events.Position `json:"-"`
}

// Listen yields what an app is told after a position, of all fields, until the
// context ends, whether the app has a webhook or not. It is a mirror for those
// who write the app: what happens while nobody listens is not kept for them.
func (e *Engine) Listen(ctx context.Context, app uuid.UUID, after events.Position) iter.Seq2[Heard, error] {
	return func(yield func(Heard, error) bool) {
		for recorded, err := range e.Journal.Log.Follow(ctx, after, events.Filter{StreamPrefixes: allPrefixes}) {
			var heard Heard
			told := false
			if err == nil && (toldFacts[recorded.Type] || accessFacts[recorded.Type] || strings.HasPrefix(recorded.Stream, "order-")) {
				heard, told, err = e.hear(ctx, app, recorded)
			}
			if (told || err != nil) && !yield(heard, err) || err != nil {
				return
			}
		}
	}
}

// hear makes of an event what the app is told of it, if it is.
func (e *Engine) hear(ctx context.Context, app uuid.UUID, recorded events.Recorded) (Heard, bool, error) {
	event, err := events.Decode(recorded)
	if err != nil {
		return Heard{}, false, err
	}
	conversation, ok := conversationOf(event.Fact)
	if !ok {
		return Heard{}, false, nil
	}
	reach, told, err := e.Commands.Reach(ctx, conversation, app)
	if !told || err != nil {
		return Heard{}, false, err
	}
	r := route{page: reach.Page, grants: reach.Grants, since: reach.Since, customer: reach.Customer, standby: reach.Standby}
	field, told := r.fieldFor(event)
	if !told {
		return Heard{}, false, nil
	}
	row := rowOf(event, notice{r, conversation, field})
	row.queued = e.Now().UnixMilli()
	body, err := e.compose(ctx, row)
	if errors.Is(err, errNothing) {
		return Heard{}, false, nil
	}
	if err != nil {
		return Heard{}, false, err
	}
	secrets, err := e.Commands.Secrets(ctx, app)
	if err != nil {
		return Heard{}, false, err
	}
	old, current := Signatures(secrets[0], body)
	return Heard{event.ID, old, current, string(body), recorded.Position}, true, nil
}
