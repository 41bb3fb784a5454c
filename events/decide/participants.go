package decide

import (
	"github.com/google/uuid"

	"parley/events"
)

// Participant is what decisions need to know of somebody in a conversation.
type Participant struct {
	Role events.Role
	// Order is the how-manieth to join the conversation they were, from 0.
	Order int
}

// StartingRole is what somebody is in a conversation that has just begun.
func StartingRole(started *events.ConversationStarted, user uuid.UUID) events.Role {
	if started.Kind == events.Group && user == started.Starter {
		return events.Owner
	}
	return events.Member
}

// Owner is the owner of a group, or Nil if nobody is left in it.
func (c *Conversation) Owner() uuid.UUID {
	for user, p := range c.Participants {
		if p.Role == events.Owner {
			return user
		}
	}
	return uuid.Nil
}

func (c *Conversation) join(user uuid.UUID, role events.Role) {
	if !c.Has(user) {
		c.Participants[user] = Participant{role, c.joined}
		c.joined++
	}
}

// leave hands ownership on at once: groups that lost their owner before there
// were roles have no fact that says so.
func (c *Conversation) leave(user uuid.UUID) {
	owned := c.Participants[user].Role == events.Owner
	delete(c.Participants, user)
	if !owned {
		return
	}
	if heir, found := c.heir(user); found {
		c.setRole(heir, events.Owner)
	}
}

func (c *Conversation) setRole(user uuid.UUID, role events.Role) {
	if p, is := c.Participants[user]; is {
		p.Role = role
		c.Participants[user] = p
	}
}

// heir is who owns the group after its owner: the admin who came first, or
// else the member who came first.
func (c *Conversation) heir(owner uuid.UUID) (heir uuid.UUID, found bool) {
	var best Participant
	for user, p := range c.Participants {
		if user != owner && (!found || p.precedes(best)) {
			heir, best, found = user, p, true
		}
	}
	return heir, found
}

func (p Participant) precedes(other Participant) bool {
	if p.Role != other.Role {
		return p.Role == events.Admin
	}
	return p.Order < other.Order
}

// groupOnly refuses to change the people of what is no group.
func (c *Conversation) groupOnly() error {
	if c.Kind != events.Group {
		return refuse(Taken, "", "a %s conversation keeps the people it was started with", c.Kind)
	}
	return nil
}

// AddParticipant lets a user into a group that another participant is in.
func AddParticipant(c *Conversation, by, user uuid.UUID) ([]events.Fact, error) {
	if err := c.Admit(by); err != nil {
		return nil, err
	}
	if err := c.groupOnly(); err != nil {
		return nil, err
	}
	switch {
	case c.Has(user):
		return nil, nil
	case len(c.Participants) >= MaxParticipants:
		return nil, refuse(Taken, "userId", "the group is full: it has at most %d participants", MaxParticipants)
	}
	return []events.Fact{&events.ParticipantAdded{Conversation: c.ID, User: user, By: by}}, nil
}

// RemoveParticipant takes a user out of a group: anybody leaves, its owner
// removes anyone, and an admin removes members. An owner who leaves is followed
// by the admin who came first, or else by the member who did.
func RemoveParticipant(c *Conversation, by, user uuid.UUID) ([]events.Fact, error) {
	if err := c.Admit(by); err != nil {
		return nil, err
	}
	if err := c.groupOnly(); err != nil {
		return nil, err
	}
	own, theirs := c.Participants[by].Role, c.Participants[user].Role
	switch {
	case by != user && own == events.Member:
		return nil, refuse(Forbidden, "", "only the group's owner and its admins may remove others from it")
	case !c.Has(user):
		return nil, nil
	case by != user && own == events.Admin && theirs != events.Member:
		return nil, refuse(Forbidden, "", "only the group's owner may remove its %s", theirs)
	}
	facts := []events.Fact{&events.ParticipantRemoved{Conversation: c.ID, User: user, By: by}}
	if theirs != events.Owner {
		return facts, nil
	}
	if heir, found := c.heir(user); found {
		facts = append(facts, &events.ParticipantRoleChanged{Conversation: c.ID, User: heir, Role: events.Owner, By: by})
	}
	return facts, nil
}

// ChangeRole makes a participant of a group something else on behalf of its
// owner. Whoever is made owner takes the place of the one who asks, who becomes
// an admin. An admin may ask to be a member again.
func ChangeRole(c *Conversation, by, user uuid.UUID, role events.Role) ([]events.Fact, error) {
	if err := c.Admit(by); err != nil {
		return nil, err
	}
	if err := c.groupOnly(); err != nil {
		return nil, err
	}
	if err := checkRole(role); err != nil {
		return nil, err
	}
	own, theirs := c.Participants[by].Role, c.Participants[user].Role
	stepsDown := by == user && role == events.Member
	switch {
	case own != events.Owner && !stepsDown:
		return nil, refuse(Forbidden, "", "only the group's owner may say who is what in it")
	case !c.Has(user):
		return nil, refuse(Unknown, "", "there is no such participant in the group")
	case theirs == role:
		return nil, nil
	case theirs == events.Owner:
		return nil, refuse(Taken, "role", "the owner has to make somebody else the owner first")
	}
	facts := []events.Fact{&events.ParticipantRoleChanged{Conversation: c.ID, User: user, Role: role, By: by}}
	if role == events.Owner {
		facts = append(facts, &events.ParticipantRoleChanged{Conversation: c.ID, User: by, Role: events.Admin, By: by})
	}
	return facts, nil
}

func checkRole(role events.Role) error {
	switch role {
	case events.Owner, events.Admin, events.Member:
		return nil
	}
	return refuse(Invalid, "role", "must be \"owner\", \"admin\" or \"member\"")
}
