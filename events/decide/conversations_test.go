package decide_test

import (
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

func crowd(size int) []uuid.UUID {
	people := make([]uuid.UUID, size)
	for i := range people {
		people[i] = uuid.NewSHA1(uuid.NameSpaceOID, []byte{byte(i), byte(i >> 8)})
	}
	return people
}

func TestStart(t *testing.T) {
	directTo := func(starter uuid.UUID, others ...uuid.UUID) decide.Beginning {
		return decide.Beginning{Conversation: events.DirectID(ada, bob), Kind: events.Direct, Starter: starter, Others: others}
	}
	groupOf := func(title string, others ...uuid.UUID) decide.Beginning {
		return decide.Beginning{Conversation: room, Kind: events.Group, Title: title, Starter: ada, Others: others}
	}
	t.Run("two people start their direct conversation", func(t *testing.T) {
		got, err := decide.Start(given(), directTo(ada, bob))
		when(t, got, err).then(direct(ada, bob))
	})
	t.Run("the second start finds the first", func(t *testing.T) {
		got, err := decide.Start(given(direct(ada, bob)), directTo(bob, ada))
		when(t, got, err).then()
	})
	t.Run("the starter may be named among the others", func(t *testing.T) {
		got, err := decide.Start(given(), directTo(ada, bob, ada, bob))
		when(t, got, err).then(direct(ada, bob))
	})
	for name, others := range map[string][]uuid.UUID{"themselves": {ada}, "nobody": nil} {
		t.Run("one person starts a conversation with "+name, func(t *testing.T) {
			own := &events.ConversationStarted{
				Conversation: events.DirectID(ada, ada), Kind: events.Direct, Starter: ada, Participants: []uuid.UUID{ada},
			}
			b := directTo(ada, others...)
			b.Conversation = events.DirectID(ada, ada)
			got, err := decide.Start(given(), b)
			when(t, got, err).then(own)
			got, err = decide.Start(given(own), b)
			when(t, got, err).then()
		})
	}
	t.Run("a third person makes no direct conversation", func(t *testing.T) {
		got, err := decide.Start(given(), directTo(ada, bob, cleo))
		when(t, got, err).thenRefused(decide.Invalid, "participants")
	})
	t.Run("a direct conversation has no title", func(t *testing.T) {
		b := directTo(ada, bob)
		b.Title = "us"
		got, err := decide.Start(given(), b)
		when(t, got, err).thenRefused(decide.Invalid, "title")
	})
	t.Run("a group begins with its starter and title", func(t *testing.T) {
		got, err := decide.Start(given(), groupOf("friends", bob, cleo))
		when(t, got, err).then(group(ada, bob, cleo))
	})
	t.Run("a group takes 10,000 people", func(t *testing.T) {
		people := crowd(decide.MaxParticipants)
		b := groupOf("", people[1:]...)
		b.Starter = people[0]
		got, err := decide.Start(given(), b)
		if err != nil || len(got[0].(*events.ConversationStarted).Participants) != decide.MaxParticipants {
			t.Fatalf("got %d facts, %v", len(got), err)
		}
	})
	t.Run("and not one more", func(t *testing.T) {
		got, err := decide.Start(given(), groupOf("", crowd(decide.MaxParticipants)...))
		when(t, got, err).thenRefused(decide.Invalid, "participants")
	})
	t.Run("an unknown kind is refused", func(t *testing.T) {
		b := groupOf("")
		b.Kind = "channel"
		got, err := decide.Start(given(), b)
		when(t, got, err).thenRefused(decide.Invalid, "kind")
	})
}

func TestRename(t *testing.T) {
	past := []events.Fact{group(ada, bob, cleo), role(bob, events.Admin)}
	for name, by := range map[string]uuid.UUID{"the owner": ada, "an admin": bob} {
		t.Run(name+" renames the group", func(t *testing.T) {
			got, err := decide.Rename(given(past...), by, "enemies")
			when(t, got, err).then(&events.ConversationRenamed{Conversation: room, Title: events.Private("enemies"), By: by})
		})
	}
	t.Run("a title can be taken away", func(t *testing.T) {
		got, err := decide.Rename(given(past...), ada, "")
		when(t, got, err).then(&events.ConversationRenamed{Conversation: room, By: ada})
	})
	t.Run("a member does not rename", func(t *testing.T) {
		got, err := decide.Rename(given(past...), cleo, "mine")
		when(t, got, err).thenRefused(decide.Forbidden, "")
	})
	t.Run("a title has one line", func(t *testing.T) {
		got, err := decide.Rename(given(past...), ada, "a\nb")
		when(t, got, err).thenRefused(decide.Invalid, "title")
	})
	t.Run("a direct conversation has no title", func(t *testing.T) {
		got, err := decide.Rename(given(direct(ada, bob)), ada, "us")
		when(t, got, err).thenRefused(decide.Taken, "")
	})
	t.Run("a stranger is told nothing", func(t *testing.T) {
		got, err := decide.Rename(given(group(ada, bob)), cleo, "mine")
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
}
