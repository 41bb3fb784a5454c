package projections

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"parley/events"
	"parley/projections/live"
)

// Feed tells connected readers what happens: it follows the log from its tip,
// waits until the view of conversations shows an event, and makes one frame of
// it, if anybody on this server listens. It does not matter who projects.
type Feed struct {
	// MostMissed bounds how many events a reader is told of who comes back.
	MostMissed int

	views  *Set
	hub    *live.Hub
	logger *slog.Logger
	// presence and typists are of those who listen and write here.
	presence *presence
	typists  *lru.Cache[typist, time.Time]
	// begun is closed by Run when the hub has its first position.
	begun chan struct{}
}

// fedAtOnce is how many events wait for the view together.
const fedAtOnce = 256

// fedPrefixes are the streams in which there may be something to tell.
var fedPrefixes = append([]string{"merchant-", "user-", orderPrefix, casePrefix}, conversationPrefixes...)

// NewFeed makes the feed of the log of views that do not run yet. It publishes
// nothing until it runs itself.
func NewFeed(views *Set, logger *slog.Logger) *Feed {
	f := &Feed{MostMissed: DefaultMostMissed, views: views, hub: live.NewHub(), logger: logger, begun: make(chan struct{})}
	views.Revocations.Listen(f.revoked)
	f.presence = newPresence(views.now)
	f.hub.Presence = f.presence.note
	var err error
	if f.typists, err = lru.New[typist, time.Time](typistsKept); err != nil {
		panic(err) // the size is a positive constant
	}
	return f
}

// revoked ends the streams of a subject's tokens that hold no more.
func (f *Feed) revoked(subject string) {
	user, err := uuid.Parse(subject)
	if err != nil {
		return
	}
	f.hub.EndUser(user, live.Revoked, func(r live.Reader) bool {
		revoked, err := f.views.Revocations.Revoked(context.Background(), 0, r.Token, subject, r.Issued)
		return err == nil && revoked
	})
}

// SetGrace changes how long a user without a stream still counts as there,
// before the first stream opens.
func (f *Feed) SetGrace(grace time.Duration) { f.presence.grace = grace }

// Hub is where the feed publishes.
func (f *Feed) Hub() *live.Hub { return f.hub }

// Run publishes what comes after the log's present tip, until the context ends.
// If it loses its place in the log, it ends all streams, whose readers can
// resume, and begins anew. Run is called once.
func (f *Feed) Run(ctx context.Context) {
	if !f.begin(ctx) {
		return
	}
	close(f.begun)
	var announcing sync.WaitGroup
	announcing.Go(func() { f.announce(ctx) })
	defer announcing.Wait()
	for {
		err := f.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		f.logger.ErrorContext(ctx, "live events: following the log anew", "cause", err)
		f.hub.EndAll(live.Unavailable)
		if !pause(ctx, retryAfter) || !f.begin(ctx) {
			return
		}
	}
}

// begin brings the hub to the log's tip as soon as that can be read.
func (f *Feed) begin(ctx context.Context) bool {
	for {
		tip, err := events.Tip(ctx, f.views.log)
		if err == nil {
			f.hub.Pass(tip)
			return true
		}
		if !pause(ctx, retryAfter) {
			return false
		}
	}
}

func (f *Feed) follow(ctx context.Context) error {
	var batch []events.Recorded
	for recorded, err := range f.views.log.Follow(ctx, f.hub.Position(), events.Filter{StreamPrefixes: fedPrefixes}) {
		if err != nil {
			return err
		}
		if !recorded.IsMark() {
			batch = append(batch, recorded)
		}
		if len(batch) == fedAtOnce || recorded.IsMark() && len(batch) > 0 {
			if err := f.feed(ctx, batch); err != nil {
				return err
			}
			clear(batch)
			batch = batch[:0]
		}
	}
	return errors.New("the log ended without a cause")
}

// feed publishes events. The hub stands at the last one then, and never where
// no event is: readers resume from there.
func (f *Feed) feed(ctx context.Context, batch []events.Recorded) error {
	last := batch[len(batch)-1].Position
	if f.hub.PassIdle(last) {
		return nil
	}
	for len(batch) > 0 {
		shown, err := f.shown(ctx, batch)
		if err != nil {
			return err
		}
		for _, recorded := range shown {
			if err := f.tell(ctx, recorded); err != nil {
				return err
			}
		}
		batch = batch[len(shown):]
	}
	f.hub.Pass(last)
	return nil
}

// shown waits until the view shows the first of some events, and returns all
// that it shows by then: they need not wait for those that it commits later.
func (f *Feed) shown(ctx context.Context, batch []events.Recorded) ([]events.Recorded, error) {
	if err := f.views.Wait(ctx, ConversationsName, batch[0].Position); err != nil {
		return nil, err
	}
	passed, err := f.views.passed(ConversationsName)
	if err != nil {
		return nil, err
	}
	count := 1
	for count < len(batch) && batch[count].Position <= passed {
		count++
	}
	return batch[:count], nil
}

