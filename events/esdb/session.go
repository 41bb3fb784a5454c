package esdb

import (
	"context"
	"sync"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// admissionGrace bounds how long a retiring session waits for calls that are
// being handed their connection.
const admissionGrace = time.Second

// session is one client and those who use it.
//
// The client has a goroutine of its own that hands out the connection. After a
// call has failed as unavailable, the next call makes it look for a server
// anew: it drops the old connection unclosed, and if it finds no server it
// stops for good and whoever waits for it hangs. So a session is retired before
// that can happen: no call may enter any more, and the client is closed when
// the last one has left.
type session struct {
	client *client.Client
	// retiring is closed when no further call may enter.
	retiring chan struct{}
	// drained is closed when, after that, the last user has left.
	drained chan struct{}

	mu       sync.Mutex
	users    int
	entering int
	retired  bool
	cause    error
	// leader is where the server said the next session should go, if it did.
	leader string
	// admitted is closed when nobody is entering a retired session.
	admitted chan struct{}
}

func newSession() *session {
	return &session{
		retiring: make(chan struct{}),
		drained:  make(chan struct{}),
		admitted: make(chan struct{}),
	}
}

// enter makes the caller a user who is about to call the client. It answers
// false when the session is retired.
func (s *session) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return false
	}
	s.users++
	s.entering++
	return true
}

// admit says that the client has handed a user its connection.
func (s *session) admit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entering--
	if s.retired && s.entering == 0 {
		close(s.admitted)
	}
}

// leave says that a user makes no further use of the client.
func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
	if s.retired && s.users == 0 {
		close(s.drained)
	}
}

// shut lets nobody enter any more.
func (s *session) shut(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return
	}
	s.retired, s.cause = true, cause
	close(s.retiring)
	if s.entering == 0 {
		close(s.admitted)
	}
	if s.users == 0 {
		close(s.drained)
	}
}

// retire shuts the session and returns when those who were entering have been
// admitted.
func (s *session) retire(cause error) {
	s.shut(cause)
	grace := time.NewTimer(admissionGrace)
	defer grace.Stop()
	select {
	case <-s.admitted:
	case <-grace.C:
	}
}

func (s *session) isRetired() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.retired
}

// redirect notes the address of the leader.
func (s *session) redirect(leader string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leader = leader
}

// ended is why a retired session was retired, and where to go instead.
func (s *session) ended() (leader string, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leader, s.cause
}

// admission is a call's context that tells the session when the client has
// handed the call its connection: the client looks at the context right after.
type admission struct {
	context.Context
	admit func()
}

func newAdmission(ctx context.Context, s *session) admission {
	return admission{Context: ctx, admit: sync.OnceFunc(s.admit)}
}

func (a admission) Deadline() (time.Time, bool) {
	a.admit()
	return a.Context.Deadline()
}
