package commands

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// A thumbs-up buys what was offered: as a reaction to the message of the offer,
// as an answer to it, or as what the customer says next. It buys before it is
// written, so that whoever sees it may rely on it; a repeat of one that was
// broken off buys nothing more.

// buyByReaction buys what a message offers, if the emoji is a thumbs-up.
func (c *Commands) buyByReaction(ctx context.Context, cause events.Cause, conversation uuid.UUID, number uint64, user uuid.UUID, emoji string) error {
	if !decide.IsThumbsUp(emoji) {
		return nil
	}
	return c.buyWhatIsOffered(ctx, cause, conversation, number, user)
}

// buyByWord is buyByReaction for a message.
func (c *Commands) buyByWord(ctx context.Context, cause events.Cause, m decide.Message) error {
	if !decide.IsThumbsUp(m.Text) || m.Forwarded != nil {
		return nil
	}
	if err := c.MayWrite(ctx, m.Conversation, m.Author); err != nil {
		return err
	}
	if m.ReplyTo != nil {
		return c.buyWhatIsOffered(ctx, cause, m.Conversation, *m.ReplyTo, m.Author)
	}
	for recorded, err := range c.journal.Log.Read(ctx, events.MessagesStream(m.Conversation), events.LastRevision, events.Backwards, lookBack) {
		if err != nil {
			return err
		}
		if posts[recorded.Type] {
			return c.buyWhatIsOffered(ctx, cause, m.Conversation, recorded.Revision, m.Author)
		}
	}
	return nil
}

// lookBack bounds how many facts after an offer, as reactions, may come before
// the word that buys it.
const lookBack = 50

// buyWhatIsOffered accepts the offer that a message brought, if it did and the
// user is whom it is for.
func (c *Commands) buyWhatIsOffered(ctx context.Context, cause events.Cause, conversation uuid.UUID, number uint64, user uuid.UUID) error {
	posted, found, err := c.posted(ctx, conversation, number)
	if err != nil || !found {
		return err
	}
	message, _ := events.PostOf(posted.Fact)
	news := message.Order
	if news == nil || news.Entry > 0 {
		return nil
	}
	offered := false
	_, err = c.orders.With(ctx, events.OrderStream(news.Order), func(o *decide.Order) error {
		offered = o.Customer == user && !o.Bought()
		return nil
	})
	if err != nil || !offered {
		return err
	}
	cause.IdempotencyKey = ""
	cause.Causation = posted.ID.String()
	_, err = c.RequestOfOrder(ctx, cause, news.Order, decide.Wish{Kind: decide.WantsToBuy, By: user})
	return err
}
