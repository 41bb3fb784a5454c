package messenger

import (
	"context"

	"parley/events"
)

// reactionEmoji are the platform's names of emoji.
var reactionEmoji = map[string]string{
	"love": "❤", "smile": "😆", "haha": "😆", "wow": "😮", "sad": "😢", "angry": "😠", "like": "👍", "dislike": "👎", "yes": "👍", "no": "👎",
}

// act carries out a sender action, which comes without a message.
func (a *API) act(ctx context.Context, c *call) (any, error) {
	action, err := c.params.text("sender_action")
	if err != nil {
		return nil, err
	}
	if c.params.has("message") {
		return nil, invalid("sender_action", "comes in a request of its own, without a message")
	}
	psid, person, err := a.reach(ctx, c, events.WriteMessages)
	if err != nil {
		return nil, err
	}
	if err := a.Commands.MaySpeak(ctx, person.Conversation, c.page.App, events.WriteMessages); err != nil {
		return nil, err
	}
	switch action {
	case "mark_seen":
		err = a.Commands.MarkSeen(ctx, c.cause, person.Conversation, c.page.App)
	case "typing_on":
		err = a.Feed.Typing(ctx, person.Conversation, c.page.App)
	case "typing_off":
		err = a.Feed.StopTyping(ctx, person.Conversation, c.page.App)
	case "react", "unreact":
		err = a.react(ctx, c, person, action == "react")
	default:
		err = invalid("sender_action", "must be one of {mark_seen, react, typing_off, typing_on, unreact}")
	}
	return sent{RecipientID: psid}, err
}

// react gives a message an emoji, by its name or itself, or takes back all that
// the app gave it.
func (a *API) react(ctx context.Context, c *call, person Person, gives bool) error {
	var payload struct {
		MessageID flexText `json:"message_id"`
		Reaction  flexText `json:"reaction"`
	}
	if err := c.params.into("payload", &payload); err != nil {
		return err
	}
	conversation, number, ok := ParseMID(string(payload.MessageID))
	if !ok || conversation != person.Conversation {
		return invalid("payload.message_id", "is no message of this thread")
	}
	if !gives {
		return a.Commands.UnreactAll(ctx, c.cause, conversation, number, c.page.App)
	}
	emoji := string(payload.Reaction)
	if named, known := reactionEmoji[emoji]; known {
		emoji = named
	}
	_, err := a.Commands.React(ctx, c.cause, conversation, number, c.page.App, emoji)
	return err
}
