package webhooks

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/handlers/messenger"
)

const (
	// linksHold is how long the links to attachments hold.
	linksHold = 24 * time.Hour
	// stale is from which age on a message may have been taken back before it
	// is delivered.
	stale = 2 * time.Second
)

// compose makes the body of a delivery, from the log: what is personal is kept
// nowhere else. It fails with errNothing if there is nothing left to be told.
func (e *Engine) compose(ctx context.Context, r *row) ([]byte, error) {
	event, err := e.read(ctx, r)
	if err != nil {
		return nil, err
	}
	one, err := e.itemOf(ctx, r, event)
	if err != nil {
		return nil, err
	}
	one.EventID = event.ID
	one.Timestamp = event.Meta.OccurredAt.UnixMilli()
	page := r.page().ID().String()
	told := entry{ID: page, Time: e.Now().UnixMilli()}
	if r.standby {
		told.Standby = []item{one}
	} else {
		told.Messaging = []item{one}
	}
	return json.Marshal(envelope{"page", []entry{told}})
}

// itemOf is what a delivery tells of an event.
func (e *Engine) itemOf(ctx context.Context, r *row, event events.Event) (item, error) {
	if posted, ok := events.PostOf(event.Fact); ok {
		return e.messageItem(ctx, r, event, posted)
	}
	switch fact := event.Fact.(type) {
	case *events.MessageEdited:
		one := r.from(fact.Conversation, fact.By)
		one.Edit = &edit{messenger.MID(fact.Conversation, fact.Number), fact.Text.Plain}
		if fact.Text.Forgotten {
			return one, errNothing
		}
		return one, nil
	case *events.MessageRetracted:
		one := r.from(fact.Conversation, fact.By)
		one.Message = &message{MID: messenger.MID(fact.Conversation, fact.Number), IsDeleted: true}
		return one, nil
	case *events.ReactionAdded:
		one := r.from(fact.Conversation, fact.User)
		one.Reaction = reactionOf(fact.Emoji, "react", messenger.MID(fact.Conversation, fact.Number))
		return one, nil
	case *events.ReactionRemoved:
		one := r.from(fact.Conversation, fact.User)
		one.Reaction = reactionOf(fact.Emoji, "unreact", messenger.MID(fact.Conversation, fact.Number))
		return one, nil
	case *events.ReadUpTo:
		mark, err := e.watermark(ctx, fact.Conversation, fact.Number)
		one := r.from(fact.Conversation, fact.User)
		one.Read = &watermark{Watermark: mark}
		return one, err
	case *events.DeliveredUpTo:
		mark, err := e.watermark(ctx, fact.Conversation, fact.Number)
		one := r.from(fact.Conversation, fact.User)
		one.Delivery = &watermark{[]string{messenger.MID(fact.Conversation, fact.Number)}, mark}
		return one, err
	}
	if pressed, ok := event.Fact.(*events.ButtonPressed); ok {
		return r.postbackItem(pressed)
	}
	return e.pageItem(ctx, r, event)
}

func (r *row) postbackItem(pressed *events.ButtonPressed) (item, error) {
	one := r.from(pressed.Conversation, pressed.User)
	one.Postback = &postback{Title: pressed.Title.Plain, Payload: pressed.Payload.Plain}
	if pressed.Number != nil {
		one.Postback.MID = messenger.MID(pressed.Conversation, *pressed.Number)
	}
	if pressed.Payload.Forgotten {
		return one, errNothing
	}
	return one, nil
}

// pageItem is an item of those that only apps of merchants are told.
func (e *Engine) pageItem(ctx context.Context, r *row, event events.Event) (item, error) {
	switch fact := event.Fact.(type) {
	case *events.CustomerLinked:
		one := r.from(r.lane, fact.Customer)
		one.Optin = &optin{fact.Source}
		return one, nil
	case *events.AppConnected:
		role, err := e.role(ctx, fact)
		return item{Recipient: party{fact.Merchant.String()}, Roles: map[string][]string{r.app.String(): {role}}}, err
	case events.OrderFact:
		step := fact.Step()
		one := r.from(r.lane, step.Customer)
		one.Order = &order{step.Order, event.Type, event.Revision, step.Merchant, step.Customer}
		return one, nil
	}
	addressee, err := e.addressee(ctx, r)
	one := item{Sender: &addressee, Recipient: party{r.merchant.String()}}
	switch fact := event.Fact.(type) {
	case *events.ThreadControlPassed:
		one.Pass = &handover{Previous: messenger.AppID(fact.App), New: messenger.AppID(fact.To), Metadata: fact.Metadata.Plain}
	case *events.ThreadControlTaken:
		one.Take = &handover{Previous: messenger.AppID(fact.From), New: messenger.AppID(fact.App), Metadata: fact.Metadata.Plain}
	case *events.ThreadControlRequested:
		one.Request = &handover{Requested: messenger.AppID(fact.App), Metadata: fact.Metadata.Plain}
	default:
		return one, errNothing
	}
	return one, err
}

