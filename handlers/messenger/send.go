package messenger

import (
	"context"
	"slices"
	"time"

	"parley/events"
	"parley/events/commands"
	"parley/events/decide"
)

// For how long after a person was heard a page may write to them, and for how
// long one of its people may.
const (
	standardWindow = 24 * time.Hour
	humanWindow    = 7 * 24 * time.Hour
)

// windows are the tags under which a page may write later than that: for how
// long, or for ever if it is 0.
var windows = map[string]time.Duration{
	"CONFIRMED_EVENT_UPDATE": 0,
	"POST_PURCHASE_UPDATE":   0,
	"ACCOUNT_UPDATE":         0,
	"HUMAN_AGENT":            humanWindow,
}

// formerTags are accepted, and open no window any more.
var formerTags = []string{
	"APPLICATION_UPDATE", "APPOINTMENT_UPDATE", "BUSINESS_PRODUCTIVITY", "COMMUNITY_ALERT", "FEATURE_FUNCTIONALITY_UPDATE",
	"GAME_EVENT", "ISSUE_RESOLUTION", "NON_PROMOTIONAL_SUBSCRIPTION", "PAIRING_UPDATE", "PAYMENT_UPDATE", "PERSONAL_FINANCE_UPDATE",
	"RESERVATION_UPDATE", "SHIPPING_UPDATE", "TICKET_UPDATE", "TRANSPORTATION_UPDATE",
}

// sent is what a send answers.
type sent struct {
	RecipientID  string `json:"recipient_id"`
	MessageID    string `json:"message_id,omitempty"`
	AttachmentID string `json:"attachment_id,omitempty"`
}

func (a *API) send(ctx context.Context, c *call) (any, error) {
	if c.params.has("sender_action") {
		return a.act(ctx, c)
	}
	m, err := readMessage(c.params)
	if err != nil {
		return nil, err
	}
	psid, person, err := a.reach(ctx, c, m.grant())
	if err != nil {
		return nil, err
	}
	if err := a.Commands.MaySpeak(ctx, person.Conversation, c.page.App, m.grant()); err != nil {
		return nil, err
	}
	if err := a.checkWindow(ctx, c, person); err != nil {
		return nil, err
	}
	if m.receipt != nil {
		mid, err := a.placeOrder(ctx, c, person, m.receipt)
		return sent{RecipientID: psid, MessageID: mid}, err
	}
	return a.post(ctx, c, psid, person, m)
}

// checkWindow refuses what is sent too long after the person was heard.
func (a *API) checkWindow(ctx context.Context, c *call, person Person) error {
	window, bounded, err := windowOf(c.params)
	if err != nil || !bounded {
		return err
	}
	heard, err := a.Commands.LastHeard(ctx, person.Conversation, c.page.App)
	if err != nil {
		return err
	}
	if a.Now().Sub(heard) >= window {
		return errWindow
	}
	return nil
}

// windowOf reads how long after a person was heard a message may be sent.
func windowOf(p params) (window time.Duration, bounded bool, err error) {
	kind, err := p.text("messaging_type")
	if err != nil {
		return 0, false, err
	}
	tag, err := p.text("tag")
	if err != nil {
		return 0, false, err
	}
	if !slices.Contains([]string{"", "RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY"}, kind) {
		return 0, false, invalid("messaging_type", "must be one of {RESPONSE, UPDATE, MESSAGE_TAG, UTILITY}")
	}
	window, current := windows[tag]
	switch {
	case kind == "MESSAGE_TAG" && tag == "":
		return 0, false, invalid("tag", "is required with messaging_type MESSAGE_TAG")
	case tag != "" && !current && !slices.Contains(formerTags, tag):
		return 0, false, invalid("tag", "is none of the platform's message tags")
	case current && window == 0, kind == "UTILITY":
		return 0, false, nil
	case current:
		return window, true, nil
	}
	return standardWindow, true, nil
}

// post completes a message with its files and posts it.
func (a *API) post(ctx context.Context, c *call, psid string, person Person, m *message) (any, error) {
	app, err := a.Commands.App(ctx, c.page.App)
	if err != nil {
		return nil, err
	}
	card := app.Card()
	posting := decide.Message{Conversation: person.Conversation, Author: c.page.App, App: &card, Text: m.text}
	if posting.Bot, err = a.botPart(ctx, c, m); err != nil {
		return nil, err
	}
	if posting.ReplyTo, err = replyTo(c.params, person); err != nil {
		return nil, err
	}
	answer := sent{RecipientID: psid}
	if m.file != nil {
		file, err := a.takeFile(ctx, c, m.file)
		if err != nil {
			return nil, err
		}
		posting.Attachments = []decide.Attachment{file}
		if m.file.reusable || m.file.id != "" {
			answer.AttachmentID = file.Media.String()
		}
	}
	event, err := a.Commands.Post(ctx, c.cause, posting)
	if err != nil {
		return nil, err
	}
	answer.MessageID = MID(person.Conversation, event.Revision)
	return answer, nil
}

// botPart is what a message has beyond text and files, or nil.
func (a *API) botPart(ctx context.Context, c *call, m *message) (*events.BotPart, error) {
	persona, err := a.personaOf(ctx, c)
	if err != nil {
		return nil, err
	}
	notification, err := c.params.text("notification_type")
	switch {
	case err != nil:
		return nil, err
	case notification == "REGULAR":
		notification = ""
	case notification != "" && notification != "SILENT_PUSH" && notification != "NO_PUSH":
		return nil, invalid("notification_type", "must be one of {REGULAR, SILENT_PUSH, NO_PUSH}")
	}
	if m.template == "" && m.quickReplies == "" && m.metadata == "" && persona == nil && notification == "" {
		return nil, nil
	}
	return &events.BotPart{
		Template: events.Private(m.template), QuickReplies: events.Private(m.quickReplies), Metadata: events.Private(m.metadata),
		Persona: persona, Notification: notification,
	}, nil
}

// replyTo reads which message is answered: beside the message, or in it.
func replyTo(p params, person Person) (*uint64, error) {
	type reference struct {
		MID flexText `json:"mid"`
	}
	var beside reference
	var inside struct {
		ReplyTo reference `json:"reply_to"`
	}
	if err := p.into("reply_to", &beside); err != nil {
		return nil, err
	}
	if err := p.into("message", &inside); err != nil {
		return nil, err
	}
	mid := string(beside.MID)
	if mid == "" {
		mid = string(inside.ReplyTo.MID)
	}
	if mid == "" {
		return nil, nil
	}
	conversation, number, ok := ParseMID(mid)
	if !ok || conversation != person.Conversation {
		return nil, invalid("reply_to.mid", "is no message of this thread")
	}
	return &number, nil
}

// pageMay refuses an app that was not granted something on its page.
func (a *API) pageMay(ctx context.Context, page commands.Page, grant events.Grant) error {
	return a.Commands.PageMay(ctx, page, grant)
}
