package projections

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// Change is what readers of a conversation are told of one event: live, when
// they come back, and when they synchronise.
type Change struct {
	// Position is the event's, which is what a reader resumes from.
	Position       events.Position `json:"position"`
	ConversationID uuid.UUID       `json:"conversationId"`
	// Name is what has changed: message, edit, retract, reaction, receipt,
	// participant, conversation, app or order.
	Name string `json:"name"`
	// Data is JSON: what has changed as it stands when it is told, which may
	// be later than the event.
	Data json.RawMessage `json:"data"`

	// joined are the users who joined by the event, and gone is who left.
	joined []uuid.UUID
	gone   uuid.UUID
	// only is the one user who is told, or zero for all.
	only uuid.UUID
}

// Names of changes.
const (
	MessageChange      = "message"
	EditChange         = "edit"
	RetractChange      = "retract"
	ReactionChange     = "reaction"
	ReceiptChange      = "receipt"
	ParticipantChange  = "participant"
	ConversationChange = "conversation"
	AppChange          = "app"
	PreferenceChange   = "preference"
	OrderChange        = "order"
)

// messageChanges are the changes of messages, by the types of their facts.
var messageChanges = map[string]string{
	events.TypeOf(new(events.MessagePosted)):    MessageChange,
	events.TypeOf(new(events.AttachmentShared)): MessageChange,
	events.TypeOf(new(events.MessageEdited)):    EditChange,
	events.TypeOf(new(events.MessageRetracted)): RetractChange,
	events.TypeOf(new(events.ReactionAdded)):    ReactionChange,
	events.TypeOf(new(events.ReactionRemoved)):  ReactionChange,
}

// ReceiptData is the data of a receipt: the numbers of the last messages that
// reached a participant and that they read, or null.
type ReceiptData struct {
	ConversationID uuid.UUID `json:"conversationId"`
	UserID         uuid.UUID `json:"userId"`
	ReadUpTo       *uint64   `json:"readUpTo"`
	DeliveredUpTo  *uint64   `json:"deliveredUpTo"`
}

// ParticipantData is the data of a participant who joined, left or has another
// role.
type ParticipantData struct {
	ConversationID uuid.UUID `json:"conversationId"`
	UserID         uuid.UUID `json:"userId"`
	// Change is joined, left or role.
	Change string `json:"change"`
	// Role and JoinedAt are null for those who are not in it any more.
	Role     *events.Role `json:"role"`
	JoinedAt *time.Time   `json:"joinedAt"`
	// Conversation is told to those who joined it: all there is to show of it.
	Conversation *Conversation `json:"conversation,omitempty"`
}

// ConversationData is the data of a conversation that was renamed, or in which
// messages were pinned.
type ConversationData struct {
	ConversationID uuid.UUID `json:"conversationId"`
	Title          string    `json:"title"`
	Pinned         []uint64  `json:"pinned"`
}

// PreferenceData is the data of what a participant keeps of a conversation for
// themselves, as their other devices are told, and nobody else.
type PreferenceData struct {
	ConversationID uuid.UUID  `json:"conversationId"`
	UserID         uuid.UUID  `json:"userId"`
	Muted          bool       `json:"muted"`
	MutedUntil     *time.Time `json:"mutedUntil"`
	Archived       bool       `json:"archived"`
}

// AppData is the data of an app that was installed, or given other grants, or
// removed.
type AppData struct {
	ConversationID uuid.UUID `json:"conversationId"`
	AppID          uuid.UUID `json:"appId"`
	// Change is installed or removed.
	Change string `json:"change"`
	// App and Grants are null if it was removed.
	App    *AppCard       `json:"app"`
	Grants []events.Grant `json:"grants"`
}

// What happened to a participant or an app.
const (
	joined      = "joined"
	left        = "left"
	roleChanged = "role"
	installed   = "installed"
	removed     = "removed"
)

// Streams of a conversation begin with these, and end with its id.
var conversationPrefixes = []string{"conversation-", "messages-", "receipts-"}

// conversationOf is whose stream it is. The boolean is false for streams of
// something else.
func conversationOf(stream string) (uuid.UUID, bool) {
	for _, prefix := range conversationPrefixes {
		if id, found := strings.CutPrefix(stream, prefix); found {
			conversation, err := uuid.Parse(id)
			return conversation, err == nil
		}
	}
	return uuid.Nil, false
}

// place is the conversation that an event is told in. The boolean is false if
// it is told nowhere.
func place(recorded events.Recorded) (uuid.UUID, bool, error) {
	if strings.HasPrefix(recorded.Stream, orderPrefix) {
		step, told, err := toldOrder(recorded)
		return events.BusinessID(step.Merchant, step.Customer), told, err
	}
	conversation, ok := conversationOf(recorded.Stream)
	return conversation, ok, nil
}

// change tells what an event has changed, in a conversation that place gives.
func (s *Set) change(ctx context.Context, conversation uuid.UUID, recorded events.Recorded) (Change, bool, error) {
	if strings.HasPrefix(recorded.Stream, orderPrefix) {
		return s.Orders.change(ctx, recorded)
	}
	return s.Conversations.change(ctx, conversation, recorded)
}

// change tells what an event of a conversation has changed, as the view shows
// it now; it must have passed the event. The boolean is false if that is
// nothing.
func (c *Conversations) change(ctx context.Context, conversation uuid.UUID, recorded events.Recorded) (Change, bool, error) {
	if _, known := conversationFacts[recorded.Type]; !known {
		return Change{}, false, nil
	}
	event, err := events.Decode(recorded)
	if err != nil {
		return Change{}, false, err
	}
	change := Change{Position: recorded.Position, ConversationID: conversation, Name: messageChanges[recorded.Type]}
	if change.Name != "" {
		number, _ := events.MessageNumber(event)
		change.Data, err = c.MessageJSON(ctx, conversation, number)
	} else {
		err = c.describe(ctx, &change, event)
	}
	if errors.Is(err, ErrNotFound) { // the second copy of an event, say
		return Change{}, false, nil
	}
	return change, change.Data != nil, err
}

