package decide

import (
	"slices"

	"github.com/google/uuid"

	"parley/events"
)

const (
	// MaxEmoji bounds how many different emoji a message is given.
	MaxEmoji = 20
	// MaxReactions bounds how many reactions a message has in all, since each
	// is shown wherever the message is.
	MaxReactions = 1_000
)

// Reaction is an emoji and those who gave it, who are never none.
type Reaction struct {
	Emoji string
	Users []uuid.UUID
}

// React gives a message an emoji. One that the user gave it already gives no
// facts.
func React(c *Conversation, m *MessageState, number uint64, user uuid.UUID, emoji string) ([]events.Fact, error) {
	if err := c.AdmitSpeaker(user); err != nil {
		return nil, err
	}
	if err := checkEmoji("emoji", emoji); err != nil {
		return nil, err
	}
	i, given := m.reaction(emoji, user)
	switch {
	case !m.Posted():
		return nil, NoSuchMessage(number)
	case m.Retracted:
		return nil, refuse(Taken, "", "message %d was retracted and takes no reactions", number)
	case given:
		return nil, nil
	case m.reactionsFull(i):
		return nil, refuse(Taken, "", "message %d takes no more reactions: at most %d different emoji and %d in all", number, MaxEmoji, MaxReactions)
	case i >= 0:
		emoji = m.Reactions[i].Emoji
	}
	return []events.Fact{&events.ReactionAdded{Conversation: c.ID, Number: number, User: user, Emoji: emoji}}, nil
}

// Unreact takes an emoji back. One that the user has not given gives no facts.
func Unreact(c *Conversation, m *MessageState, number uint64, user uuid.UUID, emoji string) ([]events.Fact, error) {
	if err := c.AdmitSpeaker(user); err != nil {
		return nil, err
	}
	if err := checkEmoji("emoji", emoji); err != nil {
		return nil, err
	}
	i, given := m.reaction(emoji, user)
	switch {
	case !m.Posted():
		return nil, NoSuchMessage(number)
	case !given:
		return nil, nil
	}
	return []events.Fact{&events.ReactionRemoved{Conversation: c.ID, Number: number, User: user, Emoji: m.Reactions[i].Emoji}}, nil
}

func (m *MessageState) react(emoji string, user uuid.UUID) bool {
	i, given := m.reaction(emoji, user)
	if given || m.Retracted || m.reactionsFull(i) {
		return false
	}
	if i < 0 {
		m.Reactions = append(m.Reactions, Reaction{Emoji: emoji, Users: []uuid.UUID{user}})
		return true
	}
	m.Reactions[i].Users = append(m.Reactions[i].Users, user)
	return true
}

func (m *MessageState) unreact(emoji string, user uuid.UUID) bool {
	i, given := m.reaction(emoji, user)
	if !given {
		return false
	}
	r := &m.Reactions[i]
	r.Users = slices.DeleteFunc(r.Users, func(u uuid.UUID) bool { return u == user })
	if len(r.Users) == 0 {
		m.Reactions = slices.Delete(m.Reactions, i, i+1)
	}
	return true
}

// reaction finds an emoji among the reactions, or gives -1, and tells whether
// a user gave it.
func (m *MessageState) reaction(emoji string, user uuid.UUID) (int, bool) {
	i := slices.IndexFunc(m.Reactions, func(r Reaction) bool { return sameEmoji(r.Emoji, emoji) })
	return i, i >= 0 && slices.Contains(m.Reactions[i].Users, user)
}

// reactionsFull tells whether there is no room for one more of the emoji with
// that index, or for a new one if it is negative.
func (m *MessageState) reactionsFull(emoji int) bool {
	total := 0
	for _, r := range m.Reactions {
		total += len(r.Users)
	}
	return total >= MaxReactions || emoji < 0 && len(m.Reactions) >= MaxEmoji
}
