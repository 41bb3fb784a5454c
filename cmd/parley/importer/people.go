package importer

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// person is somebody who appears in the files.
type person struct {
	handle string
	first  time.Time // fixed once the survey is over
	// expected tells that a registrar was asked; owned by the reader.
	expected bool

	registered chan struct{} // closed by a registrar, after which the rest stands
	id         uuid.UUID
	refused    error // why they cannot be a user
}

// wait returns when the person has an id or was refused one.
func (p *person) wait(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case <-p.registered:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// register gives people their ids until there are no more newcomers.
func (i *importing) register(ctx context.Context, newcomers <-chan *person) error {
	for {
		select {
		case p, more := <-newcomers:
			if !more {
				return nil
			}
			if err := i.registerOne(context.WithoutCancel(ctx), p); err != nil {
				return err
			}
			close(p.registered)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// registerOne finds the user who has the handle, or registers one.
func (i *importing) registerOne(ctx context.Context, p *person) (err error) {
	var known bool
	if p.id, known, err = i.commands.UserByHandle(ctx, p.handle); err != nil || known {
		return err
	}
	event, err := i.commands.Register(ctx, events.Cause{OccurredAt: p.first}, decide.Registration{
		Handle:      p.handle,
		DisplayName: p.handle,
		Product:     i.product,
	})
	switch {
	case err == nil:
		p.id = event.Fact.(*events.UserRegistered).User
		i.tally.registered()
	case refusal(err):
		p.refused = err
	default:
		return err
	}
	return nil
}

func isRefusal(err error) bool {
	var refused *decide.Refusal
	return errors.As(err, &refused)
}
