package decide

import (
	"slices"

	"github.com/google/uuid"

	"parley/events"
)

// MaxPinned bounds the messages that are pinned in one conversation.
const MaxPinned = 50

// Pin keeps a message in its conversation's sight. One that is pinned already
// gives no facts.
func Pin(c *Conversation, m *MessageState, number uint64, by uuid.UUID) ([]events.Fact, error) {
	if err := c.Admit(by); err != nil {
		return nil, err
	}
	switch {
	case !m.Posted():
		return nil, NoSuchMessage(number)
	case m.Retracted:
		return nil, refuse(Taken, "", "message %d was retracted and cannot be pinned", number)
	case slices.Contains(c.Pinned, number):
		return nil, nil
	case len(c.Pinned) >= MaxPinned:
		return nil, refuse(Taken, "", "%d messages are pinned here, which is the most; unpin one first", MaxPinned)
	}
	return []events.Fact{&events.MessagePinned{Conversation: c.ID, Number: number, By: by}}, nil
}

// Unpin lets a message go. One that is not pinned gives no facts.
func Unpin(c *Conversation, number uint64, by uuid.UUID) ([]events.Fact, error) {
	if err := c.Admit(by); err != nil {
		return nil, err
	}
	if !slices.Contains(c.Pinned, number) {
		return nil, nil
	}
	return []events.Fact{&events.MessageUnpinned{Conversation: c.ID, Number: number, By: by}}, nil
}

func (c *Conversation) pin(number uint64) {
	if !slices.Contains(c.Pinned, number) {
		c.Pinned = append(c.Pinned, number)
	}
}

func (c *Conversation) unpin(number uint64) {
	c.Pinned = slices.DeleteFunc(c.Pinned, func(n uint64) bool { return n == number })
}
