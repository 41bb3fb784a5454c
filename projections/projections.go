// Package projections shows what happened: it follows the log, keeps read
// models of it, and answers queries from them. Each read model is one file
// with its tables, how facts change them, and its queries.
package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"parley/events"
	"parley/projections/views"
)

// Names of the projections, as Wait, Status and Digest take them.
const (
	UsersName         = "users"
	ConversationsName = "conversations"
	GrowthName        = "growth"
	MediaName         = "media"
	SearchName        = "search"
	MerchantsName     = "merchants"
	OrdersName        = "orders"
	CasesName         = "cases"
	AppsName          = "apps"
	ReportsName       = "reports"
)

// Errors of queries and of Wait. They are compared with errors.Is.
var (
	// ErrNotFound: nothing with this id is in the view.
	ErrNotFound = errors.New("not found")
	// ErrNotParticipant: the conversation exists, but the viewer is not in it.
	ErrNotParticipant = errors.New("not a participant of this conversation")
	// ErrCursor: the cursor was not made by this query for this viewer.
	ErrCursor = errors.New("this cursor was not made for this list")
	// ErrRange: the asked span of time is empty or has too many points.
	ErrRange = errors.New("invalid time range")
	// ErrBehind: the view did not pass the position in time. The cause is the
	// context's.
	ErrBehind = errors.New("the view has not caught up yet")
	// ErrBuilding: the view is being built, and there is none to show yet.
	ErrBuilding = views.ErrBuilding
	// ErrUnavailable: the database of the views cannot be reached.
	ErrUnavailable = views.ErrUnavailable
	// ErrStopped: the projection met an event that it cannot apply, and shows
	// what was before it.
	ErrStopped = errors.New("the projection is stopped")
)

// Options of a Set. Only Views is required.
type Options struct {
	// Views keeps the projections' stores. The Set does not close it.
	Views views.Engine
	// Now is time.Now if it is nil.
	Now func() time.Time
	// Logger is slog.Default() if it is nil.
	Logger *slog.Logger
	// Metrics registers the projections' metrics, if it is not nil.
	Metrics prometheus.Registerer
	// BatchEvents bounds how many events one transaction applies; 0 means
	// DefaultBatchEvents.
	BatchEvents int
	// Only names the projections to open; empty means all. The others answer
	// no queries.
	Only []string
}

// Set is all projections of one log. Queries may be made from any number of
// goroutines from Open to Close, whether it runs or not.
type Set struct {
	Users         *Users
	Conversations *Conversations
	Growth        *Growth
	Search        *Search
	Merchants     *Merchants
	Orders        *Orders
	Cases         *Cases
	// Revocations are kept in memory, and folded by Run.
	Revocations *Revocations
	Media       *Media
	Apps        *Apps
	Reports     *Reports

	log    events.Log
	now    func() time.Time
	models []readModel // in the order of Status
}

// readModel is a model, whatever its projection needs of an event.
type readModel interface {
	name() string
	open(ctx context.Context, tip events.Position) error
	run(ctx context.Context)
	wait(ctx context.Context, position events.Position) error
	passed() events.Position
	ask(ctx context.Context, task task) (Checked, error)
	status(tip events.Position, now time.Time) Status
	digest(ctx context.Context) (string, error)
	close() error
}