// tell publishes an event that the view has passed.
func (f *Feed) tell(ctx context.Context, recorded events.Recorded) error {
	switch recorded.Type {
	case agentRemoved:
		return f.dismissed(ctx, recorded)
	case userBlocked:
		return f.blocked(recorded)
	}
	if strings.HasPrefix(recorded.Stream, casePrefix) {
		return f.tellCase(ctx, recorded)
	}
	conversation, told, err := place(recorded)
	if err != nil {
		return err
	}
	if !told || f.hub.PassUnheard(recorded.Position, conversation, nil) {
		return nil
	}
	if handovers[recorded.Type] {
		return f.tellControl(ctx, recorded, conversation)
	}
	members, err := f.views.Conversations.audience(ctx, conversation)
	if err != nil {
		return err
	}
	// Who left is told so, and is no member any more.
	lifecycle := strings.HasPrefix(recorded.Stream, "conversation-")
	if !lifecycle && f.hub.PassUnheard(recorded.Position, conversation, members) {
		return nil
	}
	change, told, err := f.views.change(ctx, conversation, recorded)
	if err != nil || !told {
		return err
	}
	event := live.Event{Position: change.Position, Conversation: conversation, Members: members, Gone: change.gone, Frame: frameOf(change)}
	if change.only != uuid.Nil {
		event.Own, event.Frame = map[uuid.UUID]*live.Frame{change.only: event.Frame}, nil
	} else if event.Own, err = f.own(ctx, change, event.Frame); err != nil {
		return err
	}
	f.hub.Publish(event)
	return nil
}

// CaseData is the data of an event case: which one was opened, assigned, resolved
// or taken up again. How it stands is read from the cases.
type CaseData struct {
	CaseID         uuid.UUID `json:"caseId"`
	ConversationID uuid.UUID `json:"conversationId"`
	MerchantID     uuid.UUID `json:"merchantId"`
	CustomerID     uuid.UUID `json:"customerId"`
}

const (
	casePrefix = "case-"
	// caseSettles bounds how long the word of a case waits for the view of cases.
	caseSettles = time.Second
)

// tellCase has whoever shows a case read it again.
func (f *Feed) tellCase(ctx context.Context, recorded events.Recorded) error {
	event, err := events.Decode(recorded)
	if err != nil {
		return err
	}
	fact, ok := event.Fact.(events.CaseFact)
	if !ok {
		return nil
	}
	step := fact.Step()
	conversation := events.BusinessID(step.Merchant, step.Customer)
	audience, err := f.views.Conversations.audience(ctx, conversation)
	if err != nil || f.hub.PassUnheard(recorded.Position, conversation, audience) {
		return err
	}
	settling, cancel := context.WithTimeout(ctx, caseSettles)
	defer cancel()
	if err := f.views.Wait(settling, CasesName, recorded.Position); err != nil && ctx.Err() != nil {
		return err
	}
	data, err := json.Marshal(CaseData{step.Case, conversation, step.Merchant, step.Customer})
	if err == nil {
		f.hub.Signal([]uuid.UUID{conversation}, audience, nil, live.NewFrame(0, "case", data))
	}
	return err
}

var (
	agentRemoved = events.TypeOf(new(events.AgentRemoved))
	userBlocked  = events.TypeOf(new(events.UserBlocked))
)

// blocked ends the streams that somebody has of their direct conversation with
// who has blocked them.
func (f *Feed) blocked(recorded events.Recorded) error {
	event, err := events.Decode(recorded)
	if err != nil {
		return err
	}
	fact := event.Fact.(*events.UserBlocked)
	direct := events.DirectID(fact.User, fact.Blocked)
	f.hub.EndUser(fact.Blocked, live.Shut, func(r live.Reader) bool { return r.Conversation == direct })
	return nil
}

// dismissed ends the streams of the conversations that an agent was in by
// acting for a merchant.
func (f *Feed) dismissed(ctx context.Context, recorded events.Recorded) error {
	event, err := events.Decode(recorded)
	if err != nil {
		return err
	}
	agent := event.Fact.(*events.AgentRemoved).User
	left := make(map[uuid.UUID]bool)
	for _, conversation := range f.hub.ConversationsOf(agent) {
		participates, err := f.views.Conversations.IsParticipant(ctx, conversation, agent)
		if err != nil {
			return err
		}
		left[conversation] = !participates
	}
	f.hub.EndUser(agent, live.Left, func(r live.Reader) bool { return left[r.Conversation] })
	return nil
}

// own are the frames of those who joined or left by an event.
func (f *Feed) own(ctx context.Context, change Change, shared *live.Frame) (map[uuid.UUID]*live.Frame, error) {
	if change.gone != uuid.Nil {
		return map[uuid.UUID]*live.Frame{change.gone: shared}, nil
	}
	var own map[uuid.UUID]*live.Frame
	for _, user := range change.joined {
		if !f.hub.Online(user) {
			continue
		}
		welcome, err := f.views.Conversations.welcome(ctx, change, user)
		if err != nil {
			return nil, err
		}
		if own == nil {
			own = make(map[uuid.UUID]*live.Frame)
		}
		own[user] = frameOf(welcome)
	}
	return own, nil
}

func frameOf(change Change) *live.Frame {
	return live.NewFrame(change.Position, change.Name, change.Data)
}
