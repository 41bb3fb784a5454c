package events

import "github.com/google/uuid"

// MessagesStream is where a conversation's messages are kept. A message's
// number is its revision there.
func MessagesStream(conversation uuid.UUID) string {
	return "messages-" + conversation.String()
}

// MessagePosted is what a participant or an app said.
type MessagePosted struct {
	Conversation uuid.UUID `json:"conversation"`
	Author       uuid.UUID `json:"author"`
	Text         Secret    `json:"text"`
	// ReplyTo is the number of the message that is answered, if any.
	ReplyTo *uint64 `json:"replyTo,omitempty"`
	// Mentions are the participants whom the text concerns.
	Mentions []uuid.UUID `json:"mentions,omitempty"`
	// Forwarded tells whose words the text is, if it is not the author's own.
	Forwarded *Forwarded `json:"forwarded,omitempty"`
	// Attachments are the files that came with the text, which may be empty
	// then.
	Attachments []Attachment `json:"attachments,omitempty"`
	// App is the app that wrote this, which Author names too.
	App *AppCard `json:"app,omitempty"`
	// Merchant is for whom the author speaks, if the author is not the
	// customer, in a business conversation. A merchant that speaks without an
	// agent is the author itself.
	Merchant uuid.UUID `json:"merchant,omitzero"`
	// Order is what the message tells of an order, if it does.
	Order *OrderNews `json:"order,omitempty"`
	// Bot is what only messages of apps have.
	Bot *BotPart `json:"bot,omitempty"`
	// QuickReply tells that the text is an answer which a message offered.
	QuickReply *QuickReply `json:"quickReply,omitempty"`
}

// OrderNews is a fact of an order's stream, by its revision there.
type OrderNews struct {
	Order uuid.UUID `json:"order"`
	Entry uint64    `json:"entry"`
}

// Forwarded attributes a text that was passed on. It does not tell which
// conversation the text is from, whose readers need not be these.
type Forwarded struct {
	// Author is who wrote the text first, however often it was passed on.
	Author uuid.UUID `json:"author"`
}

// MessageEdited gives a message another text and other mentions.
type MessageEdited struct {
	Conversation uuid.UUID   `json:"conversation"`
	Number       uint64      `json:"number"`
	By           uuid.UUID   `json:"by"`
	Text         Secret      `json:"text"`
	Mentions     []uuid.UUID `json:"mentions,omitempty"`
}

// MessageRetracted takes back what a message said, for good.
type MessageRetracted struct {
	Conversation uuid.UUID `json:"conversation"`
	Number       uint64    `json:"number"`
	By           uuid.UUID `json:"by"`
}

// ReactionAdded is an emoji that a participant gave a message.
type ReactionAdded struct {
	Conversation uuid.UUID `json:"conversation"`
	Number       uint64    `json:"number"`
	User         uuid.UUID `json:"user"`
	Emoji        string    `json:"emoji"`
}

// ReactionRemoved takes such an emoji back.
type ReactionRemoved struct {
	Conversation uuid.UUID `json:"conversation"`
	Number       uint64    `json:"number"`
	User         uuid.UUID `json:"user"`
	Emoji        string    `json:"emoji"`
}

// MessageNumber is the number of the message that a fact of a messages' stream
// posts or changes. The boolean is false for all other facts.
func MessageNumber(event Event) (uint64, bool) {
	switch fact := event.Fact.(type) {
	case *MessagePosted, *AttachmentShared:
		return event.Revision, true
	case *MessageEdited:
		return fact.Number, true
	case *MessageRetracted:
		return fact.Number, true
	case *ReactionAdded:
		return fact.Number, true
	case *ReactionRemoved:
		return fact.Number, true
	}
	return 0, false
}

// secrets has the text of whoever wrote it: a person who is forgotten is so
// in what others passed on, too.
func (f *MessagePosted) secrets() []ownedSecret {
	writer := f.Author
	if f.Forwarded != nil {
		writer = f.Forwarded.Author
	}
	secrets := append([]ownedSecret{{writer, &f.Text}}, f.Bot.secretsOf(f.Author)...)
	if f.QuickReply != nil {
		secrets = append(secrets, ownedSecret{f.Author, &f.QuickReply.Payload})
	}
	return attachmentSecrets(secrets, writer, f.Attachments)
}

func (f *MessageEdited) secrets() []ownedSecret { return []ownedSecret{{f.By, &f.Text}} }

func (*MessageRetracted) secrets() []ownedSecret { return nil }
func (*ReactionAdded) secrets() []ownedSecret    { return nil }
func (*ReactionRemoved) secrets() []ownedSecret  { return nil }

// scan reads the form in which messages are written, in a quarter of the time
// that decoding takes: most of what a log holds is messages.
func (f *MessagePosted) scan(data []byte) bool {
	s := scan(data)
	s.cut(`{"conversation":"`)
	f.Conversation = s.id()
	s.cut(`,"author":"`)
	f.Author = s.id()
	s.cut(`,"text":"`)
	f.Text = s.secret()
	if s.has(`,"replyTo":`) {
		s.cut(`,"replyTo":`)
		number := s.number()
		f.ReplyTo = &number
	}
	if s.has(`,"merchant":"`) {
		s.cut(`,"merchant":"`)
		f.Merchant = s.id()
	}
	if s.has(`,"order":{`) {
		s.cut(`,"order":{"order":"`)
		f.Order = &OrderNews{Order: s.id()}
		s.cut(`,"entry":`)
		f.Order.Entry = s.number()
		s.cut(`}`)
	}
	s.cut(`}`)
	return s.done()
}
