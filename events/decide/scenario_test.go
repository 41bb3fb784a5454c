package decide_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

var (
	ada  = uuid.MustParse("00000000-0000-7000-8000-00000000000a")
	bob  = uuid.MustParse("00000000-0000-7000-8000-00000000000b")
	cleo = uuid.MustParse("00000000-0000-7000-8000-00000000000c")
	room = uuid.MustParse("00000000-0000-7000-8000-0000000000aa")
)

// given folds what happened, so that a decision can be asked of it.
func given(past ...events.Fact) *decide.Conversation {
	c := decide.NewConversation()
	for _, fact := range past {
		c = decide.EvolveConversation(c, fact)
	}
	return c
}

// outcome is what a decision came to.
type outcome struct {
	t     *testing.T
	facts []events.Fact
	err   error
}

func when(t *testing.T, facts []events.Fact, err error) outcome {
	t.Helper()
	return outcome{t, facts, err}
}

func (o outcome) then(want ...events.Fact) {
	o.t.Helper()
	if o.err != nil {
		o.t.Fatalf("refused: %v", o.err)
	}
	if diff := cmp.Diff(want, o.facts, cmpopts.IgnoreUnexported(events.Secret{}), cmpopts.EquateEmpty()); diff != "" {
		o.t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func (o outcome) thenRefused(kind decide.Kind, field string) {
	o.t.Helper()
	var refusal *decide.Refusal
	if !errors.As(o.err, &refusal) {
		o.t.Fatalf("got facts %v and error %v, want a refusal", o.facts, o.err)
	}
	if refusal.Kind != kind || refusal.Field != field {
		o.t.Errorf("refused with kind %d, field %q (%v); want kind %d, field %q", refusal.Kind, refusal.Field, refusal, kind, field)
	}
	if len(o.facts) > 0 {
		o.t.Errorf("a refusal came with facts: %v", o.facts)
	}
}

func group(people ...uuid.UUID) *events.ConversationStarted {
	return &events.ConversationStarted{
		Conversation: room, Kind: events.Group, Starter: people[0], Participants: people,
		Title: events.Private("friends"),
	}
}

func direct(a, b uuid.UUID) *events.ConversationStarted {
	return &events.ConversationStarted{
		Conversation: events.DirectID(a, b), Kind: events.Direct, Starter: a, Participants: []uuid.UUID{a, b},
	}
}

// role is the fact that ada gave somebody a role in the room.
func role(user uuid.UUID, role events.Role) *events.ParticipantRoleChanged {
	return &events.ParticipantRoleChanged{Conversation: room, User: user, Role: role, By: ada}
}
