package messenger

import (
	"encoding/json"
	"mime/multipart"
	"slices"
	"unicode/utf8"

	"parley/events"
)

// The platform's bounds, in characters unless they count.
const (
	maxText         = 2_000
	maxQuickReplies = 13
	maxTitle        = 20
	maxPayload      = 1_000
	maxMetadata     = 1_000
	maxURL          = 2_048
)

// message is what is to be sent, checked as far as it can be without knowing to
// whom.
type message struct {
	text         string
	quickReplies string
	metadata     string
	template     string
	file         *fileSource
	receipt      *receipt
}

// fileSource is where a file comes from: an upload of before, an address, or
// the request itself.
type fileSource struct {
	kind     string
	id, url  string
	reusable bool
	sent     *multipart.FileHeader
}

// grant is what an app needs to send the message.
func (m *message) grant() events.Grant {
	if m.file != nil && m.text == "" && m.template == "" {
		return events.WriteAttachments
	}
	return events.WriteMessages
}

// messageBody is a message on the wire.
type messageBody struct {
	Text         *flexText         `json:"text"`
	Attachment   *attachmentBody   `json:"attachment"`
	Attachments  []attachmentBody  `json:"attachments"`
	QuickReplies []json.RawMessage `json:"quick_replies"`
	Metadata     flexText          `json:"metadata"`
}

type attachmentBody struct {
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload"`
}

// readMessage reads the parameter message.
func readMessage(p params) (*message, error) {
	if !p.has("message") {
		return nil, invalid("message", "is required, or a sender_action")
	}
	var body messageBody
	if err := p.into("message", &body); err != nil {
		return nil, err
	}
	m := &message{metadata: string(body.Metadata)}
	if n := utf8.RuneCountInString(m.metadata); n >= maxMetadata {
		return nil, invalid("message.metadata", "must have less than %d characters, but has %d", maxMetadata, n)
	}
	if body.Text != nil {
		m.text = string(*body.Text)
		if n := utf8.RuneCountInString(m.text); n > maxText {
			return nil, invalid("message.text", "must have at most %d characters, but has %d", maxText, n)
		}
	}
	var err error
	if m.quickReplies, err = readQuickReplies(body.QuickReplies); err != nil {
		return nil, err
	}
	if body.Attachment == nil && len(body.Attachments) > 0 {
		if len(body.Attachments) > 1 {
			return nil, invalid("message.attachments", "must be at most one")
		}
		body.Attachment = &body.Attachments[0]
	}
	if body.Attachment == nil {
		if m.text == "" {
			return nil, errEmpty
		}
		return m, nil
	}
	if m.text != "" {
		return nil, invalid("message", "has a text and an attachment; a message has one of them")
	}
	return m, m.attach(p, body.Attachment)
}

// fileTypes are the kinds of files that are attached, and which are meant.
var fileTypes = map[string][]events.MediaKind{
	"image": {events.ImageMedia, events.AnimationMedia},
	"video": {events.VideoMedia},
	"audio": {events.AudioMedia},
	"file":  {events.ImageMedia, events.AnimationMedia, events.VideoMedia, events.AudioMedia, events.FileMedia},
}

func (m *message) attach(p params, body *attachmentBody) (err error) {
	if body.Type == "template" {
		return m.readTemplate(body.Payload)
	}
	m.file, err = readFile(p, body)
	return err
}

// filePayload is the payload of a file, on the wire.
type filePayload struct {
	URL          string   `json:"url"`
	AttachmentID flexText `json:"attachment_id"`
	Reusable     flexBool `json:"is_reusable"`
}

func readFile(p params, body *attachmentBody) (*fileSource, error) {
	if _, known := fileTypes[body.Type]; !known {
		return nil, invalid("message.attachment.type", "must be one of {audio, file, image, template, video}")
	}
	var payload filePayload
	if len(body.Payload) > 0 {
		if err := json.Unmarshal(body.Payload, &payload); err != nil {
			return nil, misread("message.attachment.payload", err)
		}
	}
	file := &fileSource{kind: body.Type, id: string(payload.AttachmentID), url: payload.URL, reusable: bool(payload.Reusable)}
	file.sent, _ = p.file()
	given := 0
	for _, is := range []bool{file.id != "", file.url != "", file.sent != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return nil, invalid("message.attachment.payload", "must have one of url and attachment_id, or come with filedata")
	}
	return file, nil
}

// quickReplyBody is an offered answer on the wire, and as it is kept.
type quickReplyBody struct {
	ContentType string   `json:"content_type"`
	Title       flexText `json:"title,omitempty"`
	Payload     flexText `json:"payload,omitempty"`
	ImageURL    string   `json:"image_url,omitempty"`
}

// askingReplies are those whose answer is the person's own.
var askingReplies = []string{"location", "user_email", "user_phone_number"}

// readQuickReplies checks the answers that are offered and gives their JSON, or
// nothing if there are none.
func readQuickReplies(bodies []json.RawMessage) (string, error) {
	if len(bodies) == 0 {
		return "", nil
	}
	if len(bodies) > maxQuickReplies {
		return "", invalid("message.quick_replies", "must be at most %d", maxQuickReplies)
	}
	replies := make([]quickReplyBody, len(bodies))
	for i, body := range bodies {
		if err := json.Unmarshal(body, &replies[i]); err != nil {
			return "", misread(at("message.quick_replies", i), err)
		}
		if err := replies[i].check(at("message.quick_replies", i)); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(replies)
	return string(text), err
}

func (q *quickReplyBody) check(param string) error {
	if q.ContentType == "" {
		q.ContentType = "text"
	}
	if slices.Contains(askingReplies, q.ContentType) {
		return nil
	}
	if q.ContentType != "text" {
		return invalid(param+".content_type", "must be one of {text, location, user_email, user_phone_number}")
	}
	if err := checkTitle(param+".title", string(q.Title)); err != nil {
		return err
	}
	if err := checkLength(param+".payload", string(q.Payload), maxPayload); err != nil {
		return err
	}
	return checkLink(param+".image_url", q.ImageURL, false)
}
