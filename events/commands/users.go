package commands

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// Register makes a user. If r.User is zero, it is given an id; if the cause
// names no actor, users act for themselves. Returned is the UserRegistered
// event.
func (c *Commands) Register(ctx context.Context, cause events.Cause, r decide.Registration) (events.Event, error) {
	if r.User == uuid.Nil {
		r.User = c.newID(cause)
	}
	if _, err := decide.Register(decide.User{}, r); err != nil {
		return events.Event{}, err
	}
	known, err := c.everRegistered(ctx, r.User)
	if err != nil {
		return events.Event{}, err
	}
	if !known {
		if r.User, err = c.claimHandle(ctx, cause, r); err != nil {
			return events.Event{}, err
		}
	}
	if cause.Actor == "" {
		cause.Actor = r.User.String()
	}
	written, err := events.Transact(ctx, c.users, events.UserStream(r.User), cause,
		func(user decide.User) ([]events.Fact, error) { return decide.Register(user, r) })
	if err != nil {
		return events.Event{}, err
	}
	return written[0], nil
}

// claimHandle claims the handle and returns the id to register it under. A
// claim whose registration never came, because the server died between the
// two, is taken over with the id it names; if the first registration comes
// after all, it finds that user taken.
func (c *Commands) claimHandle(ctx context.Context, cause events.Cause, r decide.Registration) (uuid.UUID, error) {
	stream := c.handleStream(r.Handle)
	if cause.Actor == "" {
		cause.Actor = r.User.String()
	}
	_, err := c.journal.Append(ctx, stream, events.NoStream, cause, &events.HandleClaimed{User: r.User})
	if err == nil {
		return r.User, nil
	}
	if !errors.Is(err, events.ErrConflict) && !errors.Is(err, events.ErrKeyReused) {
		return uuid.Nil, err
	}
	owner, _, err := c.handleOwner(ctx, stream)
	if err != nil {
		return uuid.Nil, err
	}
	taken, err := c.everRegistered(ctx, owner)
	if err == nil && taken && owner != r.User {
		err = decide.HandleTaken()
	}
	return owner, err
}

// UserByHandle finds the user who has claimed a handle. The handle of an erased
// user stays claimed, so that nobody can pass for them, and finds nobody.
func (c *Commands) UserByHandle(ctx context.Context, handle string) (uuid.UUID, bool, error) {
	owner, claimed, err := c.handleOwner(ctx, c.handleStream(handle))
	if err != nil || !claimed {
		return uuid.Nil, false, err
	}
	known, err := c.Registered(ctx, owner)
	return owner, known, err
}

func (c *Commands) handleStream(handle string) string {
	return events.HandleStream(c.journal.Keys.Pseudonym(decide.FoldHandle(handle)))
}

func (c *Commands) handleOwner(ctx context.Context, stream string) (uuid.UUID, bool, error) {
	event, found, err := c.journal.Fact(ctx, stream, 0)
	if err != nil || !found {
		return uuid.Nil, false, err
	}
	return event.Fact.(*events.HandleClaimed).User, true, nil
}

// ChangeProfile gives a user another display name and returns the
// ProfileChanged event.
func (c *Commands) ChangeProfile(ctx context.Context, cause events.Cause, user uuid.UUID, displayName string) (events.Event, error) {
	written, err := events.Transact(ctx, c.users, events.UserStream(user), cause,
		func(state decide.User) ([]events.Fact, error) {
			return decide.ChangeProfile(state, user, displayName)
		})
	if err != nil {
		return events.Event{}, err
	}
	return written[0], nil
}
