package commands

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// Block ends the talk between a user and somebody else. It returns the
// UserBlocked event, or none if they were blocked already.
func (c *Commands) Block(ctx context.Context, cause events.Cause, user, other uuid.UUID) ([]events.Event, error) {
	if err := c.mustBeRegistered(ctx, "", other); err != nil {
		return nil, err
	}
	return events.Transact(ctx, c.users, events.UserStream(user), cause,
		func(state decide.User) ([]events.Fact, error) { return decide.Block(state, user, other) })
}

// Unblock takes a Block back. It returns the UserUnblocked event, or none if
// there was no block.
func (c *Commands) Unblock(ctx context.Context, cause events.Cause, user, other uuid.UUID) ([]events.Event, error) {
	return events.Transact(ctx, c.users, events.UserStream(user), cause,
		func(state decide.User) ([]events.Fact, error) { return decide.Unblock(state, user, other) })
}

// MayWrite refuses those who may not write, react or type in a conversation at
// this moment of the log: strangers to it, both people of a direct one of whom
// one has blocked the other, and both sides of a business one that the customer
// has left.
func (c *Commands) MayWrite(ctx context.Context, conversation, user uuid.UUID) error {
	var other uuid.UUID
	err := c.withConversation(ctx, conversation, func(state *decide.Conversation) error {
		other, _ = state.Other(user)
		return state.MayWrite(user)
	})
	if err != nil {
		return err
	}
	return c.reach(ctx, user, other)
}

// MayListen refuses those who may not hear at this moment of the log what
// happens in a conversation: who was blocked by the other person of a direct
// one. That they are in it is for the caller to see to.
func (c *Commands) MayListen(ctx context.Context, conversation, user uuid.UUID) error {
	var other uuid.UUID
	err := c.withConversation(ctx, conversation, func(state *decide.Conversation) error {
		other, _ = state.Other(user)
		return nil
	})
	if err != nil || other == uuid.Nil {
		return err
	}
	var between decide.Relation
	_, err = c.users.With(ctx, events.UserStream(other), func(theirs decide.User) error {
		between.Blocked = theirs.HasBlocked(user)
		return nil
	})
	if err != nil {
		return err
	}
	return decide.Reach(between)
}

// reach refuses to let a user write to the other person of a direct
// conversation, who is Nil in any other.
func (c *Commands) reach(ctx context.Context, user, other uuid.UUID) error {
	if other == uuid.Nil {
		return nil
	}
	var between decide.Relation
	_, err := c.users.With(ctx, events.UserStream(user), func(own decide.User) error {
		between.Blocks = own.HasBlocked(other)
		return nil
	})
	if err != nil {
		return err
	}
	_, err = c.users.With(ctx, events.UserStream(other), func(theirs decide.User) error {
		between.Blocked, between.Gone = theirs.HasBlocked(user), theirs.Erased
		return nil
	})
	if err != nil {
		return err
	}
	return decide.Reach(between)
}
