package decide

import (
	"slices"

	"github.com/google/uuid"

	"parley/events"
)

const (
	// MaxText bounds a message, in characters (code points).
	MaxText = 20_000
	// MaxMentions bounds how many people a message mentions.
	MaxMentions = 100
)

// MessageState is what became of a message: the fold of its facts. The zero
// value is a message that was not posted.
type MessageState struct {
	// Author posted the message.
	Author uuid.UUID
	// Forwarded tells that the text is another's, and whose.
	Forwarded *events.Forwarded
	// Text is empty if it was retracted or its writer is forgotten, or if the
	// facts it comes from were not opened.
	Text      string
	Mentions  []uuid.UUID
	Retracted bool
	// Order tells that it tells of an order, which changes it and nobody else.
	Order bool
	// Attachments are the files of a message, which it loses by retraction.
	Attachments []Attachment
	// Reactions are in the order in which they came.
	Reactions []Reaction
}

// EvolveMessage applies a fact to the message it is about, and tells whether
// it had an effect. It is the one place that says which do. Facts of messages
// are appended at any revision, so an edit or a reaction may follow a
// retraction that its writer did not see: it has no effect, nor has one by
// somebody else than the author, or one beyond what a message holds.
func EvolveMessage(m *MessageState, fact events.Fact) bool {
	if f, ok := events.PostOf(fact); ok {
		*m = MessageState{
			Author: f.Author, Forwarded: f.Forwarded, Text: f.Text.Plain, Mentions: f.Mentions, Order: f.Order != nil,
			Attachments: attached(f),
		}
		return true
	}
	if !m.Posted() {
		return false
	}
	switch f := fact.(type) {
	case *events.MessageEdited:
		if m.Retracted || m.Order || m.Forwarded != nil || f.By != m.Author {
			return false
		}
		m.Text, m.Mentions = f.Text.Plain, f.Mentions
		return true
	case *events.MessageRetracted:
		if m.Retracted || m.Order {
			return false
		}
		m.Retracted, m.Text, m.Mentions, m.Attachments, m.Reactions = true, "", nil, nil, nil
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

// Writer is whose words the message is, however often it was passed on.
func (m *MessageState) Writer() uuid.UUID {
	if m.Forwarded != nil {
		return m.Forwarded.Author
	}
	return m.Author
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
	// Mentions are the participants whom the text concerns, each once or more.
	Mentions []uuid.UUID
	// Forwarded tells whose words the text is, if they are not the author's.
	Forwarded *events.Forwarded
	// Attachments are files that come with the text, which may be empty then.
	Attachments []Attachment
	// App is the app that speaks, which is the author then, or nil, and Bot
	// what only its messages have.
	App *events.AppCard
	Bot *events.BotPart
	// QuickReply is what the author chose of the answers that a message
	// offered, if they did: Text is what that answer says then.
	QuickReply *events.QuickReply
}

// Post lets a participant or an app say something.
func Post(c *Conversation, m Message) ([]events.Fact, error) {
	if err := m.admittedTo(c); err != nil {
		return nil, err
	}
	if err := checkText("text", m.Text, m.leastText(), MaxText); err != nil {
		return nil, err
	}
	if err := checkAttachments(m.Attachments); err != nil {
		return nil, err
	}
	if m.ReplyTo != nil && !m.Answered {
		return nil, refuse(Invalid, "replyTo", "there is no message %d in this conversation", *m.ReplyTo)
	}
	mentions, err := c.mentioned(m.Mentions, nil)
	if err != nil {
		return nil, err
	}
	merchant, err := c.speaker(m.Author)
	if err != nil {
		return nil, err
	}
	if m.App != nil && len(m.Attachments) > 0 {
		return []events.Fact{m.shared()}, nil
	}
	return []events.Fact{&events.MessagePosted{
		Conversation: m.Conversation,
		Author:       m.Author,
		Text:         events.Private(m.Text),
		ReplyTo:      m.ReplyTo,
		Mentions:     mentions,
		Forwarded:    m.Forwarded,
		Merchant:     merchant,
		Attachments:  sealable(m.Attachments),
		App:          m.App,
		Bot:          m.Bot,
		QuickReply:   m.QuickReply,
	}}, nil
}

// mentioned returns the users of a list, each once. They must be participants,
// or have been mentioned before.
func (c *Conversation) mentioned(users, before []uuid.UUID) ([]uuid.UUID, error) {
	var each []uuid.UUID
	for _, user := range users {
		switch {
		case slices.Contains(each, user):
			continue
		case !c.Has(user) && !slices.Contains(before, user):
			return nil, refuse(Invalid, "mentions", "user %s is not in this conversation", user)
		case len(each) == MaxMentions:
			return nil, refuse(Invalid, "mentions", "must be at most %d people", MaxMentions)
		}
		each = append(each, user)
	}
	return each, nil
}

// Forward is the intent to pass a message on, into another conversation or the
// same.
func Forward(from *Conversation, m *MessageState, number uint64, by, to uuid.UUID) (Message, error) {
	if err := from.Admit(by); err != nil {
		return Message{}, err
	}
	switch {
	case !m.Posted():
		return Message{}, NoSuchMessage(number)
	case m.Retracted:
		return Message{}, refuse(Taken, "", "message %d was retracted and has nothing to forward", number)
	case m.Text == "" && len(m.Attachments) == 0:
		return Message{}, refuse(Taken, "", "message %d has nothing to forward", number)
	}
	return Message{
		Conversation: to, Author: by, Text: m.Text, Attachments: m.Attachments, Forwarded: &events.Forwarded{Author: m.Writer()},
	}, nil
}

// NoSuchMessage is what a participant is told of a number that no message has.
func NoSuchMessage(number uint64) error {
	return refuse(Unknown, "", "there is no message %d in this conversation", number)
}
