// Package esdb is an events.Log over an EventStoreDB server or cluster, by way
// of EventStore-Client-Go. It speaks to the embedded node's own listener as
// well.
//
// An outage needs no restart: calls fail fast with events.ErrUnavailable while
// it lasts and work again when it is over; Follow resumes after the last
// position it has yielded.
package esdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"parley/events"
)

// DefaultDeadline bounds a call when neither Options nor the connection string
// say otherwise.
const DefaultDeadline = 5 * time.Second

// Options are what a connection string cannot say. The zero value is usable.
type Options struct {
	// Deadline bounds one append, and the wait for the next event of a read.
	// When 0 it is the connection string's defaultDeadline, or DefaultDeadline.
	Deadline time.Duration
	// Logger hears of lost and regained connections; nil is silence.
	Logger *slog.Logger
}

// Log is an events.Log kept by an EventStoreDB server.
type Log struct {
	supervisor *supervisor
	deadline   time.Duration
	// leader is the requires-leader header of every call.
	leader string
}

var _ events.Log = (*Log)(nil)

var (
	errClosed     = errors.New("the connection to the event log was closed")
	errConnecting = errors.New("connecting to the event log")
	// errUnanswered retires a connection that keeps its calls waiting, long
	// before keep-alive would notice.
	errUnanswered = errors.New("the event log did not answer in time")
)

// Open returns the log that a connection string (esdb:// or esdb+discover://)
// names. It waits for the first attempt to connect or for its context, but a
// server out of reach is no error: the log keeps trying until Close. The error
// says what is wrong with the connection string.
func Open(ctx context.Context, connectionString string, opts Options) (*Log, error) {
	config, err := parse(connectionString)
	if err != nil {
		return nil, fmt.Errorf("connection string: %w", err)
	}
	logger := opts.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	deadline := opts.Deadline
	if deadline <= 0 {
		deadline = DefaultDeadline
		if config.DefaultDeadline != nil {
			deadline = *config.DefaultDeadline
		}
	}
	leader := "false"
	if config.NodePreference == client.NodePreferenceLeader {
		leader = "true"
	}
	log := &Log{supervisor: newSupervisor(*config, logger), deadline: deadline, leader: leader}
	log.supervisor.settled(ctx)
	return log, nil
}

// Health is nil while there is a connection to a server, and otherwise an
// events.ErrUnavailable with the cause. It asks nobody and returns at once: a
// server that has fallen silent is noticed by the next call, or by keep-alive.
func (l *Log) Health() error { return l.supervisor.health() }

// Close ends every call, sequence and connection. It waits for them no longer
// than a call's deadline and reports those still running then.
func (l *Log) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), l.deadline)
	defer cancel()
	return l.supervisor.close(ctx)
}
