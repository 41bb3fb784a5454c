package decide

import (
	"slices"

	"github.com/google/uuid"

	"parley/events"
)

// Edit is the intent to give a message another text.
type Edit struct {
	Number uint64
	By     uuid.UUID
	Text   string
	// Mentions replace those of the message, or nil to keep them.
	Mentions *[]uuid.UUID
}

// EditMessage lets its author change a message. If nothing would change there
// are no facts.
func EditMessage(c *Conversation, m *MessageState, e Edit) ([]events.Fact, error) {
	if err := c.Admit(e.By); err != nil {
		return nil, err
	}
	if err := checkText("text", e.Text, leastText(m.Attachments), MaxText); err != nil {
		return nil, err
	}
	switch {
	case !m.Posted():
		return nil, NoSuchMessage(e.Number)
	case m.Author != e.By:
		return nil, refuse(Forbidden, "", "only its author may edit a message")
	case m.Retracted:
		return nil, refuse(Taken, "", "message %d was retracted and cannot be edited", e.Number)
	case m.Order:
		return nil, ordersAreKept(e.Number)
	case m.Forwarded != nil:
		return nil, refuse(Taken, "", "message %d was forwarded and stays as it was said", e.Number)
	}
	mentions := m.Mentions
	if e.Mentions != nil {
		var err error
		if mentions, err = c.mentioned(*e.Mentions, m.Mentions); err != nil {
			return nil, err
		}
	}
	if e.Text == m.Text && slices.Equal(mentions, m.Mentions) {
		return nil, nil
	}
	return []events.Fact{&events.MessageEdited{
		Conversation: c.ID,
		Number:       e.Number,
		By:           e.By,
		Text:         events.Private(e.Text),
		Mentions:     mentions,
	}}, nil
}

// RetractMessage takes a message back, for its author or whoever looks after
// the group. One that was retracted already gives no facts.
func RetractMessage(c *Conversation, m *MessageState, number uint64, by uuid.UUID) ([]events.Fact, error) {
	if err := c.Admit(by); err != nil {
		return nil, err
	}
	switch {
	case !m.Posted():
		return nil, NoSuchMessage(number)
	case m.Author != by && !c.moderates(by):
		return nil, refuse(Forbidden, "", "only its author, the group's owner and its admins may retract a message")
	case m.Order:
		return nil, ordersAreKept(number)
	case m.Retracted:
		return nil, nil
	}
	return []events.Fact{&events.MessageRetracted{Conversation: c.ID, Number: number, By: by}}, nil
}

func ordersAreKept(number uint64) error {
	return refuse(Taken, "", "message %d tells of an order and stays as it is", number)
}

// moderates tells whether a user may retract what others wrote: a group's
// owner and its admins.
func (c *Conversation) moderates(user uuid.UUID) bool {
	role := c.Participants[user].Role
	return role == events.Owner || role == events.Admin
}
