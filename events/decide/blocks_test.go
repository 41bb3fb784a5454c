package decide_test

import (
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

func givenUser(past ...events.Fact) decide.User {
	var user decide.User
	for _, fact := range past {
		user = decide.EvolveUser(user, fact)
	}
	return user
}

func registers(user uuid.UUID) events.Fact { return &events.UserRegistered{User: user} }

func TestBlock(t *testing.T) {
	blocked := &events.UserBlocked{User: ada, Blocked: bob}
	unblocked := &events.UserUnblocked{User: ada, Blocked: bob}
	t.Run("somebody is blocked", func(t *testing.T) {
		got, err := decide.Block(givenUser(registers(ada)), ada, bob)
		when(t, got, err).then(blocked)
	})
	t.Run("once", func(t *testing.T) {
		got, err := decide.Block(givenUser(registers(ada), blocked), ada, bob)
		when(t, got, err).then()
	})
	t.Run("and again after it was taken back", func(t *testing.T) {
		got, err := decide.Block(givenUser(registers(ada), blocked, unblocked), ada, bob)
		when(t, got, err).then(blocked)
	})
	t.Run("nobody blocks themselves", func(t *testing.T) {
		got, err := decide.Block(givenUser(registers(ada)), ada, ada)
		when(t, got, err).thenRefused(decide.Invalid, "")
	})
	t.Run("who is not registered blocks nobody", func(t *testing.T) {
		got, err := decide.Block(givenUser(), ada, bob)
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("nor does who is erased", func(t *testing.T) {
		got, err := decide.Block(givenUser(registers(ada), &events.UserErased{User: ada}), ada, bob)
		when(t, got, err).thenRefused(decide.Unknown, "")
	})
	t.Run("so many people, and not one more", func(t *testing.T) {
		past := []events.Fact{registers(ada)}
		for _, user := range crowd(decide.MaxBlocks) {
			past = append(past, &events.UserBlocked{User: ada, Blocked: user})
		}
		got, err := decide.Block(givenUser(past...), ada, bob)
		when(t, got, err).thenRefused(decide.Taken, "")
	})
	t.Run("a block is taken back", func(t *testing.T) {
		got, err := decide.Unblock(givenUser(registers(ada), blocked), ada, bob)
		when(t, got, err).then(unblocked)
	})
	t.Run("what is no block is not", func(t *testing.T) {
		got, err := decide.Unblock(givenUser(registers(ada)), ada, bob)
		when(t, got, err).then()
	})
}

func TestReach(t *testing.T) {
	t.Run("two people write to each other", func(t *testing.T) {
		when(t, nil, decide.Reach(decide.Relation{})).then()
	})
	for name, r := range map[string]decide.Relation{
		"not to whom they blocked":      {Blocks: true},
		"not to who has blocked them":   {Blocked: true},
		"nor where both have the other": {Blocks: true, Blocked: true},
	} {
		t.Run(name, func(t *testing.T) {
			when(t, nil, decide.Reach(r)).thenRefused(decide.Forbidden, "")
		})
	}
	t.Run("nobody writes to who is gone", func(t *testing.T) {
		when(t, nil, decide.Reach(decide.Relation{Gone: true, Blocked: true})).thenRefused(decide.Taken, "")
	})
	t.Run("who was blocked is not told so", func(t *testing.T) {
		told := decide.Reach(decide.Relation{Blocked: true}).Error()
		if told != "this person cannot be written to" {
			t.Errorf("they are told: %s", told)
		}
	})
}

func TestOther(t *testing.T) {
	for name, c := range map[string]struct {
		*decide.Conversation
		want uuid.UUID
	}{
		"of two":              {given(direct(bob, ada)), bob},
		"of a group of two":   {given(group(ada, bob)), uuid.Nil},
		"of no conversation":  {given(), uuid.Nil},
		"of one with oneself": {given(direct(ada, ada)), uuid.Nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got, direct := c.Other(ada); got != c.want || direct != (c.want != uuid.Nil) {
				t.Errorf("got %s, %t", got, direct)
			}
		})
	}
}
