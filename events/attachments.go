package events

import "github.com/google/uuid"

// Attachment is a file in a message.
type Attachment struct {
	Media Digest `json:"media"`
	MediaInfo
	// Name is what the sender calls the file; it may be empty.
	Name Secret `json:"name"`
}

// AttachmentShared is a file, or several, that an app brought into a
// conversation, with a text or without.
type AttachmentShared struct {
	Conversation uuid.UUID `json:"conversation"`
	App          AppCard   `json:"app"`
	Text         Secret    `json:"text"`
	// ReplyTo is the number of the message that is answered, if any.
	ReplyTo     *uint64      `json:"replyTo,omitempty"`
	Attachments []Attachment `json:"attachments"`
	// Bot is what else the message has.
	Bot *BotPart `json:"bot,omitempty"`
}

func (f *AttachmentShared) secrets() []ownedSecret {
	return attachmentSecrets(append([]ownedSecret{{f.App.ID, &f.Text}}, f.Bot.secretsOf(f.App.ID)...), f.App.ID, f.Attachments)
}

// attachmentSecrets adds the files' names, which belong to whoever wrote the
// message.
func attachmentSecrets(secrets []ownedSecret, writer uuid.UUID, attachments []Attachment) []ownedSecret {
	for i := range attachments {
		secrets = append(secrets, ownedSecret{writer, &attachments[i].Name})
	}
	return secrets
}

// PostOf is the message that a fact posts, in the form of those that people
// post. The boolean is false for all other facts.
func PostOf(fact Fact) (*MessagePosted, bool) {
	switch f := fact.(type) {
	case *MessagePosted:
		return f, true
	case *AttachmentShared:
		return &MessagePosted{
			Conversation: f.Conversation, Author: f.App.ID, Text: f.Text, ReplyTo: f.ReplyTo,
			Attachments: f.Attachments, App: &f.App, Bot: f.Bot,
		}, true
	}
	return nil, false
}
