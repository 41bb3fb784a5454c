package decide

import (
	"github.com/google/uuid"

	"parley/events"
)

// MarkRead moves a participant's read marker to a message; exists tells
// whether the conversation has one of that number.
func MarkRead(c *Conversation, user uuid.UUID, number uint64, exists bool) ([]events.Fact, error) {
	if err := c.mayMark(user, number, exists); err != nil {
		return nil, err
	}
	return []events.Fact{&events.ReadUpTo{Conversation: c.ID, User: user, Number: number}}, nil
}

// MarkDelivered is MarkRead for what has reached a participant's devices.
func MarkDelivered(c *Conversation, user uuid.UUID, number uint64, exists bool) ([]events.Fact, error) {
	if err := c.mayMark(user, number, exists); err != nil {
		return nil, err
	}
	return []events.Fact{&events.DeliveredUpTo{Conversation: c.ID, User: user, Number: number}}, nil
}

func (c *Conversation) mayMark(user uuid.UUID, number uint64, exists bool) error {
	if err := c.AdmitSpeaker(user); err != nil {
		return err
	}
	if !exists {
		return refuse(Invalid, "upTo", "there is no message %d in this conversation", number)
	}
	return nil
}
