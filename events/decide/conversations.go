package decide

import (
	"github.com/google/uuid"

	"parley/events"
)

// MaxParticipants bounds a group.
const MaxParticipants = 10_000

const maxTitle = 200

// Conversation is what decisions need to know of a conversation. The zero
// value is one that was not started.
type Conversation struct {
	ID           uuid.UUID
	Kind         events.Kind
	Starter      uuid.UUID
	Participants map[uuid.UUID]bool
}

// NewConversation is a conversation before its first fact.
func NewConversation() *Conversation { return new(Conversation) }

// EvolveConversation applies a fact of a conversation's stream; it changes and
// returns the conversation given.
func EvolveConversation(c *Conversation, fact events.Fact) *Conversation {
	switch f := fact.(type) {
	case *events.ConversationStarted:
		c.ID, c.Kind, c.Starter = f.Conversation, f.Kind, f.Starter
		c.Participants = make(map[uuid.UUID]bool, len(f.Participants))
		for _, user := range f.Participants {
			c.Participants[user] = true
		}
	case *events.ParticipantAdded:
		c.Participants[f.User] = true
	case *events.ParticipantRemoved:
		delete(c.Participants, f.User)
	}
	return c
}

// Started tells whether the conversation exists.
func (c *Conversation) Started() bool { return c.Kind != "" }

// Admit refuses everybody who is not in the conversation. They are told the
// same whether it exists or not, since the id of a direct conversation can be
// computed by anyone and would tell who talks to whom.
func (c *Conversation) Admit(user uuid.UUID) error {
	if !c.Participants[user] {
		return NoSuchConversation()
	}
	return nil
}

// NoSuchConversation is what a stranger to a conversation is told.
func NoSuchConversation() error {
	return refuse(Unknown, "", "there is no such conversation among yours")
}

// Beginning is the intent to start a conversation.
type Beginning struct {
	// Conversation is the new conversation's id; a direct one's is
	// events.DirectID of its two people.
	Conversation uuid.UUID
	Kind         events.Kind
	Title        string
	Starter      uuid.UUID
	// Others are the people besides the starter, who may be named among them.
	Others []uuid.UUID
}

// People are the starter and the others, each once, the starter first.
func (b Beginning) People() []uuid.UUID {
	people := []uuid.UUID{b.Starter}
	seen := map[uuid.UUID]bool{b.Starter: true}
	for _, user := range b.Others {
		if !seen[user] {
			seen[user] = true
			people = append(people, user)
		}
	}
	return people
}

// Start begins a conversation. A direct conversation that exists already is
// not started again: there are no facts then. That the people are registered
// is for the caller to see to.
func Start(c *Conversation, b Beginning) ([]events.Fact, error) {
	people := b.People()
	if err := checkBeginning(b, people); err != nil {
		return nil, err
	}
	if c.Started() {
		if b.Kind == events.Direct {
			return nil, nil
		}
		return nil, refuse(Taken, "", "this conversation was started already")
	}
	return []events.Fact{&events.ConversationStarted{
		Conversation: b.Conversation,
		Kind:         b.Kind,
		Starter:      b.Starter,
		Title:        events.Private(b.Title),
		Participants: people,
	}}, nil
}

func checkBeginning(b Beginning, people []uuid.UUID) error {
	switch b.Kind {
	case events.Direct:
		if len(people) != 2 {
			return refuse(Invalid, "participants", "a direct conversation takes exactly one other person")
		}
		if b.Title != "" {
			return refuse(Invalid, "title", "a direct conversation has no title")
		}
	case events.Group:
		if len(people) > MaxParticipants {
			return refuse(Invalid, "participants", "a group has at most %d participants", MaxParticipants)
		}
		return checkLine("title", b.Title, 0, maxTitle)
	default:
		return refuse(Invalid, "kind", "must be \"direct\" or \"group\"")
	}
	return nil
}

// AddParticipant lets a user into a group that another participant is in.
func AddParticipant(c *Conversation, by, user uuid.UUID) ([]events.Fact, error) {
	if err := c.Admit(by); err != nil {
		return nil, err
	}
	switch {
	case c.Kind != events.Group:
		return nil, refuse(Taken, "", "a %s conversation keeps the people it was started with", c.Kind)
	case c.Participants[user]:
		return nil, nil
	case len(c.Participants) >= MaxParticipants:
		return nil, refuse(Taken, "userId", "the group is full: it has at most %d participants", MaxParticipants)
	}
	return []events.Fact{&events.ParticipantAdded{Conversation: c.ID, User: user, By: by}}, nil
}

// RemoveParticipant takes a user out of a group: themselves, or anyone if it
// is the group's starter who asks.
func RemoveParticipant(c *Conversation, by, user uuid.UUID) ([]events.Fact, error) {
	if err := c.Admit(by); err != nil {
		return nil, err
	}
	switch {
	case c.Kind != events.Group:
		return nil, refuse(Taken, "", "a %s conversation keeps the people it was started with", c.Kind)
	case by != user && by != c.Starter:
		return nil, refuse(Forbidden, "", "only whoever started the group may remove others from it")
	case !c.Participants[user]:
		return nil, nil
	}
	return []events.Fact{&events.ParticipantRemoved{Conversation: c.ID, User: user, By: by}}, nil
}
