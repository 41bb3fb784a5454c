package projections

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// seenKept bounds how many users it is remembered of when they were there.
	seenKept = 100_000
	// DefaultGrace is how long a user without a stream still counts as there:
	// a stream that breaks is soon opened anew.
	DefaultGrace = 3 * time.Second
)

// presence is who is there, on this server.
type presence struct {
	now   func() time.Time
	grace time.Duration
	// wake says that changed has something.
	wake chan struct{}

	mu       sync.Mutex
	changed  map[uuid.UUID]struct{}           // to be looked at; guarded by mu
	there    map[uuid.UUID]struct{}           // as was told last; guarded by mu
	lastSeen *lru.Cache[uuid.UUID, time.Time] // guarded by mu
}

func newPresence(now func() time.Time) *presence {
	seen, err := lru.New[uuid.UUID, time.Time](seenKept)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &presence{
		now: now, grace: DefaultGrace, wake: make(chan struct{}, 1),
		changed: make(map[uuid.UUID]struct{}), there: make(map[uuid.UUID]struct{}), lastSeen: seen,
	}
}

// note hears of a user's first stream, and of the last one's end.
func (p *presence) note(user uuid.UUID, online bool) {
	if online {
		p.look(user)
		return
	}
	p.mu.Lock()
	p.lastSeen.Add(user, p.now().UTC())
	p.mu.Unlock()
	time.AfterFunc(p.grace, func() { p.look(user) })
}

// look has a user looked at.
func (p *presence) look(user uuid.UUID) {
	p.mu.Lock()
	p.changed[user] = struct{}{}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default: // it is awake
	}
}

// take returns the users to be looked at.
func (p *presence) take() map[uuid.UUID]struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	changed := p.changed
	p.changed = make(map[uuid.UUID]struct{})
	return changed
}

// tell notes what is told of a user now, and whether that is news.
func (p *presence) tell(user uuid.UUID, online bool) (Signal, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, was := p.there[user]; was == online {
		return Signal{}, false
	}
	if online {
		p.there[user] = struct{}{}
	} else {
		delete(p.there, user)
	}
	return Signal{User: user, Online: online, LastSeen: p.seenLocked(user, online)}, true
}

// seenLocked must be called with mu held.
func (p *presence) seenLocked(user uuid.UUID, online bool) *time.Time {
	if at, known := p.lastSeen.Get(user); known && !online {
		return &at
	}
	return nil
}

func (p *presence) seen(user uuid.UUID, online bool) *time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seenLocked(user, online)
}

// announce tells who came and who went, until the context ends.
func (f *Feed) announce(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.presence.wake:
		}
		for user := range f.presence.take() {
			signal, news := f.presence.tell(user, f.hub.Online(user))
			if !news {
				continue
			}
			if err := f.Deliver(ctx, signal); err != nil && ctx.Err() == nil {
				f.logger.WarnContext(ctx, "live events: a user's coming or going is not told", "cause", err)
			}
		}
	}
}

// Presence returns who of a conversation is there, as one of them sees it. In a
// conversation of many, those who are not are left out.
//
// Errors: ErrNotFound, ErrNotParticipant.
func (f *Feed) Presence(ctx context.Context, conversation, viewer uuid.UUID) ([]PresenceData, error) {
	participants, err := f.views.Conversations.Participants(ctx, conversation, viewer, -1, MaxPage)
	if err != nil {
		return nil, err
	}
	members, err := f.views.Conversations.Members(ctx, conversation)
	if err != nil {
		return nil, err
	}
	apart, err := f.views.Users.apart(ctx, viewer)
	if err != nil {
		return nil, err
	}
	found := []PresenceData{}
	if len(members) <= intimate {
		for _, p := range participants.Participants {
			found = append(found, f.presenceOf(p.UserID, apart[p.UserID]))
		}
		return found, nil
	}
	for _, user := range f.hub.OnlineAmong(members, MaxPage) {
		if !apart[user] {
			found = append(found, f.presenceOf(user, false))
		}
	}
	return found, nil
}

func (f *Feed) presenceOf(user uuid.UUID, hidden bool) PresenceData {
	if hidden {
		return PresenceData{UserID: user}
	}
	online := f.hub.Online(user)
	return PresenceData{user, online, f.presence.seen(user, online)}
}
