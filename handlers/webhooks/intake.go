package webhooks

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/projections/views"
)

const (
	// takenTogether bounds how many events are taken in together.
	takenTogether = 1024
	// idleAdvance is how often the place in the log is stored while nothing
	// happens that matters.
	idleAdvance = 2 * time.Second
)

var (
	// accessPrefixes are of the streams that say who may be told what, and
	// allPrefixes are those and what there is to tell.
	accessPrefixes = []string{"app-", "conversation-", "merchant-"}
	allPrefixes    = []string{"app-", "conversation-", "merchant-", "messages-", "receipts-", "order-"}
)

// errWider: from here on there is somebody to tell something.
var errWider = errors.New("more streams matter now")

// intake follows the log and queues what is to be delivered, until an error.
func (t *term) intake(ctx context.Context) error {
	for {
		err := t.follow(ctx)
		if !errors.Is(err, errWider) {
			return err
		}
	}
}

// follow reads only what says who may be told what as long as there is nobody
// to tell.
func (t *term) follow(ctx context.Context) error {
	filter := events.Filter{StreamPrefixes: accessPrefixes}
	wide := len(t.endpoints) > 0
	if wide {
		filter.StreamPrefixes = allPrefixes
	}
	var batch []events.Recorded
	for recorded, err := range t.engine.Journal.Log.Follow(ctx, events.Position(t.reached.Position), filter) {
		if err != nil {
			return err
		}
		if !recorded.IsMark() {
			batch = append(batch, recorded)
		}
		if len(batch) == takenTogether || recorded.IsMark() {
			if err := t.take(ctx, batch, recorded); err != nil {
				return err
			}
			batch = batch[:0]
		}
		// What opens the first endpoint is the last event of its batch.
		if !wide && len(t.endpoints) > 0 {
			return errWider
		}
	}
	return errors.New("the log ended without a cause")
}

// take queues what is to be delivered of events, and notes how far the log was
// read.
func (t *term) take(ctx context.Context, batch []events.Recorded, last events.Recorded) error {
	var matter []events.Event
	for i, recorded := range batch {
		if !t.matters(recorded) {
			continue
		}
		event, err := events.Decode(recorded)
		if err != nil {
			return err
		}
		matter = append(matter, event)
		if _, first := event.Fact.(*events.WebhookConfigured); first && len(t.endpoints) == 0 {
			// What comes after it is read again, with all that there is to tell.
			batch, last = batch[:i+1], recorded
			break
		}
	}
	if len(batch) > 0 {
		t.reached.Event = uint64(batch[len(batch)-1].Position)
	}
	t.reached.Position = uint64(last.Position)
	if len(matter) == 0 {
		if time.Since(t.advanced) < idleAdvance {
			return nil
		}
		t.advanced = time.Now()
		reached := t.reached
		return t.ledger.do(ctx, &reached, nil)
	}
	return t.store(ctx, matter)
}

// matters tells whether an event may have to be stored or told.
func (t *term) matters(recorded events.Recorded) bool {
	if accessFacts[recorded.Type] {
		return true
	}
	return recorded.Position > t.origin && len(t.endpoints) > 0 && (toldFacts[recorded.Type] || strings.HasPrefix(recorded.Stream, "order-"))
}

var toldFacts = kindsOf(
	new(events.MessagePosted), new(events.AttachmentShared), new(events.MessageEdited), new(events.MessageRetracted),
	new(events.ReactionAdded), new(events.ReactionRemoved), new(events.DeliveredUpTo), new(events.ReadUpTo),
	new(events.CustomerLinked), new(events.ThreadControlRequested), new(events.ButtonPressed),
)

// store applies events in one transaction, and wakes those who deliver.
func (t *term) store(ctx context.Context, batch []events.Event) error {
	t.advanced = time.Now()
	reached := t.reached
	var queued map[uuid.UUID]int64
	var changed []*endpoint
	err := t.ledger.do(ctx, &reached, func(ctx context.Context, tx *views.Tx) (err error) {
		queue := newQueueing(tx)
		for _, event := range batch {
			if err := t.apply(ctx, queue, event); err != nil {
				return err
			}
		}
		queued = queue.next
		if err := queue.finish(ctx); err != nil {
			return err
		}
		for app := range t.touched {
			e, err := endpointOf(ctx, tx, app)
			if err != nil {
				return err
			}
			if e != nil {
				changed = append(changed, e)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	clear(t.touched)
	for _, e := range changed {
		t.settle(e)
	}
	for app := range queued {
		t.wake(app)
	}
	return nil
}

// apply applies one event: to who may be told what, and then to those.
func (t *term) apply(ctx context.Context, queue *queueing, event events.Event) error {
	tx := queue.tx
	if accessFacts[event.Type] {
		if err := t.admit(ctx, tx, event); err != nil {
			return err
		}
	}
	if event.Position <= t.origin {
		return nil
	}
	told, err := t.notices(ctx, tx, event)
	if err != nil {
		return err
	}
	for _, n := range told {
		e, err := t.endpointFor(ctx, tx, n.page.App)
		if err != nil {
			return err
		}
		if e == nil || !e.live() {
			continue
		}
		chosen, err := t.routes.choiceFor(ctx, tx, n.page)
		if err != nil {
			return err
		}
		if !e.wants(n, chosen) {
			continue
		}
		row := rowOf(event, n)
		row.queued = t.engine.Now().UnixMilli()
		if err := queue.add(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

// endpointFor is an app's endpoint as the transaction has it.
func (t *term) endpointFor(ctx context.Context, tx *views.Tx, app uuid.UUID) (*endpoint, error) {
	if t.touched[app] {
		return endpointOf(ctx, tx, app)
	}
	return t.endpoints[app], nil
}

// notices are what apps are to be told of an event.
func (t *term) notices(ctx context.Context, tx *views.Tx, event events.Event) ([]notice, error) {
	if connected, ok := event.Fact.(*events.AppConnected); ok {
		return rolesNotices(ctx, tx, connected)
	}
	conversation, ok := conversationOf(event.Fact)
	if !ok {
		return nil, nil
	}
	found, err := t.routes.of(ctx, tx, conversation)
	if linked, ok := event.Fact.(*events.CustomerLinked); ok && len(found) == 0 && err == nil {
		// The opt-in comes before the conversation that it allows.
		found, err = connectionsOf(ctx, tx, linked.Merchant)
	}
	if err != nil {
		return nil, err
	}
	var told []notice
	for _, r := range found {
		if field, ok := r.fieldFor(event); ok {
			told = append(told, notice{r, conversation, field})
		}
	}
	return told, nil
}

// rolesNotices tell an app that it speaks for a merchant, and in which place.
func rolesNotices(ctx context.Context, tx *views.Tx, fact *events.AppConnected) ([]notice, error) {
	connected, err := connectionsOf(ctx, tx, fact.Merchant)
	for _, r := range connected {
		if r.page.App == fact.App.ID {
			return []notice{{r, fact.Merchant, events.HandoversField}}, err
		}
	}
	return nil, err
}
