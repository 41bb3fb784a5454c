package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// Erasure is what was written of a user's erasure.
type Erasure struct {
	Erased  events.Event // UserErased
	Revoked events.Event // SubjectRevoked
}

// Erase makes a user one who has left for good. When it returns, their tokens
// are revoked and their key is destroyed. The fact comes first: whatever fails
// after it, and the leaving of groups, is done by FinishErasures. To erase a
// user again does again what comes after the fact.
func (c *Commands) Erase(ctx context.Context, cause events.Cause, user uuid.UUID) (Erasure, error) {
	_, err := events.Transact(ctx, c.users, events.UserStream(user), cause,
		func(state decide.User) ([]events.Fact, error) { return decide.Erase(state, user) })
	if err != nil {
		return Erasure{}, err
	}
	erased, err := c.erasureOf(ctx, user)
	if err != nil {
		return Erasure{}, err
	}
	return c.forget(ctx, erased)
}

// erasureOf reads the UserErased event, which ends an erased user's stream.
func (c *Commands) erasureOf(ctx context.Context, user uuid.UUID) (events.Event, error) {
	for recorded, err := range c.journal.Log.Read(ctx, events.UserStream(user), events.LastRevision, events.Backwards, 1) {
		if err != nil {
			return events.Event{}, err
		}
		event, err := events.Decode(recorded)
		if err != nil {
			return events.Event{}, err
		}
		if _, erased := event.Fact.(*events.UserErased); erased {
			return event, nil
		}
	}
	return events.Event{}, fmt.Errorf("user %s is not erased", user)
}

// forget does what must be done at once after an erasure. To do it again
// changes nothing.
func (c *Commands) forget(ctx context.Context, erased events.Event) (Erasure, error) {
	revoked, err := c.revokeForGood(ctx, erased)
	if err != nil {
		return Erasure{}, err
	}
	if err := c.journal.Keys.Forget(ctx, erased.Fact.(*events.UserErased).User); err != nil {
		return Erasure{}, err
	}
	return Erasure{erased, revoked}, nil
}

// because is the cause of what follows from an event.
func because(event events.Event) events.Cause {
	return events.Cause{Actor: event.Meta.Actor, Correlation: event.Meta.Correlation, Causation: event.ID.String()}
}

// ErasureView is what finishing erasures needs of a read model.
type ErasureView interface {
	// Erased lists users who are erased, those after a user in the order of
	// their ids.
	Erased(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error)
	// GroupsOf lists the groups that a user is in.
	GroupsOf(ctx context.Context, user uuid.UUID) ([]uuid.UUID, error)
	// Passed returns when the view shows everything up to the position.
	Passed(ctx context.Context, position events.Position) error
}

// Of an erasure that fails is tried again after erasuresAgain; erasuresListed
// are read at a time.
const (
	erasuresAgain  = 5 * time.Second
	erasuresListed = 1000
)

// FinishErasures carries out what follows from erasures, until the context
// ends: it destroys keys that are still there, as after a crash or when an
// older vault was put back, and takes erased users out of their groups. It is
// run once by each server; that several do the same changes nothing.
func (c *Commands) FinishErasures(ctx context.Context, view ErasureView, logger *slog.Logger) {
	f := finisher{Commands: c, view: view}
	for ctx.Err() == nil {
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		logger.WarnContext(ctx, "an erasure is not finished yet", "cause", err)
		select {
		case <-time.After(erasuresAgain):
		case <-ctx.Done():
		}
	}
}

// finisher is one run of FinishErasures.
type finisher struct {
	*Commands
	view ErasureView
	// started says that all erasures up to reached are finished.
	started bool
	reached events.Position
}

func (f *finisher) follow(ctx context.Context) error {
	if !f.started {
		if err := f.start(ctx); err != nil {
			return err
		}
	}
	users := events.Filter{StreamPrefixes: []string{"user-"}}
	for recorded, err := range f.journal.Log.Follow(ctx, f.reached, users) {
		if err != nil {
			return err
		}
		if recorded.Type == erasedType {
			if err := f.finishRecorded(ctx, recorded); err != nil {
				return err
			}
		}
		if !recorded.IsMark() {
			f.reached = recorded.Position
		}
	}
	return ctx.Err()
}

var erasedType = events.TypeOf(new(events.UserErased))

// start finishes what was left unfinished before.
func (f *finisher) start(ctx context.Context) error {
	tip, err := events.Tip(ctx, f.journal.Log)
	if err != nil {
		return err
	}
	if err := f.view.Passed(ctx, tip); err != nil {
		return err
	}
	for after := uuid.Nil; ; {
		users, err := f.view.Erased(ctx, after, erasuresListed)
		if err != nil {
			return err
		}
		for _, user := range users {
			if err := f.finishLeft(ctx, user); err != nil {
				return err
			}
		}
		if len(users) < erasuresListed {
			break
		}
		after = users[len(users)-1]
	}
	f.started, f.reached = true, tip
	return nil
}

// finishLeft finishes an erasure of which most was done before.
func (f *finisher) finishLeft(ctx context.Context, user uuid.UUID) error {
	forgotten, err := f.journal.Keys.Forgotten(ctx, user)
	if err != nil {
		return err
	}
	groups, err := f.view.GroupsOf(ctx, user)
	if err != nil || forgotten && len(groups) == 0 {
		return err
	}
	erased, err := f.erasureOf(ctx, user)
	if err != nil {
		return err
	}
	return f.finish(ctx, erased)
}

func (f *finisher) finishRecorded(ctx context.Context, recorded events.Recorded) error {
	event, err := events.Decode(recorded)
	if err != nil {
		return err
	}
	return f.finish(ctx, event)
}

func (f *finisher) finish(ctx context.Context, erased events.Event) error {
	if _, err := f.forget(ctx, erased); err != nil {
		return err
	}
	if err := f.view.Passed(ctx, erased.Position); err != nil {
		return err
	}
	user := erased.Fact.(*events.UserErased).User
	groups, err := f.view.GroupsOf(ctx, user)
	if err != nil {
		return err
	}
	for _, group := range groups {
		_, err := f.RemoveParticipant(ctx, because(erased), group, user, user)
		if gone := (*decide.Refusal)(nil); errors.As(err, &gone) && gone.Kind == decide.Unknown {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}
