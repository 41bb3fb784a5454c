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
	Participants map[uuid.UUID]Participant
	// Merchant is whose business conversation it is, and Business what that
	// merchant is, which the conversation's own facts do not tell: For adds it.
	Merchant uuid.UUID
	Business *Merchant
	// Apps are those that take part.
	Apps map[uuid.UUID]Installation
	// control is who has a business conversation's thread, if it was passed on.
	control *uuid.UUID
	// requests are the apps that have asked for the thread since.
	requests []uuid.UUID
	// joined is how many people ever joined.
	joined int
	// Pinned are the numbers of messages, those pinned last at the end.
	Pinned []uint64
}

// NewConversation is a conversation before its first fact.
func NewConversation() *Conversation { return new(Conversation) }

// EvolveConversation applies a fact of a conversation's stream; it changes and
// returns the conversation given.
func EvolveConversation(c *Conversation, fact events.Fact) *Conversation {
	switch f := fact.(type) {
	case *events.ConversationStarted:
		c.ID, c.Kind, c.Merchant = f.Conversation, f.Kind, f.Merchant
		c.Participants = make(map[uuid.UUID]Participant, len(f.Participants))
		for _, user := range f.Participants {
			c.join(user, StartingRole(f, user))
		}
	case *events.ParticipantAdded:
		c.join(f.User, events.Member)
	case *events.ParticipantRemoved:
		c.leave(f.User)
	case *events.ParticipantRoleChanged:
		c.setRole(f.User, f.Role)
	case *events.MessagePinned:
		c.pin(f.Number)
	case *events.MessageUnpinned:
		c.unpin(f.Number)
	case *events.AppInstalled, *events.AppRemoved:
		c.evolveApps(fact)
	case *events.ThreadControlPassed:
		c.control, c.requests = &f.To, nil
	case *events.ThreadControlTaken:
		c.control, c.requests = &f.App, nil
	case *events.ThreadControlRequested:
		c.request(f.App)
	}
	return c
}

// Started tells whether the conversation exists.
func (c *Conversation) Started() bool { return c.Kind != "" }

// Admit refuses everybody who is not in the conversation. They are told the
// same whether it exists or not, since the id of a direct conversation can be
// computed by anyone and would tell who talks to whom.
func (c *Conversation) Admit(user uuid.UUID) error {
	if !c.Has(user) {
		return NoSuchConversation()
	}
	return nil
}

// Has tells whether a user is in the conversation: as one of its participants,
// or as an agent of its merchant.
func (c *Conversation) Has(user uuid.UUID) bool {
	_, is := c.Participants[user]
	return is || c.employs(user)
}

// NoSuchConversation is what a stranger to a conversation is told.
func NoSuchConversation() error {
	return refuse(Unknown, "", "there is no such conversation among yours")
}

// Beginning is the intent to start a conversation.
type Beginning struct {
	// Conversation is the new conversation's id; a direct one's is
	// events.DirectID of its two people, or of one person twice.
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

// Start begins a conversation. A direct one without others is for notes to
// oneself. One that exists already is not started again: there are no facts
// then. That the people are registered is for the caller to see to.
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
		if len(people) > 2 {
			return refuse(Invalid, "participants", "a direct conversation takes one other person at most")
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

// Rename gives a group another title on behalf of its owner or an admin.
func Rename(c *Conversation, by uuid.UUID, title string) ([]events.Fact, error) {
	if err := c.Admit(by); err != nil {
		return nil, err
	}
	switch {
	case c.Kind != events.Group:
		return nil, refuse(Taken, "", "a %s conversation has no title", c.Kind)
	case c.Participants[by].Role == events.Member:
		return nil, refuse(Forbidden, "", "only the group's owner and its admins may rename it")
	}
	if err := checkLine("title", title, 0, maxTitle); err != nil {
		return nil, err
	}
	return []events.Fact{&events.ConversationRenamed{Conversation: c.ID, Title: events.Private(title), By: by}}, nil
}
