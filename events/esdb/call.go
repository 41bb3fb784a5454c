package esdb

import (
	"context"
	"fmt"
	"strings"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/metadata"
)

// operation is one call of the client.
type operation[T any] func(context.Context, *client.Client) (T, error)

type outcome[T any] struct {
	value T
	err   error
}

// call runs one operation within the log's deadline. The client can ignore its
// context, so the operation runs beside the caller, who leaves with the context.
func call[T any](ctx context.Context, l *Log, do operation[T]) (T, error) {
	within, cancel := context.WithTimeout(ctx, l.deadline)
	defer cancel()
	var none T
	current, err := l.supervisor.enter(within)
	if err != nil {
		return none, l.fault(ctx, err)
	}
	entered := time.Now()
	answered := make(chan outcome[T], 1)
	go func() {
		defer current.leave()
		value, err := use(l.outgoing(within), current, do)
		answered <- outcome[T]{value, err}
	}()
	select {
	case answer := <-answered:
		if answer.err == nil {
			return answer.value, nil
		}
		err = answer.err
	case <-within.Done():
		err = fmt.Errorf("no answer: %w", within.Err())
	case <-l.supervisor.ctx.Done():
		err = errClosed
	}
	if ctx.Err() == nil && time.Since(entered) > l.deadline/2 {
		current.shut(errUnanswered)
	}
	return none, l.fault(ctx, err)
}

// use runs an operation for a user that has entered the session, and retires
// the session if the client proves to be of no more use.
func use[T any](ctx context.Context, s *session, do operation[T]) (T, error) {
	admission := newAdmission(ctx, s)
	defer admission.admit()
	value, err := do(admission, s.client)
	if err != nil && ruinous(err) {
		admission.admit()
		s.retire(err)
	}
	return value, err
}

// outgoing adds the header that the client itself fails to send.
func (l *Log) outgoing(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "requires-leader", l.leader)
}

// listen is the client's logger. The client logs a failed call on that call's
// goroutine, just before it makes its next call look for a server anew: the
// last moment to retire the session. It also logs where a follower says that
// the leader is, and nowhere else does it tell.
func (s *session) listen(level client.LogLevel, format string, args ...any) {
	if level != client.LogError || len(args) != 1 {
		return
	}
	switch told := args[0].(type) {
	case client.EndPoint:
		s.redirect(told.String())
	case error:
		if strings.HasPrefix(format, "unexpected exception") && ruinous(told) {
			s.retire(told)
		}
	}
}
