package esdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"parley/events"
)

// The pauses between attempts to connect, and between subscriptions.
const (
	minBackoff = 20 * time.Millisecond
	maxBackoff = time.Second
)

// supervisor owns the sessions: it makes one, waits until it is retired, and
// makes the next.
type supervisor struct {
	config client.Configuration
	logger *slog.Logger
	// ctx ends when the log is closed.
	ctx    context.Context
	cancel context.CancelFunc
	// running counts the supervisor's goroutines and the undrained sessions.
	running sync.WaitGroup

	mu sync.Mutex
	// current is the session that calls enter; nil while there is none.
	current *session
	// outage is why there is none, once an attempt to make one has failed.
	outage error
	// changed is closed and replaced when current or outage change.
	changed chan struct{}
}

func newSupervisor(config client.Configuration, logger *slog.Logger) *supervisor {
	ctx, cancel := context.WithCancel(context.Background())
	s := &supervisor{config: config, logger: logger, ctx: ctx, cancel: cancel, changed: make(chan struct{})}
	s.running.Go(s.run)
	return s
}

func (s *supervisor) run() {
	pause := backoff{}
	leader := ""
	for s.ctx.Err() == nil {
		lasted, redirected := false, leader != ""
		current, err := s.connect(leader)
		leader = ""
		if err == nil {
			connected := time.Now()
			s.publish(current, nil)
			s.logger.Info("connected to the event log")
			leader, err = s.watch(current)
			lasted = time.Since(connected) > maxBackoff
		}
		if s.ctx.Err() != nil {
			break
		}
		s.logger.Warn("the event log is unavailable", "error", err)
		// Who was sent from one server to the next, and on again, is amid an
		// election and had better wait.
		if lasted || leader != "" && !redirected {
			pause.reset()
			s.publish(nil, nil)
			continue
		}
		s.publish(nil, err)
		pause.wait(s.ctx)
	}
	s.publish(nil, errClosed)
}

// health is why there is no connection, or nil.
func (s *supervisor) health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.outage != nil:
		return events.Unavailable(s.outage)
	case s.current == nil || s.current.isRetired():
		return events.Unavailable(errConnecting)
	}
	return nil
}

// watch returns the cause of the session's end and the leader it was sent to,
// if any, having seen to its closing.
func (s *supervisor) watch(current *session) (leader string, cause error) {
	select {
	case <-current.retiring:
	case <-s.ctx.Done():
		current.retire(errClosed)
	}
	s.running.Go(func() {
		<-current.drained
		current.client.Close()
	})
	return current.ended()
}

// connect makes a client and lets one call go first, which finds the server:
// the leader, if one is given.
func (s *supervisor) connect(leader string) (*session, error) {
	made := newSession()
	config := s.config
	if leader != "" {
		config.Address, config.DnsDiscover, config.GossipSeeds = leader, false, nil
	}
	config.Logger = made.listen
	c, err := client.NewClient(&config)
	if err != nil {
		return nil, fmt.Errorf("configure the client: %w", err)
	}
	made.client = c
	found := make(chan error, 1)
	s.running.Go(func() {
		_, err := c.GetServerVersion()
		if err != nil || s.ctx.Err() != nil {
			c.Close()
		}
		found <- err
	})
	select {
	case err := <-found:
		if err == nil {
			err = s.ctx.Err()
		}
		return made, err
	case <-s.ctx.Done():
		return nil, errClosed
	}
}

func (s *supervisor) publish(current *session, outage error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.outage = current, outage
	close(s.changed)
	s.changed = make(chan struct{})
}

// enter makes the caller a user of the current session. It waits while the
// first attempt to connect goes on, and fails at once when that has failed.
func (s *supervisor) enter(ctx context.Context) (*session, error) {
	for {
		s.mu.Lock()
		current, outage, changed := s.current, s.outage, s.changed
		s.mu.Unlock()
		if current != nil && current.enter() {
			return current, nil
		}
		if outage != nil {
			return nil, events.Unavailable(outage)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for a connection: %w", ctx.Err())
		}
	}
}

// settled waits until the first attempt to connect has ended.
func (s *supervisor) settled(ctx context.Context) {
	s.mu.Lock()
	changed, done := s.changed, s.current != nil || s.outage != nil
	s.mu.Unlock()
	if done {
		return
	}
	select {
	case <-changed:
	case <-ctx.Done():
	}
}

func (s *supervisor) close(ctx context.Context) error {
	s.cancel()
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return errors.New("close the event log: some calls have not ended yet")
	}
}

// backoff is an exponential pause with full jitter. The zero value is ready.
type backoff struct {
	next time.Duration
}

func (b *backoff) reset() { b.next = 0 }

// wait pauses, the longer the more often it was called since reset; a done
// context ends the pause.
func (b *backoff) wait(ctx context.Context) {
	b.next = min(max(2*b.next, minBackoff), maxBackoff)
	timer := time.NewTimer(b.next/2 + rand.N(b.next/2))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
