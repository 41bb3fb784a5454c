package competing

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
)

// What a group stores beside its configuration: checkpoints, and links to
// parked events.
const typeCheckpoint = "$SubscriptionCheckpoint"

// text is a cursor as the protocol shows it: a revision, or a position in both
// of its parts.
func (k Key) text(at cursor) string {
	if k.all() {
		return fmt.Sprintf("C:%d/P:%d", at, at)
	}
	return strconv.FormatInt(int64(at), 10)
}

func (k Key) parse(text string) (cursor, error) {
	if k.all() {
		commit, _, _ := strings.Cut(strings.TrimPrefix(text, "C:"), "/")
		text = commit
	}
	at, err := strconv.ParseInt(text, 10, 64)
	return cursor(at), err
}

func storeCheckpoint(ctx context.Context, n *node.Node, key Key, at cursor) error {
	data, err := json.Marshal(key.text(at))
	if err != nil {
		return err
	}
	o, err := n.Write(ctx, key.checkpoints(), events.Any, []events.Proposed{{ID: uuid.New(), Type: typeCheckpoint, Data: data}})
	return stored(key.checkpoints(), o, err)
}

// loadCheckpoint is false if the group has none.
func loadCheckpoint(ctx context.Context, n *node.Node, key Key) (cursor, bool, error) {
	for e, err := range n.Read(ctx, key.checkpoints(), events.LastRevision, events.Backwards, 1) {
		var text string
		if err == nil {
			err = json.Unmarshal(e.Data, &text)
		}
		var at cursor
		if err == nil {
			at, err = key.parse(text)
		}
		if err != nil {
			return 0, false, fmt.Errorf("reading the checkpoint of %s: %w", key, err)
		}
		return at, true, nil
	}
	return 0, false, nil
}

// parkedMetadata stands beside the link to a parked event.
type parkedMetadata struct {
	Added  time.Time `json:"added"`
	Reason string    `json:"reason"`
	Number uint64    `json:"subscriptionEventNumber"`
}

// park stores links to events and settles them. What cannot be stored is
// given out again. All of it goes into as few commits as the node makes of it.
func (r *runner) park(ctx context.Context, parked []parking) {
	stream := r.key.parked()
	pending := make([]node.Pending, len(parked))
	failures := make([]error, len(parked))
	for i, p := range parked {
		var link events.Proposed
		if link, failures[i] = parkedLink(p, r.now()); failures[i] == nil {
			pending[i], failures[i] = r.node.Submit(ctx, stream, events.Any, []events.Proposed{link})
		}
	}
	for i, p := range parked {
		err := failures[i]
		if err == nil {
			var o node.Outcome
			o, err = pending[i].Wait(ctx)
			err = stored(stream, o, err)
		}
		if err != nil {
			r.log.Warn("persistent subscription cannot park an event", "group", r.key.String(), "error", err)
			r.group.wait(p.message)
			continue
		}
		r.group.unsettled.settle(p.message)
	}
}

func parkedLink(p parking, now time.Time) (events.Proposed, error) {
	metadata, err := json.Marshal(parkedMetadata{Added: now.UTC(), Reason: p.reason, Number: p.message.delivery().Original().Revision})
	if err != nil {
		return events.Proposed{}, err
	}
	link := events.Proposed{ID: uuid.New(), Type: node.TypeLink, Metadata: metadata, Binary: true}
	if e := p.message.event; e != nil {
		link.Data = fmt.Appendf(nil, "%d@%s", e.Revision, e.Stream)
	} else {
		link.Data = p.message.link.Data
	}
	return link, nil
}

// replaying is a range of revisions of the parked stream, the end excluded.
type replaying struct{ next, end int64 }

func (p replaying) active() bool { return p.next < p.end }

// replay brings back what is parked, up to a revision.
func (r *runner) replay(stopAt int64) error {
	state, err := r.node.State(r.key.parked())
	if err != nil || state.Status != node.Found {
		return err
	}
	end := min(stopAt, state.Last+1)
	if !r.replaying.active() {
		r.replaying.next = state.First
	}
	r.replaying.end = max(r.replaying.end, end)
	return nil
}

// replayable tells whether there are parked events to read and room for them.
func (r *runner) replayable() bool {
	return r.replaying.active() && len(r.group.retry) < r.group.settings.buffer()
}

// readParked reads the next parked events, and truncates the parked stream
// when it has read all that are to be replayed.
func (r *runner) readParked(ctx context.Context) error {
	if !r.replayable() {
		return nil
	}
	p := &r.replaying
	limit := min(p.end-p.next, int64(r.group.settings.batch()))
	_, found, err := r.node.ReadStream(ctx, r.key.parked(), uint64(p.next), events.Forwards, int(limit))
	if err != nil {
		return err
	}
	read := int64(0)
	for e, err := range found {
		if err != nil {
			return err
		}
		if int64(e.Revision) >= p.end {
			break
		}
		event, link, err := r.node.Resolve(ctx, &e)
		if err != nil {
			return err
		}
		r.group.replay(event, link)
		p.next = int64(e.Revision) + 1
		read++
	}
	if read < limit {
		p.next = p.end
	}
	if p.active() {
		return nil
	}
	return truncate(ctx, r.node, r.key.parked(), p.end)
}

func truncate(ctx context.Context, n *node.Node, stream string, before int64) error {
	metastream := node.MetastreamPrefix + stream
	o, err := n.Write(ctx, metastream, events.Any, []events.Proposed{{
		ID: uuid.New(), Type: node.TypeMetadata, Data: fmt.Appendf(nil, `{"$tb":%d}`, before),
	}})
	return stored(metastream, o, err)
}

// parkedCount is how many events wait to be replayed.
func parkedCount(n *node.Node, key Key) (int64, error) {
	state, err := n.State(key.parked())
	if err != nil || state.Status != node.Found {
		return 0, err
	}
	return max(state.Last+1-state.First, 0), nil
}

// forget deletes what a group stored. Streams that never were need none.
func forget(ctx context.Context, n *node.Node, key Key) error {
	for _, stream := range []string{key.checkpoints(), key.parked()} {
		if _, err := n.Delete(ctx, stream, events.Any); err != nil {
			return err
		}
	}
	return nil
}
