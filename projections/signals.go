package projections

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"parley/projections/live"
)

const (
	// typingHolds is how long somebody counts as typing who said so once, and
	// typingEvery how often that is told at most.
	typingHolds, typingEvery = 6 * time.Second, 2 * time.Second
	// typistsKept bounds how many typists are remembered for that.
	typistsKept = 10_000
	// intimate is how many people a conversation has at most in which signals
	// are told: in a crowd, they would be most of what is told.
	intimate = 200
)

// Signal is something that is told to those who listen now and kept nowhere:
// that a user types in a conversation, or that they came or went. Where it
// comes from does not matter to Deliver.
type Signal struct {
	// Conversation is where the user types; zero if they came or went.
	Conversation uuid.UUID
	User         uuid.UUID
	// Until is when they no longer count as typing.
	Until time.Time
	// Online and LastSeen are of who came or went.
	Online   bool
	LastSeen *time.Time
}

// TypingData is the data of an event typing.
type TypingData struct {
	ConversationID uuid.UUID `json:"conversationId"`
	UserID         uuid.UUID `json:"userId"`
	Until          time.Time `json:"until"`
}

// PresenceData is the data of an event presence: whether a user has a live
// stream, and when they last had one, if that is known.
type PresenceData struct {
	UserID   uuid.UUID  `json:"userId"`
	Online   bool       `json:"online"`
	LastSeen *time.Time `json:"lastSeen"`
}

// typist is who types where.
type typist struct{ conversation, user uuid.UUID }

// Typing tells the others in a conversation that a user types. To say so more
// often than it is told changes nothing. That the user may write there is for
// the caller to see to.
func (f *Feed) Typing(ctx context.Context, conversation, user uuid.UUID) error {
	now := f.views.now()
	key := typist{conversation, user}
	if told, known := f.typists.Get(key); known && now.Sub(told) < typingEvery {
		return nil
	}
	f.typists.Add(key, now)
	return f.Deliver(ctx, Signal{Conversation: conversation, User: user, Until: now.Add(typingHolds).UTC()})
}

// StopTyping tells the others that a user types no longer.
func (f *Feed) StopTyping(ctx context.Context, conversation, user uuid.UUID) error {
	f.typists.Remove(typist{conversation, user})
	return f.Deliver(ctx, Signal{Conversation: conversation, User: user, Until: f.views.now().UTC()})
}

// Deliver tells a signal to those whom it concerns and who listen here.
func (f *Feed) Deliver(ctx context.Context, s Signal) error {
	if s.Conversation == uuid.Nil {
		return f.deliverPresence(ctx, s)
	}
	members, err := f.views.Conversations.Members(ctx, s.Conversation)
	if err != nil || len(members) > intimate {
		return err
	}
	data, err := json.Marshal(TypingData{s.Conversation, s.User, s.Until})
	if err == nil {
		f.hub.Signal([]uuid.UUID{s.Conversation}, members, map[uuid.UUID]bool{s.User: true}, live.NewFrame(0, "typing", data))
	}
	return err
}

// deliverPresence tells those who share a conversation with the user, each
// once, but nobody who has blocked the user or was blocked by them.
func (f *Feed) deliverPresence(ctx context.Context, s Signal) error {
	joined, err := f.views.Conversations.memberships(ctx, s.User)
	if err != nil {
		return err
	}
	apart, err := f.views.Users.apart(ctx, s.User)
	if err != nil {
		return err
	}
	var rooms []uuid.UUID
	readers := make(live.Members)
	for conversation := range joined {
		members, err := f.views.Conversations.Members(ctx, conversation)
		if err != nil {
			return err
		}
		if len(members) > intimate || len(members) == 2 && anyIn(members, apart) {
			continue
		}
		rooms = append(rooms, conversation)
		for user := range members {
			readers[user] = 0
		}
	}
	data, err := json.Marshal(PresenceData{s.User, s.Online, s.LastSeen})
	if err == nil {
		apart[s.User] = true
		f.hub.Signal(rooms, readers, apart, live.NewFrame(0, "presence", data))
	}
	return err
}

func anyIn(members live.Members, apart map[uuid.UUID]bool) bool {
	for user := range members {
		if apart[user] {
			return true
		}
	}
	return false
}
