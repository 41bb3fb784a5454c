package decide_test

import (
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

func TestAddParticipant(t *testing.T) {
	t.Run("a participant brings a friend", func(t *testing.T) {
		got, err := decide.AddParticipant(given(group(ada, bob)), bob, cleo)
		when(t, got, err).then(&events.ParticipantAdded{Conversation: room, User: cleo, By: bob})
	})
	t.Run("who is in is in", func(t *testing.T) {
		got, err := decide.AddParticipant(given(group(ada, bob)), ada, bob)
		when(t, got, err).then()
	})
	t.Run("a stranger is told nothing", func(t *testing.T) {
		got, err := decide.AddParticipant(given(group(ada, bob)), cleo, cleo)
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("nor about a conversation that is not there", func(t *testing.T) {
		got, err := decide.AddParticipant(given(), ada, cleo)
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("a direct conversation stays between two", func(t *testing.T) {
		got, err := decide.AddParticipant(given(direct(ada, bob)), ada, cleo)
		when(t, got, err).thenRefused(decide.Taken, "")
	})
	t.Run("a full group is full", func(t *testing.T) {
		people := crowd(decide.MaxParticipants)
		got, err := decide.AddParticipant(given(group(people...)), people[0], cleo)
		when(t, got, err).thenRefused(decide.Taken, "userId")
	})
}

func TestRemoveParticipant(t *testing.T) {
	t.Run("who wants to leaves", func(t *testing.T) {
		got, err := decide.RemoveParticipant(given(group(ada, bob)), bob, bob)
		when(t, got, err).then(&events.ParticipantRemoved{Conversation: room, User: bob, By: bob})
	})
	t.Run("the owner removes", func(t *testing.T) {
		got, err := decide.RemoveParticipant(given(group(ada, bob)), ada, bob)
		when(t, got, err).then(&events.ParticipantRemoved{Conversation: room, User: bob, By: ada})
	})
	t.Run("members do not", func(t *testing.T) {
		got, err := decide.RemoveParticipant(given(group(ada, bob, cleo)), bob, cleo)
		when(t, got, err).thenRefused(decide.Forbidden, "")
	})
	t.Run("an admin removes members", func(t *testing.T) {
		got, err := decide.RemoveParticipant(given(group(ada, bob, cleo), role(bob, events.Admin)), bob, cleo)
		when(t, got, err).then(&events.ParticipantRemoved{Conversation: room, User: cleo, By: bob})
	})
	t.Run("but not the owner", func(t *testing.T) {
		got, err := decide.RemoveParticipant(given(group(ada, bob, cleo), role(bob, events.Admin)), bob, ada)
		when(t, got, err).thenRefused(decide.Forbidden, "")
	})
	t.Run("nor another admin", func(t *testing.T) {
		c := given(group(ada, bob, cleo), role(bob, events.Admin), role(cleo, events.Admin))
		got, err := decide.RemoveParticipant(c, bob, cleo)
		when(t, got, err).thenRefused(decide.Forbidden, "")
	})
	t.Run("whom the owner removes", func(t *testing.T) {
		got, err := decide.RemoveParticipant(given(group(ada, bob), role(bob, events.Admin)), ada, bob)
		when(t, got, err).then(&events.ParticipantRemoved{Conversation: room, User: bob, By: ada})
	})
	t.Run("who is gone is gone", func(t *testing.T) {
		c := given(group(ada, bob), &events.ParticipantRemoved{Conversation: room, User: bob, By: bob})
		got, err := decide.RemoveParticipant(c, ada, bob)
		when(t, got, err).then()
	})
	t.Run("who left and was added again is in", func(t *testing.T) {
		c := given(group(ada, bob),
			&events.ParticipantRemoved{Conversation: room, User: bob, By: bob},
			&events.ParticipantAdded{Conversation: room, User: bob, By: ada})
		got, err := decide.RemoveParticipant(c, bob, bob)
		when(t, got, err).then(&events.ParticipantRemoved{Conversation: room, User: bob, By: bob})
	})
}

func TestTheOwnerLeaves(t *testing.T) {
	gone := &events.ParticipantRemoved{Conversation: room, User: ada, By: ada}
	ownedBy := func(heir uuid.UUID) events.Fact {
		return &events.ParticipantRoleChanged{Conversation: room, User: heir, Role: events.Owner, By: ada}
	}
	leaves := func(past ...events.Fact) outcome {
		got, err := decide.RemoveParticipant(given(past...), ada, ada)
		return when(t, got, err)
	}
	t.Run("the member who came first follows", func(t *testing.T) {
		leaves(group(ada, cleo, bob)).then(gone, ownedBy(cleo))
	})
	t.Run("an admin goes before", func(t *testing.T) {
		leaves(group(ada, cleo, bob), role(bob, events.Admin)).then(gone, ownedBy(bob))
	})
	t.Run("of two admins the one who came first, whoever was made one first", func(t *testing.T) {
		leaves(group(ada, cleo, bob), role(bob, events.Admin), role(cleo, events.Admin)).then(gone, ownedBy(cleo))
	})
	t.Run("who left and came back is the newest", func(t *testing.T) {
		leaves(group(ada, cleo, bob),
			&events.ParticipantRemoved{Conversation: room, User: cleo, By: cleo},
			&events.ParticipantAdded{Conversation: room, User: cleo, By: bob}).then(gone, ownedBy(bob))
	})
	t.Run("nobody follows the last", func(t *testing.T) {
		leaves(group(ada)).then(gone)
	})
	t.Run("a history without roles has an owner all the same", func(t *testing.T) {
		got, err := decide.RemoveParticipant(given(group(ada, bob, cleo), gone), bob, cleo)
		when(t, got, err).then(&events.ParticipantRemoved{Conversation: room, User: cleo, By: bob})
	})
}

func TestChangeRole(t *testing.T) {
	t.Run("the owner makes an admin", func(t *testing.T) {
		got, err := decide.ChangeRole(given(group(ada, bob)), ada, bob, events.Admin)
		when(t, got, err).then(role(bob, events.Admin))
	})
	t.Run("and a member again", func(t *testing.T) {
		got, err := decide.ChangeRole(given(group(ada, bob), role(bob, events.Admin)), ada, bob, events.Member)
		when(t, got, err).then(role(bob, events.Member))
	})
	t.Run("who is an admin is one", func(t *testing.T) {
		got, err := decide.ChangeRole(given(group(ada, bob), role(bob, events.Admin)), ada, bob, events.Admin)
		when(t, got, err).then()
	})
	t.Run("the owner hands the group over", func(t *testing.T) {
		got, err := decide.ChangeRole(given(group(ada, bob)), ada, bob, events.Owner)
		when(t, got, err).then(role(bob, events.Owner), role(ada, events.Admin))
	})
	t.Run("and then is not the owner", func(t *testing.T) {
		c := given(group(ada, bob), role(bob, events.Owner), role(ada, events.Admin))
		got, err := decide.ChangeRole(c, ada, bob, events.Member)
		when(t, got, err).thenRefused(decide.Forbidden, "")
	})
	t.Run("a group is not left without an owner", func(t *testing.T) {
		got, err := decide.ChangeRole(given(group(ada, bob)), ada, ada, events.Member)
		when(t, got, err).thenRefused(decide.Taken, "role")
	})
	t.Run("an admin makes no admins", func(t *testing.T) {
		got, err := decide.ChangeRole(given(group(ada, bob, cleo), role(bob, events.Admin)), bob, cleo, events.Admin)
		when(t, got, err).thenRefused(decide.Forbidden, "")
	})
	t.Run("an admin steps down", func(t *testing.T) {
		got, err := decide.ChangeRole(given(group(ada, bob), role(bob, events.Admin)), bob, bob, events.Member)
		when(t, got, err).then(&events.ParticipantRoleChanged{Conversation: room, User: bob, Role: events.Member, By: bob})
	})
	t.Run("nobody makes themselves the owner", func(t *testing.T) {
		got, err := decide.ChangeRole(given(group(ada, bob)), bob, bob, events.Owner)
		when(t, got, err).thenRefused(decide.Forbidden, "")
	})
	t.Run("who is not in the group is nothing in it", func(t *testing.T) {
		got, err := decide.ChangeRole(given(group(ada, bob)), ada, cleo, events.Admin)
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("there are three roles", func(t *testing.T) {
		got, err := decide.ChangeRole(given(group(ada, bob)), ada, bob, "king")
		when(t, got, err).thenRefused(decide.Invalid, "role")
	})
	t.Run("a direct conversation has none", func(t *testing.T) {
		got, err := decide.ChangeRole(given(direct(ada, bob)), ada, bob, events.Admin)
		when(t, got, err).thenRefused(decide.Taken, "")
	})
	t.Run("a stranger is told nothing", func(t *testing.T) {
		got, err := decide.ChangeRole(given(group(ada, bob)), cleo, bob, events.Admin)
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
}