// describe tells of all that is not about one message.
func (c *Conversations) describe(ctx context.Context, change *Change, event events.Event) (err error) {
	var data any
	switch fact := event.Fact.(type) {
	case *events.ConversationStarted:
		change.joined = fact.Participants
		data, err = c.participantData(ctx, change, fact.Starter, joined)
	case *events.ParticipantAdded:
		change.joined = []uuid.UUID{fact.User}
		data, err = c.participantData(ctx, change, fact.User, joined)
	case *events.ParticipantRemoved:
		change.Name, change.gone = ParticipantChange, fact.User
		data = ParticipantData{ConversationID: change.ConversationID, UserID: fact.User, Change: left}
	case *events.ParticipantRoleChanged:
		data, err = c.participantData(ctx, change, fact.User, roleChanged)
	case *events.ReadUpTo:
		data, err = c.receiptData(ctx, change, fact.User)
	case *events.DeliveredUpTo:
		data, err = c.receiptData(ctx, change, fact.User)
	case *events.ConversationMuted, *events.ConversationUnmuted, *events.ConversationArchived, *events.ConversationUnarchived:
		data, err = c.preferenceData(ctx, change, preferring(fact))
	case *events.MessagePinned, *events.MessageUnpinned, *events.ConversationRenamed:
		data, err = c.conversationData(ctx, change)
	case *events.AppInstalled:
		card := CardOf(fact.App)
		change.Name = AppChange
		data = AppData{change.ConversationID, card.ID, installed, &card, fact.Grants}
	case *events.AppRemoved:
		change.Name = AppChange
		data = AppData{ConversationID: change.ConversationID, AppID: fact.App, Change: removed}
	default:
		return nil
	}
	if err == nil {
		change.Data, err = json.Marshal(data)
	}
	return err
}

// participantData is of somebody who is, or was, in a conversation.
func (c *Conversations) participantData(ctx context.Context, change *Change, user uuid.UUID, what string) (ParticipantData, error) {
	change.Name = ParticipantChange
	data := ParticipantData{ConversationID: change.ConversationID, UserID: user, Change: what}
	p, err := c.participant(ctx, change.ConversationID, user)
	switch {
	case errors.Is(err, ErrNotFound):
		return data, nil
	case err == nil:
		data.Role, data.JoinedAt = &p.Role, &p.JoinedAt
	}
	return data, err
}

// receiptData fails with ErrNotFound for who has left since.
func (c *Conversations) receiptData(ctx context.Context, change *Change, user uuid.UUID) (ReceiptData, error) {
	change.Name = ReceiptChange
	p, err := c.participant(ctx, change.ConversationID, user)
	return ReceiptData{change.ConversationID, user, p.ReadUpTo, p.DeliveredUpTo}, err
}

// participant is one of a conversation, or ErrNotFound.
func (c *Conversations) participant(ctx context.Context, conversation, user uuid.UUID) (Participant, error) {
	p := Participant{UserID: user}
	var at string
	var read, delivered int64
	err := c.store.QueryRow(ctx, `SELECT joined_at, role, read_number, delivered_number FROM participants WHERE participant = $1 AND conversation = $2`,
		[]any{user[:], conversation[:]}, &at, &p.Role, &read, &delivered)
	if errors.Is(err, sql.ErrNoRows) {
		return p, ErrNotFound
	}
	if err == nil {
		p.JoinedAt, err = parseTime(at)
	}
	p.ReadUpTo, p.DeliveredUpTo = shownNumber(read), shownNumber(delivered)
	return p, err
}

// conversationData is what a conversation shows of itself to all alike.
func (c *Conversations) conversationData(ctx context.Context, change *Change) (ConversationData, error) {
	change.Name = ConversationChange
	data := ConversationData{ConversationID: change.ConversationID}
	var pinned string
	err := c.store.QueryRow(ctx, `SELECT title, pinned FROM conversations WHERE id = $1`, []any{change.ConversationID[:]}, &data.Title, &pinned)
	if err == nil {
		data.Pinned, err = pinsFrom(pinned)
	}
	return data, err
}

// changeFor is change as one user is told of it: who joined by the event is told
// all there is to show of the conversation.
func (s *Set) changeFor(ctx context.Context, user uuid.UUID, recorded events.Recorded) (Change, bool, error) {
	conversation, told, err := place(recorded)
	if err != nil || !told {
		return Change{}, false, err
	}
	change, told, err := s.change(ctx, conversation, recorded)
	if change.only != uuid.Nil && change.only != user {
		return Change{}, false, err
	}
	if err == nil && slices.Contains(change.joined, user) {
		change, err = s.Conversations.welcome(ctx, change, user)
	}
	return change, told, err
}

// welcome is a change as it is told to one of those who joined by it.
func (c *Conversations) welcome(ctx context.Context, change Change, user uuid.UUID) (Change, error) {
	conversation, err := c.get(ctx, change.ConversationID, user, InboxParticipants)
	if errors.Is(err, ErrNotParticipant) { // any more
		return change, nil
	}
	if err != nil {
		return change, err
	}
	data, err := c.participantData(ctx, &change, user, joined)
	if err != nil {
		return change, err
	}
	data.Conversation = &conversation
	change.Data, err = json.Marshal(data)
	return change, err
}
