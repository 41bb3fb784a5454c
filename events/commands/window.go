package commands

import (
	"context"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"parley/events"
)

// longestWindow is for how long after a person was heard anything depends on
// when that was.
const longestWindow = 7 * 24 * time.Hour

// hearings remembers when a person was last heard in a conversation, and up to
// which revision of its messages that is known.
type hearings = lru.Cache[uuid.UUID, hearing]

type hearing struct {
	at   time.Time
	next uint64
}

func newHearings() *hearings {
	recent, err := lru.New[uuid.UUID, hearing](recentConversations)
	if err != nil {
		panic(err) // the capacity is a positive constant
	}
	return recent
}

// LastHeard is when a person last did something in a conversation that an app
// may answer: wrote, reacted, pressed a button, let the app in or opted in to
// the merchant. It is older than a week, and may be zero, if that is longer ago.
func (c *Commands) LastHeard(ctx context.Context, conversation, app uuid.UUID) (time.Time, error) {
	known, found := c.heard.Get(conversation)
	var err error
	if found {
		known, err = c.hearOn(ctx, conversation, known)
	} else {
		known, err = c.hearBack(ctx, conversation)
	}
	if err != nil {
		return time.Time{}, err
	}
	c.heard.Add(conversation, known)
	if c.journal.Now().Sub(known.at) < 24*time.Hour {
		return known.at, nil
	}
	admitted, err := c.letIn(ctx, conversation, app)
	if admitted.After(known.at) {
		return admitted, err
	}
	return known.at, err
}

// hearOn reads what was said since.
func (c *Commands) hearOn(ctx context.Context, conversation uuid.UUID, known hearing) (hearing, error) {
	for event, err := range c.journal.History(ctx, events.MessagesStream(conversation), known.next) {
		if err != nil {
			return known, err
		}
		known.next = event.Revision + 1
		if ofAPerson(event.Fact) && event.Meta.OccurredAt.After(known.at) {
			known.at = event.Meta.OccurredAt
		}
	}
	return known, nil
}

// hearBack looks for the last that a person did, but not further back than it
// matters.
func (c *Commands) hearBack(ctx context.Context, conversation uuid.UUID) (known hearing, err error) {
	begin := c.journal.Now().Add(-longestWindow)
	for recorded, err := range c.journal.Log.Read(ctx, events.MessagesStream(conversation), events.LastRevision, events.Backwards, 0) {
		if err != nil {
			return known, err
		}
		known.next = max(known.next, recorded.Revision+1)
		event, err := events.Decode(recorded)
		if err != nil {
			return known, err
		}
		if ofAPerson(event.Fact) {
			known.at = event.Meta.OccurredAt
			return known, nil
		}
		if event.Meta.OccurredAt.Before(begin) {
			return known, nil
		}
	}
	return known, nil
}

// ofAPerson tells whether a fact is a person's doing that an app may answer,
// rather than an app's or a merchant's.
func ofAPerson(fact events.Fact) bool {
	switch f := fact.(type) {
	case *events.MessagePosted:
		return f.App == nil && f.Merchant == uuid.Nil
	case *events.ButtonPressed:
		return true
	}
	return false
}

// letIn is when an app was last installed in a conversation, or when the
// customer began the merchant's.
func (c *Commands) letIn(ctx context.Context, conversation, app uuid.UUID) (at time.Time, err error) {
	for event, err := range c.journal.History(ctx, events.ConversationStream(conversation), 0) {
		if err != nil {
			return at, err
		}
		switch f := event.Fact.(type) {
		case *events.ConversationStarted:
			if f.Kind == events.Business {
				at = event.Meta.OccurredAt
			}
		case *events.AppInstalled:
			if f.App.ID == app {
				at = event.Meta.OccurredAt
			}
		}
	}
	return at, nil
}
