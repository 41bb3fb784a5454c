package decide_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

func TestMute(t *testing.T) {
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	evening := noon.Add(6 * time.Hour)
	t.Run("for good", func(t *testing.T) {
		got, err := decide.Mute(given(group(ada, bob)), bob, nil, noon)
		when(t, got, err).then(&events.ConversationMuted{Conversation: room, User: bob})
	})
	t.Run("until a time, which is kept in UTC", func(t *testing.T) {
		there := evening.In(time.FixedZone("there", 3600))
		got, err := decide.Mute(given(group(ada, bob)), bob, &there, noon)
		when(t, got, err).then(&events.ConversationMuted{Conversation: room, User: bob, Until: &evening})
	})
	t.Run("not until now", func(t *testing.T) {
		got, err := decide.Mute(given(group(ada, bob)), bob, &noon, noon)
		when(t, got, err).thenRefused(decide.Invalid, "until")
	})
}

func TestPreferencesAreAParticipants(t *testing.T) {
	for name, p := range map[string]struct {
		prefer func(*decide.Conversation, uuid.UUID) ([]events.Fact, error)
		fact   events.Fact
	}{
		"unmute":    {decide.Unmute, &events.ConversationUnmuted{Conversation: room, User: bob}},
		"archive":   {decide.Archive, &events.ConversationArchived{Conversation: room, User: bob}},
		"unarchive": {decide.Unarchive, &events.ConversationUnarchived{Conversation: room, User: bob}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := p.prefer(given(group(ada, bob)), bob)
			when(t, got, err).then(p.fact)
		})
		t.Run(name+" is nothing to a stranger", func(t *testing.T) {
			got, err := p.prefer(given(group(ada, bob)), cleo)
			when(t, got, err).thenRefused(decide.Unknown, "")
		})
	}
	t.Run("mute is nothing to a stranger", func(t *testing.T) {
		got, err := decide.Mute(given(group(ada, bob)), cleo, nil, time.Time{})
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
}
