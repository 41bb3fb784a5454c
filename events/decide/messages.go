package decide

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"parley/events"
)

const (
	// MaxText bounds a message, in characters (code points).
	MaxText = 20_000
	// MaxEmoji bounds how many different emoji a message is given.
	MaxEmoji = 20
	// MaxReactions bounds how many reactions a message has in all, since each
	// is shown wherever the message is.
	MaxReactions = 1_000
)

// MessageState is what became of a message: the fold of its facts. The zero
// value is a message that was not posted.
type MessageState struct {
	// Author posted the message.
	Author uuid.UUID
	// Forwarded tells that the text is another's.
	Forwarded bool
	// Text is empty if it was retracted or its writer is forgotten, or if the
	// facts it comes from were not opened.
	Text      string
	Mentions  []uuid.UUID
	Retracted bool
	// Reactions are in the order in which they came.
	Reactions []Reaction
}

// Reaction is an emoji and those who gave it, who are never none.
type Reaction struct {
	Emoji string
	Users []uuid.UUID
}

// EvolveMessage applies a fact to the message it is about, and tells whether
// it had an effect. It is the one place that says which do. Facts of messages
// are appended at any revision, so an edit or a reaction may follow a
// retraction that its writer did not see: it has no effect, nor has one by
// somebody else than the author, or one beyond what a message holds.
func EvolveMessage(m *MessageState, fact events.Fact) bool {
	if f, ok := fact.(*events.MessagePosted); ok {
		*m = MessageState{Author: f.Author, Forwarded: f.Forwarded != nil, Text: f.Text.Plain, Mentions: f.Mentions}
		return true
	}
	if !m.Posted() {
		return false
	}
	switch f := fact.(type) {
	case *events.MessageEdited:
		if m.Retracted || m.Forwarded || f.By != m.Author {
			return false
		}
		m.Text, m.Mentions = f.Text.Plain, f.Mentions
		return true
	case *events.MessageRetracted:
		if m.Retracted {
			return false
		}
		m.Retracted, m.Text, m.Mentions, m.Reactions = true, "", nil, nil
		return true
	case *events.ReactionAdded:
		return m.react(f.Emoji, f.User)
	case *events.ReactionRemoved:
		return m.unreact(f.Emoji, f.User)
	}
	return false
}

// Posted tells whether there is such a message.
func (m *MessageState) Posted() bool { return m.Author != uuid.Nil }

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

// sameEmoji compares without the selector of emoji presentation (U+FE0F),
// which keyboards add or leave out.
func sameEmoji(a, b string) bool {
	const presentation = "\ufe0f"
	return a == b || strings.ReplaceAll(a, presentation, "") == strings.ReplaceAll(b, presentation, "")
}

// Message is the intent to post a message.
type Message struct {
	Conversation uuid.UUID
	Author       uuid.UUID
	Text         string
	// ReplyTo is the number of the message that is answered, if any.
	ReplyTo *uint64
	// Answered tells that ReplyTo is a message of this conversation.
	Answered bool
}

// Post lets a participant say something.
func Post(c *Conversation, m Message) ([]events.Fact, error) {
	if err := c.Admit(m.Author); err != nil {
		return nil, err
	}
	if err := checkText("text", m.Text, 1, MaxText); err != nil {
		return nil, err
	}
	if m.ReplyTo != nil && !m.Answered {
		return nil, refuse(Invalid, "replyTo", "there is no message %d in this conversation", *m.ReplyTo)
	}
	return []events.Fact{&events.MessagePosted{
		Conversation: m.Conversation,
		Author:       m.Author,
		Text:         events.Private(m.Text),
		ReplyTo:      m.ReplyTo,
	}}, nil
}
