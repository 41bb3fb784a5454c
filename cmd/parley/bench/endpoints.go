package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"parley/handlers/messenger"
	"parley/handlers/webhooks"
)

// endpoint is where an app is told things. It keeps what comes, or never
// answers.
type endpoint struct {
	hangs  bool
	server *server
	app    uuid.UUID
	secret string
	rooms  []uuid.UUID

	// mu guards what follows.
	mu sync.Mutex
	// heard is all that Parley has sent, and fresh what it has sent since the
	// round began; nothing is added while the control's turn is counted.
	heard    []heard
	fresh    int
	arrivals *arrivals
	// known are the events that came in this turn.
	known map[string]bool
}

// heard is one delivery.
type heard struct {
	old, current string // the signatures
	event        string
	body         []byte
}

func newEndpoint(hangs bool) *endpoint { return &endpoint{hangs: hangs} }

func (e *endpoint) url() string { return "http://" + e.server.address + "/" }

// ServeHTTP implements http.Handler.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if e.hangs {
		<-r.Context().Done()
		return
	}
	e.take(heard{r.Header.Get("X-Hub-Signature"), r.Header.Get("X-Hub-Signature-256"), r.Header.Get("X-Parley-Event"), body})
}

func (e *endpoint) take(one heard) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.arrivals.kept {
		e.heard = append(e.heard, one)
	}
	if !e.known[one.event] {
		e.known[one.event] = true
		e.arrivals.one()
	}
}

// arrivals counts what comes in one side's turn.
type arrivals struct {
	kept  bool // by the endpoints
	count int  // how many are expected
	left  atomic.Int64
	all   chan struct{} // closed when none is left
}

func (a *arrivals) one() {
	if a.left.Add(-1) == 0 {
		close(a.all)
	}
}

// arrivalPatience bounds how long a round takes.
const arrivalPatience = 2 * time.Minute

func (a *arrivals) await(ctx context.Context) error {
	select {
	case <-a.all:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(arrivalPatience):
		return fmt.Errorf("%d of %d deliveries did not come within %v", a.left.Load(), a.count, arrivalPatience)
	}
}

// expect has the endpoints that answer count what comes from now on.
func (d *delivering) expect(kept bool) *arrivals {
	a := &arrivals{kept: kept, all: make(chan struct{})}
	for _, e := range d.good() {
		a.count += d.each * len(e.rooms)
	}
	a.left.Store(int64(a.count))
	for _, e := range d.good() {
		e.mu.Lock()
		e.arrivals, e.known = a, make(map[string]bool)
		if kept {
			e.fresh = len(e.heard)
		}
		e.mu.Unlock()
	}
	return a
}

// post is the control: it sends what Parley has sent in this round, signed
// anew, one conversation's after the other.
func (d *delivering) post(ctx context.Context) (round, error) {
	const atOnce = 8 // as Parley to one endpoint
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	defer client.CloseIdleConnections()
	lanes := make([][][]heard, len(d.good()))
	for i, e := range d.good() {
		var err error
		if lanes[i], err = e.lanes(); err != nil {
			return round{}, err
		}
	}
	arrivals := d.expect(false)
	group, each := errgroup.WithContext(ctx)
	began := time.Now()
	labelled(each, controlSide, func(ctx context.Context) {
		for i, e := range d.good() {
			var few errgroup.Group
			few.SetLimit(atOnce)
			group.Go(func() error {
				for _, lane := range lanes[i] {
					few.Go(func() error { return e.send(ctx, client, lane) })
				}
				return few.Wait()
			})
		}
	})
	if err := group.Wait(); err != nil {
		return round{}, err
	}
	return round{requests: arrivals.count, elapsed: time.Since(began)}, arrivals.await(ctx)
}

// send signs and posts one conversation's deliveries.
func (e *endpoint) send(ctx context.Context, client *http.Client, lane []heard) error {
	for _, one := range lane {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url(), bytes.NewReader(one.body))
		if err != nil {
			return err
		}
		old, current := webhooks.Signatures(e.secret, one.body)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Hub-Signature", old)
		r.Header.Set("X-Hub-Signature-256", current)
		r.Header.Set("X-Parley-Event", one.event)
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		if err = errors.Join(err, answer.Body.Close()); err != nil {
			return err
		}
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", answer.StatusCode)
		}
	}
	return nil
}

// delivered is what of a delivery's body tells where it belongs.
type delivered struct {
	Entry []struct {
		Messaging []struct {
			Message struct{ MID string }
			EventID uuid.UUID `json:"event_id"`
		}
	}
}

// place is the conversation of a delivery, and its event.
func (h heard) place() (room, event uuid.UUID, err error) {
	var body delivered
	if err := json.Unmarshal(h.body, &body); err != nil {
		return room, event, err
	}
	if len(body.Entry) != 1 || len(body.Entry[0].Messaging) != 1 {
		return room, event, fmt.Errorf("a delivery that is not of one message: %s", h.body)
	}
	one := body.Entry[0].Messaging[0]
	room, _, ok := messenger.ParseMID(one.Message.MID)
	if !ok {
		return room, event, fmt.Errorf("a delivery of no message: %s", h.body)
	}
	return room, one.EventID, nil
}

// lanes are what came in this round, by conversation.
func (e *endpoint) lanes() ([][]heard, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	byRoom := make(map[uuid.UUID][]heard)
	for _, one := range e.heard[e.fresh:] {
		room, _, err := one.place()
		if err != nil {
			return nil, err
		}
		byRoom[room] = append(byRoom[room], one)
	}
	var lanes [][]heard
	for _, room := range e.rooms {
		lanes = append(lanes, byRoom[room])
	}
	return lanes, nil
}

// account returns the events of each conversation in the order in which they
// came first, and how often each came.
func (e *endpoint) account() (order map[uuid.UUID][]uuid.UUID, came map[uuid.UUID]int64, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	order, came = make(map[uuid.UUID][]uuid.UUID), make(map[uuid.UUID]int64)
	for _, one := range e.heard {
		room, event, err := one.place()
		if err != nil {
			return nil, nil, err
		}
		if old, current := webhooks.Signatures(e.secret, one.body); one.old != old || one.current != current {
			return nil, nil, fmt.Errorf("the signatures of event %s do not vouch for it", event)
		}
		if came[event]++; came[event] == 1 {
			order[room] = append(order[room], event)
		}
	}
	return order, came, nil
}