// Open opens the views in opts.Views. Where there is none yet of a projection's
// version, Run builds it; until then, one of an older version serves if its
// tables are the same, or else queries fail with ErrBuilding. Open's errors are
// those of the engine's.
func Open(ctx context.Context, journal *events.Journal, opts Options) (*Set, error) {
	opts.setDefaults()
	conversations := newConversations(journal, opts.Now)
	s := &Set{
		Users:         newUsers(journal),
		Conversations: conversations,
		Growth:        newGrowth(opts.Now),
		Search:        newSearch(journal, conversations),
		Merchants:     newMerchants(journal),
		Orders:        newOrders(journal),
		Cases:         newCases(journal),
		Revocations:   newRevocations(journal, opts.Logger),
		Media:         newMedia(journal),
		Apps:          newApps(journal),
		Reports:       newReports(journal, conversations),
		log:           journal.Log,
		now:           opts.Now,
	}
	meters := newMeterSet()
	if opts.Metrics != nil {
		if err := meters.register(opts.Metrics); err != nil {
			return nil, err
		}
	}
	err := errors.Join(
		open(ctx, s, opts, meters, &s.Users.store, s.Users, func() *Users { return newUsers(journal) }),
		open(ctx, s, opts, meters, &s.Conversations.store, s.Conversations, func() *Conversations { return newConversations(journal, opts.Now) }),
		open(ctx, s, opts, meters, &s.Growth.store, s.Growth, func() *Growth { return newGrowth(opts.Now) }),
		open(ctx, s, opts, meters, &s.Media.store, s.Media, func() *Media { return newMedia(journal) }),
		open(ctx, s, opts, meters, &s.Apps.store, s.Apps, func() *Apps { return newApps(journal) }),
		open(ctx, s, opts, meters, &s.Search.store, s.Search, func() *Search { return newSearch(journal, conversations) }),
		open(ctx, s, opts, meters, &s.Merchants.store, s.Merchants, func() *Merchants { return newMerchants(journal) }),
		open(ctx, s, opts, meters, &s.Orders.store, s.Orders, func() *Orders { return newOrders(journal) }),
		open(ctx, s, opts, meters, &s.Cases.store, s.Cases, func() *Cases { return newCases(journal) }),
		open(ctx, s, opts, meters, &s.Reports.store, s.Reports, func() *Reports { return newReports(journal, conversations) }),
	)
	if err == nil {
		err = s.stand(ctx)
	}
	if err == nil && opts.Metrics != nil {
		err = opts.Metrics.Register(lagCollector{s})
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// stand learns where the views stand. If the log is empty, they are complete.
func (s *Set) stand(ctx context.Context) error {
	tip, err := events.Tip(ctx, s.log)
	if err != nil {
		tip = events.End // and so not known to be empty
	}
	for _, m := range s.models {
		if err := m.open(ctx, tip); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) setDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.BatchEvents == 0 {
		o.BatchEvents = DefaultBatchEvents
	}
}

// open opens a projection's store and gives it to the projection, if it is
// wanted. The projection serves and goes on with what serves; fresh makes others
// of its kind, to fill views beside that one.
func open[T any, P projection[T]](ctx context.Context, s *Set, opts Options, meters meterSet, store **views.Store, p P, fresh func() P) error {
	schema := p.schema()
	if len(opts.Only) > 0 && !slices.Contains(opts.Only, schema.Name) {
		return nil
	}
	opened, err := opts.Views.Open(ctx, schema)
	if err != nil {
		return fmt.Errorf("projection %s: %w", schema.Name, err)
	}
	*store = opened
	s.models = append(s.models, newModel(p, func() projection[T] { return fresh() }, opened, settings{
		log:        s.log,
		logger:     opts.Logger.With("projection", schema.Name),
		now:        opts.Now,
		meters:     meters.of(schema.Name),
		batchSize:  opts.BatchEvents,
		processors: runtime.GOMAXPROCS(0),
	}))
	return nil
}

// Run follows the log and applies its events to every projection, until the
// context ends; then it returns. A projection that cannot go on stops alone,
// as its Status tells; the others run on. Run is called once.
func (s *Set) Run(ctx context.Context) {
	var running sync.WaitGroup
	running.Go(func() { s.Revocations.run(ctx) })
	for _, m := range s.models {
		running.Go(func() { m.run(ctx) })
	}
	running.Wait()
}

// Close closes the views. Run must have returned.
func (s *Set) Close() error {
	var errs []error
	for _, m := range s.models {
		errs = append(errs, m.close())
	}
	return errors.Join(errs...)
}

// Wait returns when the projection has passed the position, so that a query
// made afterwards shows everything up to it.
//
// Errors: ErrBehind when the context ends first, ErrStopped when the
// projection stopped before the position, ErrNotFound for an unknown name.
func (s *Set) Wait(ctx context.Context, projection string, position events.Position) error {
	m, err := s.model(projection)
	if err != nil {
		return err
	}
	if err := m.wait(ctx, position); err != nil {
		return fmt.Errorf("projection %s: %w", projection, err)
	}
	return nil
}

// passed is the position up to which a projection shows everything.
func (s *Set) passed(projection string) (events.Position, error) {
	m, err := s.model(projection)
	if err != nil {
		return events.Beginning, err
	}
	return m.passed(), nil
}

// CatchUp returns when every projection has passed the log's present tip. Its
// errors are Wait's and the log's.
func (s *Set) CatchUp(ctx context.Context) error {
	tip, err := events.Tip(ctx, s.log)
	if err != nil {
		return err
	}
	for _, m := range s.models {
		if err := s.Wait(ctx, m.name(), tip); err != nil {
			return err
		}
	}
	return nil
}

// Status tells how each projection stands, in a fixed order. If the log cannot
// be reached, it comes with the log's error, and Tip and Lag are zero.
func (s *Set) Status(ctx context.Context) ([]Status, error) {
	tip, err := events.Tip(ctx, s.log)
	all := make([]Status, len(s.models))
	for i, m := range s.models {
		all[i] = m.status(tip, s.now())
	}
	return all, err
}

// Digest is a SHA-256, in hex, over all rows of a projection's view in key
// order. The same history gives the same digest, however it was batched.
// ErrNotFound for an unknown name.
func (s *Set) Digest(ctx context.Context, projection string) (string, error) {
	m, err := s.model(projection)
	if err != nil {
		return "", err
	}
	return m.digest(ctx)
}

func (s *Set) model(name string) (readModel, error) {
	for _, m := range s.models {
		if m.name() == name {
			return m, nil
		}
	}
	return nil, fmt.Errorf("projection %q: %w", name, ErrNotFound)
}
