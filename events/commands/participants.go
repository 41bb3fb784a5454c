package commands

import (
	"context"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// AddParticipant lets a user into a group on behalf of a participant. It
// returns the ParticipantAdded event, or none if the user was in it already.
func (c *Commands) AddParticipant(ctx context.Context, cause events.Cause, conversation, by, user uuid.UUID) ([]events.Event, error) {
	if err := c.Admit(ctx, conversation, by); err != nil {
		return nil, err
	}
	if err := c.mustBeRegistered(ctx, "userId", user); err != nil {
		return nil, err
	}
	return c.transactConversation(ctx, conversation, cause,
		func(state *decide.Conversation) ([]events.Fact, error) {
			return decide.AddParticipant(state, by, user)
		})
}

// RemoveParticipant takes a user out of a group. It returns the
// ParticipantRemoved event, and that of the new owner's role if it was the
// owner who left; none if the user was not in it. A customer who leaves a
// business conversation leaves the merchant: that is the CustomerUnlinked event.
func (c *Commands) RemoveParticipant(ctx context.Context, cause events.Cause, conversation, by, user uuid.UUID) ([]events.Event, error) {
	if by == user {
		merchant, err := c.merchantOf(ctx, conversation, user)
		if err != nil {
			return nil, err
		}
		if merchant != uuid.Nil {
			return c.UnlinkCustomer(ctx, cause, merchant, user)
		}
	}
	return c.transactConversation(ctx, conversation, cause,
		func(state *decide.Conversation) ([]events.Fact, error) {
			return decide.RemoveParticipant(state, by, user)
		})
}

// ChangeRole makes a participant something else. It returns the
// ParticipantRoleChanged events: two if ownership was handed over, none if the
// participant was that already.
func (c *Commands) ChangeRole(ctx context.Context, cause events.Cause, conversation, by, user uuid.UUID, role events.Role) ([]events.Event, error) {
	return c.transactConversation(ctx, conversation, cause,
		func(state *decide.Conversation) ([]events.Fact, error) {
			return decide.ChangeRole(state, by, user, role)
		})
}
