package webhooks

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"parley/events"
	"parley/events/commands"
	"parley/handlers/outbound"
	"parley/projections/views"
)

// Options are what an Engine is made of. All are required but those that say
// otherwise.
type Options struct {
	// Views keeps what is to be delivered, and what was. Servers that share it
	// deliver everything once between them. The Engine does not close it.
	Views    views.Engine
	Journal  *events.Journal
	Commands *commands.Commands
	// Link is an absolute URL by which a file can be read until a time.
	Link func(file events.Digest, until time.Time) string
	// Outbound are the networks, beyond the internet, where receivers may be.
	Outbound []netip.Prefix
	NewID    func() uuid.UUID
	// Now and After are the clock of retries: time.Now and time.After if they
	// are nil.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
	// Tick is the clock by which the one that delivers shows that it is there,
	// and the others look: time.NewTicker's if it is nil.
	Tick func(every time.Duration) (ticks <-chan time.Time, stop func())
	// Jitter is a random number from 0 up to 1; math/rand's if it is nil.
	Jitter func() float64
	// Timeout is how long a receiver may take to answer: DefaultTimeout if it
	// is 0.
	Timeout time.Duration
	Logger  *slog.Logger
	// Metrics registers the engine's metrics, if it is not nil.
	Metrics prometheus.Registerer
}

// DefaultTimeout is how long a receiver may take to answer.
const DefaultTimeout = 20 * time.Second

// Engine delivers what happens to apps' webhooks: at least once, and in order
// within a conversation.
//
// Its methods may be called from any number of goroutines, whether it runs or
// not.
type Engine struct {
	Options
	store  *views.Store
	holder uuid.UUID // this engine, among those that share the store
	client *http.Client
	meters meters
	// leading is the present term, or nil while another server delivers.
	leading atomic.Pointer[term]
	// writing is held by whoever updates the store, of whom there is one in a
	// process.
	writing sync.Mutex
}

// retryAfter is how long to wait after a fault that may pass.
const retryAfter = time.Second

// Open opens an engine with its store. Close it, after Run has returned.
func Open(ctx context.Context, options Options) (*Engine, error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.After == nil {
		options.After = time.After
	}
	if options.Tick == nil {
		options.Tick = func(every time.Duration) (<-chan time.Time, func()) {
			ticker := time.NewTicker(every)
			return ticker.C, ticker.Stop
		}
	}
	if options.Jitter == nil {
		options.Jitter = rand.Float64
	}
	if options.Timeout == 0 {
		options.Timeout = DefaultTimeout
	}
	e := &Engine{Options: options, holder: options.NewID(), meters: newMeters()}
	e.client = outbound.NewClient(outbound.Options{Allow: options.Outbound, IdlePerHost: workersEach})
	if options.Metrics != nil {
		if err := e.meters.register(options.Metrics); err != nil {
			return nil, err
		}
	}
	var err error
	e.store, err = openStore(ctx, options.Views, options.Journal.Log)
	return e, err
}

// Close closes the engine's store.
func (e *Engine) Close() error { return e.store.Close() }

// Run delivers until the context ends, whenever no other server does.
func (e *Engine) Run(ctx context.Context) {
	for {
		err := e.serve(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errDeposed) {
			e.Logger.WarnContext(ctx, "webhooks: another server delivers now")
		} else {
			e.Logger.ErrorContext(ctx, "webhooks: beginning anew", "cause", err)
		}
		select {
		case <-time.After(retryAfter):
		case <-ctx.Done():
			return
		}
	}
}

// serve waits for the leadership and delivers, until an error or the context's
// end.
func (e *Engine) serve(ctx context.Context) error {
	at, err := e.campaign(ctx)
	if err != nil {
		return err
	}
	e.meters.leading.Set(1)
	defer e.meters.leading.Set(0)
	defer e.resign(ctx)
	group, ctx := errgroup.WithContext(ctx)
	t := e.newTerm(ctx, group, at)
	e.leading.Store(t)
	defer e.leading.Store(nil)
	group.Go(func() error { return t.ledger.run(ctx) })
	group.Go(func() error { return t.begin(ctx) })
	group.Go(func() error { return t.tidy(ctx) })
	return group.Wait()
}