// role is the place of an app among those that speak for a merchant.
func (e *Engine) role(ctx context.Context, fact *events.AppConnected) (string, error) {
	connected, err := e.Commands.ConnectedApps(ctx, fact.Merchant)
	if err == nil && len(connected) > 0 && connected[0].ID == fact.App.ID {
		return "primary_receiver", nil
	}
	return "secondary_receiver", err
}

// addressee is whom a page speaks with in a delivery's conversation: a
// merchant's customer, or the conversation as a whole.
func (e *Engine) addressee(ctx context.Context, r *row) (party, error) {
	if r.merchant == uuid.Nil {
		return *r.from(r.lane, uuid.Nil).Sender, nil
	}
	customers, err := all(ctx, e.store, scanID, `SELECT customer FROM rooms WHERE conversation = $1`, r.lane[:])
	if err == nil && len(customers) == 0 {
		err = errNothing
	}
	if err != nil {
		return party{}, err
	}
	return *r.from(r.lane, customers[0]).Sender, nil
}

// from is an item that somebody caused in a conversation, for the page.
func (r *row) from(conversation, user uuid.UUID) item {
	return item{
		Sender:    &party{messenger.PSID(r.page(), messenger.Person{Conversation: conversation, User: user})},
		Recipient: party{r.page().ID().String()},
	}
}

// messageItem is a message to the page, or its own echoed.
func (e *Engine) messageItem(ctx context.Context, r *row, event events.Event, posted *events.MessagePosted) (item, error) {
	one := r.from(posted.Conversation, posted.Author)
	told := &message{MID: messenger.MID(posted.Conversation, event.Revision)}
	one.Message = told
	if r.field == events.EchoesField {
		to, err := e.addressee(ctx, r)
		if err != nil {
			return one, err
		}
		one.Sender, one.Recipient = &party{r.page().ID().String()}, to
		told.IsEcho = true
		if posted.App != nil {
			told.AppID = posted.App.ID.String()
		}
	}
	gone, err := e.takenBack(ctx, r, posted.Conversation)
	if err != nil {
		return one, err
	}
	if gone || posted.Text.Forgotten {
		told.IsDeleted = true
		return one, nil
	}
	told.Text = posted.Text.Plain
	if posted.QuickReply != nil {
		told.QuickReply = &quickReply{posted.QuickReply.Payload.Plain}
	}
	if posted.Bot != nil && posted.Author == r.app {
		told.Metadata = posted.Bot.Metadata.Plain
	}
	if posted.ReplyTo != nil {
		told.ReplyTo = &repliedTo{messenger.MID(posted.Conversation, *posted.ReplyTo)}
	}
	e.attach(told, posted)
	return one, nil
}

// attach adds what a message has beyond its text.
func (e *Engine) attach(told *message, posted *events.MessagePosted) {
	if posted.Bot != nil && posted.Bot.Template.Plain != "" {
		told.Attachments = []attachment{{Type: "template", Title: told.Text, Payload: json.RawMessage(posted.Bot.Template.Plain)}}
		told.Text = ""
		return
	}
	for _, file := range posted.Attachments {
		link := e.Link(file.Media, e.Now().Add(linksHold))
		told.Attachments = append(told.Attachments, attachment{Type: attachmentType(file.Kind()), Payload: attachmentPayload{link}})
	}
}

// takenBack tells whether a message was, if there was time for that.
func (e *Engine) takenBack(ctx context.Context, r *row, conversation uuid.UUID) (bool, error) {
	if e.Now().UnixMilli()-r.queued < stale.Milliseconds() && r.replayed == 0 && r.attempts == 0 {
		return false, nil
	}
	return e.Commands.Retracted(ctx, conversation, r.revision)
}

// watermark is when a message was written.
func (e *Engine) watermark(ctx context.Context, conversation uuid.UUID, number uint64) (int64, error) {
	recorded, found, err := e.Journal.Recorded(ctx, events.MessagesStream(conversation), number)
	switch {
	case errors.Is(err, events.ErrStreamDeleted) || err == nil && !found:
		return 0, errNothing
	case err != nil:
		return 0, err
	}
	_, at, err := events.ActorAndTime(recorded.Metadata)
	return at.UnixMilli(), err
}
