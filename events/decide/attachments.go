package decide

import (
	"strings"

	"parley/events"
)

const (
	// MaxAttachments bounds how many files one message has.
	MaxAttachments = 10
	maxFileName    = 255
)

// Attachment is a file that a message has or is to have.
type Attachment struct {
	Media events.Digest
	// Name is what the sender calls the file; it may be empty.
	Name string
	// Info is what the file is, as the log knows it.
	Info events.MediaInfo
}

// checkAttachments refuses names that are no names of a file alone. That the
// author may send the files is for the caller to see to.
func checkAttachments(attachments []Attachment) error {
	if len(attachments) > MaxAttachments {
		return refuse(Invalid, "attachments", "must be at most %d files", MaxAttachments)
	}
	for _, a := range attachments {
		if err := checkLine("attachments.name", a.Name, 0, maxFileName); err != nil {
			return err
		}
		if strings.ContainsAny(a.Name, `/\`) {
			return refuse(Invalid, "attachments.name", "must be the name of a file, without a path")
		}
	}
	return nil
}

// leastText is how short a text may be: a file or a template speaks for itself.
func (m Message) leastText() int {
	if m.Bot != nil && m.Bot.Template.Plain != "" {
		return 0
	}
	return leastText(m.Attachments)
}

func leastText(attachments []Attachment) int {
	if len(attachments) > 0 {
		return 0
	}
	return 1
}

func sealable(attachments []Attachment) []events.Attachment {
	var files []events.Attachment
	for _, a := range attachments {
		files = append(files, events.Attachment{Media: a.Media, MediaInfo: a.Info, Name: events.Private(a.Name)})
	}
	return files
}

// attached are a message's files. Whoever is forgotten is so with theirs.
func attached(posted *events.MessagePosted) []Attachment {
	if posted.Text.Forgotten {
		return nil
	}
	var attachments []Attachment
	for _, file := range posted.Attachments {
		attachments = append(attachments, Attachment{file.Media, file.Name.Plain, file.MediaInfo})
	}
	return attachments
}

// admittedTo refuses an author who is not in the conversation, and an app that
// may not say what it wants to there.
func (m Message) admittedTo(c *Conversation) error {
	if m.App == nil {
		return c.Admit(m.Author)
	}
	if len(m.Attachments) > 0 {
		if err := c.May(m.App.ID, events.WriteAttachments); err != nil {
			return err
		}
	}
	if m.Text != "" || m.Bot != nil || len(m.Attachments) == 0 {
		if err := c.May(m.App.ID, events.WriteMessages); err != nil {
			return err
		}
	}
	return c.Speaks(m.App.ID)
}

// shared is the fact of an app that brings files.
func (m Message) shared() *events.AttachmentShared {
	return &events.AttachmentShared{
		Conversation: m.Conversation,
		App:          *m.App,
		Text:         events.Private(m.Text),
		ReplyTo:      m.ReplyTo,
		Attachments:  sealable(m.Attachments),
		Bot:          m.Bot,
	}
}
