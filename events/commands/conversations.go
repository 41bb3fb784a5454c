package commands

import (
	"context"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"parley/events"
	"parley/events/decide"
)

// lookups bounds how many streams one command reads at a time.
const lookups = 32

// Start begins a conversation, or finds the direct one that the two people
// have already: existed is true then. If b.Conversation is zero it is given
// the id that its kind asks for. Returned is the ConversationStarted event.
func (c *Commands) Start(ctx context.Context, cause events.Cause, b decide.Beginning) (started events.Event, existed bool, err error) {
	if b.Conversation == uuid.Nil {
		b.Conversation = c.conversationID(cause, b)
	}
	if _, err := decide.Start(decide.NewConversation(), b); err != nil {
		return events.Event{}, false, err
	}
	stream := events.ConversationStream(b.Conversation)
	if err := c.mayStart(ctx, b); err != nil {
		return events.Event{}, false, err
	}
	written, err := events.Transact(ctx, c.conversations, stream, cause,
		func(state *decide.Conversation) ([]events.Fact, error) { return decide.Start(state, b) })
	if err != nil {
		return events.Event{}, false, err
	}
	if len(written) > 0 {
		return written[0], false, nil
	}
	first, _, err := c.journal.Fact(ctx, stream, 0)
	return first, true, err
}

// mayStart refuses to bring people together who are not registered, and two of
// whom one has blocked the other. What they said before stays theirs to open.
func (c *Commands) mayStart(ctx context.Context, b decide.Beginning) error {
	people := b.People()
	if b.Kind != events.Direct || len(people) != 2 {
		return c.mustBeRegistered(ctx, "participants", people...)
	}
	var started bool
	_, err := c.conversations.With(ctx, events.ConversationStream(b.Conversation), func(state *decide.Conversation) error {
		started = state.Started()
		return nil
	})
	if started || err != nil {
		return err
	}
	if err := c.mustBeRegistered(ctx, "participants", people...); err != nil {
		return err
	}
	return c.reach(ctx, people[0], people[1])
}

func (c *Commands) conversationID(cause events.Cause, b decide.Beginning) uuid.UUID {
	if people := b.People(); b.Kind == events.Direct && len(people) <= 2 {
		return events.DirectID(people[0], people[len(people)-1])
	}
	return c.newID(cause)
}

func (c *Commands) mustBeRegistered(ctx context.Context, field string, users ...uuid.UUID) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lookups)
	for _, user := range users {
		group.Go(func() error {
			known, err := c.Registered(ctx, user)
			if err == nil && !known {
				err = decide.NoSuchUser(field, user)
			}
			return err
		})
	}
	return group.Wait()
}

// Rename gives a group another title and returns the ConversationRenamed event.
func (c *Commands) Rename(ctx context.Context, cause events.Cause, conversation, by uuid.UUID, title string) (events.Event, error) {
	written, err := c.transactConversation(ctx, conversation, cause,
		func(state *decide.Conversation) ([]events.Fact, error) { return decide.Rename(state, by, title) })
	if err != nil {
		return events.Event{}, err
	}
	return written[0], nil
}

// Admit refuses those who are not in a conversation at this moment of the log,
// ahead of any view.
func (c *Commands) Admit(ctx context.Context, conversation, user uuid.UUID) error {
	return c.withConversation(ctx, conversation,
		func(state *decide.Conversation) error { return state.Admit(user) })
}

// withConversation lends a conversation's state to use, which must neither keep
// nor change it. A business conversation knows its merchant.
func (c *Commands) withConversation(ctx context.Context, conversation uuid.UUID, use func(*decide.Conversation) error) error {
	var business *decide.Conversation
	_, err := c.conversations.With(ctx, events.ConversationStream(conversation), func(state *decide.Conversation) error {
		if state.Kind != events.Business {
			return use(state)
		}
		business = state.For(nil)
		return nil
	})
	if err != nil || business == nil {
		return err
	}
	_, err = c.merchants.With(ctx, events.MerchantStream(business.Merchant), func(m *decide.Merchant) error {
		business.Business = m
		return use(business)
	})
	return err
}

// transactConversation is events.Transact on a conversation. A business
// conversation knows its merchant.
func (c *Commands) transactConversation(ctx context.Context, conversation uuid.UUID, cause events.Cause, rule func(*decide.Conversation) ([]events.Fact, error)) ([]events.Event, error) {
	return events.Transact(ctx, c.conversations, events.ConversationStream(conversation), cause,
		func(state *decide.Conversation) (facts []events.Fact, err error) {
			if state.Kind != events.Business {
				return rule(state)
			}
			_, err = c.merchants.With(ctx, events.MerchantStream(state.Merchant), func(m *decide.Merchant) (err error) {
				facts, err = rule(state.For(m))
				return err
			})
			return facts, err
		})
}
