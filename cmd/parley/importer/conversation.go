package importer

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
)

// conversation is one that the files tell of. But for parties and lane, which
// never change, it is owned by its lane.
type conversation struct {
	parties
	lane int

	open    bool  // the rest is known
	refused error // why it cannot be
	id      uuid.UUID
	started bool
	host    uuid.UUID          // lets newcomers into a group; zero if nobody is left
	members map[uuid.UUID]bool // of a group
	present []uuid.UUID        // ids of its messages before this run, sorted
	taken   map[uuid.UUID]bool // ids met in this run, if they can come again
}

// open finds out what the log has of a conversation. A store's own memory for
// event ids may be short, so the ids of its messages are read once.
func (l *lane) open(ctx context.Context, c *conversation) (err error) {
	c.open = true
	if c.id, err = l.conversationID(ctx, c); err != nil || c.refused != nil {
		return err
	}
	state := decide.NewConversation()
	for event, err := range l.journal.History(ctx, events.ConversationStream(c.id), 0) {
		if err != nil {
			return fmt.Errorf("reading conversation %s: %w", c.id, err)
		}
		state = decide.EvolveConversation(state, event.Fact)
	}
	if !state.Started() {
		return nil
	}
	c.started = true
	if c.room != "" {
		c.host = state.Owner()
		c.members = make(map[uuid.UUID]bool, len(state.Participants))
		for user := range state.Participants {
			c.members[user] = true
		}
	}
	return l.readPresent(ctx, c)
}

func (l *lane) readPresent(ctx context.Context, c *conversation) error {
	for event, err := range l.journal.Log.Read(ctx, events.MessagesStream(c.id), 0, events.Forwards, 0) {
		if err != nil {
			return fmt.Errorf("reading the messages of %s: %w", c.id, err)
		}
		c.present = append(c.present, event.ID)
	}
	slices.SortFunc(c.present, compareIDs)
	return nil
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

// conversationID is always the same for a room or pair. A room's name may be
// private, so its id does not tell it to those who guess.
func (l *lane) conversationID(ctx context.Context, c *conversation) (uuid.UUID, error) {
	if c.room != "" {
		return uuid.NewSHA1(roomSpace, []byte(l.journal.Keys.Pseudonym("room\x00"+c.room))), nil
	}
	for _, p := range []*person{c.a, c.b} {
		if err := p.wait(ctx); err != nil {
			return uuid.Nil, err
		}
		if p.refused != nil {
			c.refused = p.refused
		}
	}
	return events.DirectID(c.a.id, c.b.id), nil
}

// roomSpace is the UUIDv5 namespace of imported rooms.
var roomSpace = uuid.MustParse("b0f7a1de-52d3-5b0c-8c39-4f6c1a7e9d20")

// key gives a posting its idempotency key. What it is made of is secret, so
// that nobody can confirm a guessed text by an event's id after its author was
// forgotten.
func (l *lane) key(p posting) keyed {
	from := fmt.Sprintf("line\x00%s\x00%d\x00%s", p.conversation.room, p.origin.number, p.origin.line)
	key := l.journal.Keys.Pseudonym(from)
	return keyed{posting: p, key: key, id: events.KeyedID(p.author.id.String(), key)}
}

// take tells whether a message is new to the conversation. With several files,
// a line can come twice.
func (l *lane) take(c *conversation, id uuid.UUID) bool {
	if _, there := slices.BinarySearchFunc(c.present, id, compareIDs); there || c.taken[id] {
		return false
	}
	if len(l.survey.sources) > 1 {
		if c.taken == nil {
			c.taken = make(map[uuid.UUID]bool)
		}
		c.taken[id] = true
	}
	return true
}

// admit sees to it that a posting's author is in the conversation.
func (l *lane) admit(ctx context.Context, c *conversation, p posting) error {
	switch {
	case p.author.refused != nil:
		return p.author.refused
	case c.refused != nil:
		return c.refused
	case !c.started:
		return l.start(ctx, c, p)
	case c.room == "" || c.members[p.author.id]:
		return nil
	case c.host == uuid.Nil:
		return &decide.Refusal{Kind: decide.Taken, Reason: "nobody is left in the conversation to let the author in"}
	}
	cause := events.Cause{Actor: c.host.String(), OccurredAt: p.at}
	if _, err := l.commands.AddParticipant(ctx, cause, c.id, c.host, p.author.id); err != nil {
		return err
	}
	c.members[p.author.id] = true
	return nil
}

// start begins a conversation with its first posting.
func (l *lane) start(ctx context.Context, c *conversation, p posting) error {
	beginning := decide.Beginning{Conversation: c.id, Starter: p.author.id, Kind: events.Group, Title: c.room}
	if c.room == "" {
		beginning.Kind, beginning.Others = events.Direct, []uuid.UUID{c.a.id, c.b.id}
	}
	cause := events.Cause{Actor: p.author.id.String(), OccurredAt: p.at}
	_, existed, err := l.commands.Start(ctx, cause, beginning)
	if err != nil {
		return err
	}
	if !existed {
		l.tally.started()
	}
	c.started = true
	if c.room != "" {
		c.host, c.members = p.author.id, map[uuid.UUID]bool{p.author.id: true}
	}
	return nil
}
