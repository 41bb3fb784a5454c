package projections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/projections/views"
)

// Conversation is a conversation as one of its participants sees it.
type Conversation struct {
	ID    uuid.UUID   `json:"id"`
	Kind  events.Kind `json:"kind"`
	Title string      `json:"title"`
	// Participants are in the order in which they joined. In an inbox they are
	// the first InboxParticipants.
	Participants []Participant `json:"participants"`
	// ParticipantCount counts all of them.
	ParticipantCount uint64   `json:"participantCount"`
	MessageCount     uint64   `json:"messageCount"`
	LastMessage      *Message `json:"lastMessage"`
	// Unread counts the messages after the viewer's own marker.
	Unread uint64 `json:"unread"`
	// Mentioned counts those of them that mention the viewer.
	Mentioned uint64    `json:"mentioned"`
	StartedAt time.Time `json:"startedAt"`
	// Pinned are the numbers of messages, those pinned last at the end.
	Pinned []uint64 `json:"pinned"`
	// Muted says that the viewer wants no notifications: until MutedUntil, or
	// for good if that is nil.
	Muted      bool       `json:"muted"`
	MutedUntil *time.Time `json:"mutedUntil"`
	// Archived says that the viewer has put the conversation away, and that
	// nobody else has posted in it since.
	Archived bool `json:"archived"`
	// MerchantID is whose agents take part as well, in a business conversation.
	MerchantID *uuid.UUID `json:"merchantId"`
}

// Conversations is the read model of conversations and their messages.
type Conversations struct {
	journal *events.Journal
	now     func() time.Time
	store   *views.Store
	cache   *pageCache
	lines   *recentLines
	orders  *inboxOrders

	// What follows is owned by the engine.

	rooms map[uuid.UUID]*room
	// erased are the people whose words are shown no more.
	erased erasures
	// order is the rooms that the batch being applied has touched.
	order []*room
	// staffed tells that the batch has changed who acts for merchants.
	staffed bool
}

// roomsKept bounds how many conversations' counters stay in memory between
// batches.
const roomsKept = 1 << 16

func newConversations(journal *events.Journal, now func() time.Time) *Conversations {
	return &Conversations{journal: journal, now: now, cache: newPageCache(), lines: newRecentLines(), orders: newInboxOrders(), rooms: make(map[uuid.UUID]*room)}
}

// A participant's marker and a message's place are ordinals: the how-manieth
// message of its conversation it is, counted from 1. Numbers would not do to
// count what is unread, for other facts take numbers too.
var conversationsSchema = views.Schema{
	Name:    ConversationsName,
	Version: 11,
	Tables: []views.Table{{
		Name: "conversations",
		Columns: `id BYTEA NOT NULL,
			kind TEXT NOT NULL,
			title TEXT NOT NULL,
			title_by BYTEA NOT NULL,
			started_at TEXT NOT NULL,
			participants BIGINT NOT NULL,
			joined BIGINT NOT NULL,
			messages BIGINT NOT NULL,
			last_number BIGINT NOT NULL,
			activity BIGINT NOT NULL,
			changed BIGINT NOT NULL,
			applied BIGINT NOT NULL,
			pinned TEXT NOT NULL,
			merchant BYTEA`,
		Key: "id",
	}, participantsTable, departuresTable, agentsTable, heardTable, erasedTable, voicesTable,
		messagesTable, versionsTable, mentionsTable, forwardsTable, keyedTable},
	Indexes: []string{
		participantsByUser,
		participantsArchived,
		conversationsByMerchant,
		heardByPosition,
	},
}

var conversationFacts = kindsOf(
	new(events.ConversationStarted), new(events.ConversationRenamed),
	new(events.ParticipantAdded), new(events.ParticipantRemoved), new(events.ParticipantRoleChanged),
	new(events.MessagePosted), new(events.AttachmentShared), new(events.MessageEdited), new(events.MessageRetracted),
	new(events.ReactionAdded), new(events.ReactionRemoved), new(events.MessagePinned), new(events.MessageUnpinned),
	new(events.DeliveredUpTo), new(events.ReadUpTo), new(events.AppInstalled), new(events.AppRemoved),
	new(events.ConversationMuted), new(events.ConversationUnmuted),
	new(events.ConversationArchived), new(events.ConversationUnarchived),
	new(events.AgentAdded), new(events.AgentRemoved), new(events.UserErased),
)

func (c *Conversations) schema() views.Schema { return conversationsSchema }

func (c *Conversations) filter() events.Filter {
	return events.Filter{StreamPrefixes: []string{"conversation-", "messages-", "receipts-", "merchant-", "user-"}}
}

// roomFact is a fact and the conversation whose stream it is in. A UserErased
// is in none: the id is the user's.
type roomFact struct {
	events.Event
	conversation uuid.UUID
	// line is the message ready to send, if the fact is one.
	line []byte
}

func (c *Conversations) prepare(ctx context.Context, recorded events.Recorded) (roomFact, bool, error) {
	event, needed, err := conversationFacts.open(ctx, c.journal, recorded)
	if !needed || err != nil {
		return roomFact{}, false, err
	}
	event.Data, event.Metadata = nil, nil
	_, id, _ := strings.Cut(recorded.Stream, "-")
	conversation, err := uuid.Parse(id)
	if err != nil {
		return roomFact{}, false, fmt.Errorf("the stream's name has no conversation: %w", err)
	}
	item := roomFact{Event: event, conversation: conversation}
	if posted, ok := events.PostOf(event.Fact); ok {
		item.line, err = appendMessage(nil, conversation, &event, posted)
	}
	return item, true, err
}

