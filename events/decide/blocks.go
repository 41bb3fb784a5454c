package decide

import (
	"github.com/google/uuid"

	"parley/events"
)

// MaxBlocks bounds how many people one user blocks.
const MaxBlocks = 10_000

// Block keeps somebody from writing to a user, and the user from writing to
// them. That the other is registered is for the caller to see to.
func Block(state User, user, other uuid.UUID) ([]events.Fact, error) {
	switch {
	case !state.Active():
		return nil, NoSuchUser("", user)
	case user == other:
		return nil, refuse(Invalid, "", "nobody blocks themselves")
	case state.HasBlocked(other):
		return nil, nil
	case len(state.blocked) >= MaxBlocks:
		return nil, refuse(Taken, "", "a user blocks at most %d people", MaxBlocks)
	}
	return []events.Fact{&events.UserBlocked{User: user, Blocked: other}}, nil
}

// Unblock takes a Block back.
func Unblock(state User, user, other uuid.UUID) ([]events.Fact, error) {
	if !state.HasBlocked(other) {
		return nil, nil
	}
	return []events.Fact{&events.UserUnblocked{User: user, Blocked: other}}, nil
}

// HasBlocked tells whether the user blocks somebody.
func (u User) HasBlocked(other uuid.UUID) bool {
	_, is := u.blocked[other]
	return is
}

// Relation is what keeps one person from writing to another.
type Relation struct {
	// Blocks says that the one who writes has blocked the other, and Blocked
	// that the other has blocked them.
	Blocks, Blocked bool
	// Gone says that the other is erased.
	Gone bool
}

// Reach refuses to let somebody write to a person who is erased, or whom they
// have blocked, or who has blocked them. Who was blocked is not told so in as
// many words.
func Reach(r Relation) error {
	switch {
	case r.Gone:
		return refuse(Taken, "", "this person is not here any more")
	case r.Blocks:
		return refuse(Forbidden, "", "you have blocked this person: unblock them to write to them")
	case r.Blocked:
		return refuse(Forbidden, "", "this person cannot be written to")
	}
	return nil
}

// Other is the other person of a direct conversation, or false in any other.
func (c *Conversation) Other(user uuid.UUID) (other uuid.UUID, direct bool) {
	if c.Kind != events.Direct {
		return uuid.Nil, false
	}
	for person := range c.Participants {
		if person != user {
			return person, true
		}
	}
	return uuid.Nil, false
}
