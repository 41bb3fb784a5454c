package decide

import (
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// Mute keeps a participant from being notified of a conversation's messages,
// until a time after now, or for good if there is none.
func Mute(c *Conversation, user uuid.UUID, until *time.Time, now time.Time) ([]events.Fact, error) {
	if err := c.Admit(user); err != nil {
		return nil, err
	}
	if until == nil {
		return []events.Fact{&events.ConversationMuted{Conversation: c.ID, User: user}}, nil
	}
	if !until.After(now) {
		return nil, refuse(Invalid, "until", "must be a time to come")
	}
	end := until.UTC()
	return []events.Fact{&events.ConversationMuted{Conversation: c.ID, User: user, Until: &end}}, nil
}

// Unmute takes a Mute back.
func Unmute(c *Conversation, user uuid.UUID) ([]events.Fact, error) {
	if err := c.Admit(user); err != nil {
		return nil, err
	}
	return []events.Fact{&events.ConversationUnmuted{Conversation: c.ID, User: user}}, nil
}

// Archive puts a conversation away for one of its participants, until somebody
// else posts in it.
func Archive(c *Conversation, user uuid.UUID) ([]events.Fact, error) {
	if err := c.Admit(user); err != nil {
		return nil, err
	}
	return []events.Fact{&events.ConversationArchived{Conversation: c.ID, User: user}}, nil
}

// Unarchive takes an Archive back.
func Unarchive(c *Conversation, user uuid.UUID) ([]events.Fact, error) {
	if err := c.Admit(user); err != nil {
		return nil, err
	}
	return []events.Fact{&events.ConversationUnarchived{Conversation: c.ID, User: user}}, nil
}