func (c *Conversations) apply(ctx context.Context, tx *views.Tx, items []roomFact) error {
	threads := make(heard)
	for i := range items {
		if err := c.applyOne(ctx, tx, &items[i]); err != nil {
			return err
		}
		threads.note(c.rooms[items[i].conversation], items[i].Position)
	}
	for _, r := range c.order {
		if err := r.store(ctx, tx); err != nil {
			return err
		}
	}
	return threads.store(ctx, tx)
}

func (c *Conversations) applyOne(ctx context.Context, tx *views.Tx, item *roomFact) error {
	if err := c.hush(ctx, tx, item); err != nil {
		return err
	}
	switch fact := item.Fact.(type) {
	case *events.UserErased:
		return c.erase(ctx, tx, item, fact.User)
	case *events.ConversationStarted:
		return c.start(ctx, tx, item, fact)
	case *events.ConversationRenamed:
		return c.lifecycle(ctx, tx, item, func(r *room) error { return r.rename(ctx, tx, fact) })
	case *events.ParticipantAdded:
		return c.lifecycle(ctx, tx, item, func(r *room) error { return r.join(ctx, tx, item, fact.User) })
	case *events.ParticipantRemoved:
		return c.lifecycle(ctx, tx, item, func(r *room) error { return r.leave(ctx, tx, item, fact.User) })
	case *events.ParticipantRoleChanged:
		return c.lifecycle(ctx, tx, item, func(r *room) error { return r.setRole(ctx, tx, fact.User, fact.Role) })
	case *events.MessagePinned:
		return c.lifecycle(ctx, tx, item, func(r *room) error { return r.pin(ctx, tx, fact.Number) })
	case *events.MessageUnpinned:
		return c.lifecycle(ctx, tx, item, func(r *room) error { r.unpin(fact.Number); return nil })
	case *events.MessagePosted, *events.AttachmentShared:
		posted, _ := events.PostOf(fact)
		return c.said(ctx, tx, item, func(r *room) error { return r.post(ctx, tx, item, posted) })
	case *events.MessageEdited, *events.MessageRetracted, *events.ReactionAdded, *events.ReactionRemoved:
		return c.said(ctx, tx, item, func(r *room) error { return r.change(ctx, tx, &item.Event) })
	case *events.AgentAdded, *events.AgentRemoved:
		return c.staff(ctx, tx, item)
	}
	return c.receipt(ctx, tx, item)
}

func (c *Conversations) start(ctx context.Context, tx *views.Tx, item *roomFact, fact *events.ConversationStarted) error {
	if repeat, err := repeated(ctx, tx, item.conversation, lifecycleStream, item.ID); repeat || err != nil {
		return err
	}
	r := c.touch(&room{id: item.conversation, last: -1, activity: item.Meta.OccurredAt.UnixMicro(), changed: item.Position, applied: -1, business: fact.Merchant != uuid.Nil})
	for _, user := range fact.Participants {
		if err := tx.Queue(ctx, insertParticipant, r.newcomer(item, user, decide.StartingRole(fact, user))...); err != nil {
			return err
		}
		r.enter(user)
	}
	r.crewUnsaved = false
	return tx.Queue(ctx, `INSERT INTO conversations (id, kind, title, title_by, started_at, participants, joined, messages, last_number, activity, changed, applied, pinned, merchant)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, -1, $8, $9, -1, '[]', $10)`,
		r.id[:], string(fact.Kind), fact.Title.Plain, fact.Starter[:], timeText(item.Meta.OccurredAt), r.participants, r.joined, r.activity, int64(r.changed),
		optionalID(fact.Merchant))
}

// lifecycle makes a change in a conversation that was started, once.
func (c *Conversations) lifecycle(ctx context.Context, tx *views.Tx, item *roomFact, change func(*room) error) error {
	if repeat, err := repeated(ctx, tx, item.conversation, lifecycleStream, item.ID); repeat || err != nil {
		return err
	}
	r, err := c.room(ctx, tx, item.conversation)
	if err != nil {
		return err
	}
	return change(r)
}

func (c *Conversations) receipt(ctx context.Context, tx *views.Tx, item *roomFact) error {
	r, err := c.room(ctx, tx, item.conversation)
	if err != nil {
		return err
	}
	switch fact := item.Fact.(type) {
	case *events.DeliveredUpTo:
		r.deliveredUpTo(fact.User, fact.Number)
	case *events.ReadUpTo:
		err = r.readUpTo(ctx, tx, fact.User, fact.Number)
	default:
		err = r.prefer(ctx, tx, item.Fact)
	}
	return err
}

// said applies a fact of the messages' stream, once.
func (c *Conversations) said(ctx context.Context, tx *views.Tx, item *roomFact, change func(*room) error) error {
	r, err := c.room(ctx, tx, item.conversation)
	if err != nil {
		return err
	}
	r.applied, r.moved = int64(item.Revision), true
	if repeat, err := repeated(ctx, tx, item.conversation, messagesStream, item.ID); repeat || err != nil {
		return err
	}
	return change(r)
}

// committed drops what readers had cached of the conversations that changed.
func (c *Conversations) committed() {
	c.lines.keep(c.order)
	c.orders.moved(c.order)
	for _, r := range c.order {
		c.cache.drop(r.id, r.altered, r.crewChanged)
		r.moved, r.altered, r.pinsChanged, r.crewChanged, r.touched = false, false, false, false, false
		r.regrouped = nil
	}
	c.order = c.order[:0]
	if c.staffed {
		c.cache.dropMembers()
		c.staffed = false
	}
	if len(c.rooms) > roomsKept {
		clear(c.rooms)
	}
}

func (c *Conversations) reset() {
	clear(c.rooms)
	c.order, c.staffed = nil, false
	c.erased.reset()
	c.cache.clear()
	c.lines.clear()
	c.orders.clear()
}
