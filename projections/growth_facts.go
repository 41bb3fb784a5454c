package projections

import (
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
	erased     *erasure
}

type registration struct {
	id      uuid.UUID
	user    uuid.UUID
	product string
	at      time.Time
}

type erasure struct {
	user uuid.UUID
	at   time.Time
}

// factStreams are the streams whose facts count as activity: all but handle
// claims, which come with a registration.
var factStreams = []string{
	"user-", "conversation-", "messages-", "receipts-", "app-", "merchant-", "order-", "case-",
}

var (
	registeredType = events.TypeOf(new(events.UserRegistered))
	erasedType     = events.TypeOf(new(events.UserErased))
)

// prepare decodes metadata only, but for registrations and erasures, and opens
// no personal value.
func (g *Growth) prepare(_ context.Context, recorded events.Recorded) (growthFact, bool, error) {
	switch recorded.Type {
	case registeredType:
		return prepareRegistration(recorded)
	case erasedType:
		return prepareErasure(recorded)
	}
	if len(recorded.Metadata) == 0 {
		return growthFact{}, false, nil // another program's event
	}
	actor, at, err := events.ActorAndTime(recorded.Metadata)
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

func prepareErasure(recorded events.Recorded) (growthFact, bool, error) {
	event, err := events.Decode(recorded)
	if err != nil {
		return growthFact{}, false, err
	}
	at := event.Meta.OccurredAt
	return growthFact{
		actor:  userID([]byte(event.Meta.Actor)),
		day:    dayOf(at),
		erased: &erasure{event.Fact.(*events.UserErased).User, at},
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
