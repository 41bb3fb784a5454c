package projections

import (
	"bytes"
	"context"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// growthFact is all that growth needs of an event: who did something when, and
// if somebody registered, who.
type growthFact struct {
	actor      uuid.UUID // Nil if it is not a user
	day        int32     // since 1970-01-01 UTC
	registered *registration
}

type registration struct {
	id      uuid.UUID
	user    uuid.UUID
	product string
	at      time.Time
}

// factStreams are the streams whose facts count as activity: all but handle
// claims, which come with a registration.
var factStreams = []string{
	"user-", "conversation-", "messages-", "receipts-", "app-", "merchant-", "order-", "case-",
}

var registeredType = events.TypeOf(new(events.UserRegistered))

// prepare decodes metadata only, but for registrations, and opens no personal
// value.
func (g *Growth) prepare(_ context.Context, recorded events.Recorded) (growthFact, bool, error) {
	if recorded.Type == registeredType {
		return prepareRegistration(recorded)
	}
	if len(recorded.Metadata) == 0 {
		return growthFact{}, false, nil // another program's event
	}
	actor, at, err := actorAndTime(recorded.Metadata)
	if err != nil {
		return growthFact{}, false, err
	}
	fact := growthFact{actor: userID(actor), day: dayOf(at)}
	return fact, fact.actor != uuid.Nil, nil
}

func prepareRegistration(recorded events.Recorded) (growthFact, bool, error) {
	event, err := events.Decode(recorded)
	if err != nil {
		return growthFact{}, false, err
	}
	at := event.Meta.OccurredAt
	fact := event.Fact.(*events.UserRegistered)
	return growthFact{
		actor:      userID([]byte(event.Meta.Actor)),
		day:        dayOf(at),
		registered: &registration{event.ID, fact.User, fact.Product, at},
	}, true, nil
}

// userID is the user an actor is, or Nil.
func userID(actor []byte) uuid.UUID {
	if len(actor) != len("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") {
		return uuid.Nil
	}
	id, err := uuid.ParseBytes(actor)
	if err != nil {
		return uuid.Nil
	}
	return id
}

// actorAndTime reads two fields of an event's metadata. In the form in which
// facts are written it needs a tenth of the time of events.DecodeMetadata, to
// which it leaves every other form.
func actorAndTime(metadata []byte) (actor []byte, at time.Time, err error) {
	if actor, at, ok := writtenForm(metadata); ok {
		return actor, at, nil
	}
	meta, err := events.DecodeMetadata(metadata)
	return []byte(meta.Actor), meta.OccurredAt, err
}

// writtenForm reads metadata that is exactly as encoding/json writes it, if no
// string in it needs unescaping.
func writtenForm(metadata []byte) (actor []byte, at time.Time, ok bool) {
	rest, ok := bytes.CutPrefix(metadata, []byte{'{'})
	if !ok {
		return nil, at, false
	}
	for _, optional := range []string{`"$correlationId":"`, `"$causationId":"`} {
		if len(rest) > len(optional) && string(rest[:len(optional)]) == optional {
			if _, rest, ok = plainString(rest[len(optional):]); !ok {
				return nil, at, false
			}
		}
	}
	if rest, ok = cut(rest, `"actor":"`); !ok {
		return nil, at, false
	}
	if actor, rest, ok = plainString(rest); !ok {
		return nil, at, false
	}
	if rest, ok = cut(rest, `"occurredAt":"`); !ok {
		return nil, at, false
	}
	stamp, rest, ok := plainString(rest)
	if !ok || at.UnmarshalText(stamp) != nil {
		return nil, at, false
	}
	if rest, ok = cut(rest, `"v":`); !ok {
		return nil, at, false
	}
	return actor, at, len(rest) == 2 && rest[0] >= '1' && rest[0] <= '9' && rest[1] == '}'
}

func cut(rest []byte, prefix string) ([]byte, bool) {
	if len(rest) < len(prefix) || string(rest[:len(prefix)]) != prefix {
		return nil, false
	}
	return rest[len(prefix):], true
}

// plainString reads up to the quote and comma that end a string without
// escapes and beyond ASCII.
func plainString(rest []byte) (value, after []byte, ok bool) {
	for i, c := range rest {
		switch {
		case c == '"':
			if i+1 < len(rest) && rest[i+1] == ',' {
				return rest[:i], rest[i+2:], true
			}
			return nil, nil, false
		case c == '\\' || c < ' ' || c >= 0x80:
			return nil, nil, false
		}
	}
	return nil, nil, false
}
