package competing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/events/node"
)

// Options of a Subsystem; the zero value is ready to use.
type Options struct {
	// Now is time.Now by default.
	Now func() time.Time
	// Ticks makes the tick of a group, which checks for timeouts and
	// checkpoints, and the function that stops it; once a second by default.
	Ticks func() (ticks <-chan time.Time, stop func())
	// Logger hears what a group could not read or store; nil is silence.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Ticks == nil {
		o.Ticks = func() (<-chan time.Time, func()) {
			ticker := time.NewTicker(time.Second)
			return ticker.C, ticker.Stop
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Subsystem runs the groups of one node; a node has at most one that is
// started. Its methods may be called from any number of goroutines.
type Subsystem struct {
	node    *node.Node
	options Options

	// changing is held by whoever changes the configuration.
	changing sync.Mutex
	// mu guards running, which is nil while the subsystem is stopped.
	mu      sync.Mutex
	running map[Key]*runner
	// entries are the groups as they are stored. Who holds changing reads
	// them, and writes them with mu held.
	entries []entry
}

// New prepares a subsystem; Start starts it.
func New(n *node.Node, options Options) *Subsystem {
	return &Subsystem{node: n, options: options.withDefaults()}
}

// Start serves the groups that are stored. Starting again does nothing.
//
// Errors: events.ErrUnavailable, the context's, or what is wrong with what is
// stored.
func (s *Subsystem) Start(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.started() {
		return nil
	}
	return s.load(ctx)
}

// Stop drops all consumers and waits until nothing runs any more.
func (s *Subsystem) Stop() {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.stop()
}

// Restart drops all consumers and serves the groups anew, as they are stored.
//
// Errors: ErrStopped, or as Start's.
func (s *Subsystem) Restart(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if !s.started() {
		return ErrStopped
	}
	s.stop()
	return s.load(ctx)
}

func (s *Subsystem) started() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running != nil
}

func (s *Subsystem) load(ctx context.Context) error {
	entries, err := loadConfig(ctx, s.node)
	if err != nil {
		return err
	}
	running := map[Key]*runner{}
	for _, e := range entries {
		r, err := s.prepare(ctx, e)
		if err != nil {
			return fmt.Errorf("persistent subscription %s: %w", e.Key, err)
		}
		running[e.Key] = r
	}
	for _, r := range running {
		s.begin(r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running, s.entries = running, entries
	return nil
}

func (s *Subsystem) stop() {
	s.mu.Lock()
	running := s.running
	s.running, s.entries = nil, nil
	s.mu.Unlock()
	for _, r := range running {
		r.stop()
	}
}

// prepare makes a group that begins after its checkpoint, if it has one.
func (s *Subsystem) prepare(ctx context.Context, e entry) (*runner, error) {
	source, err := newSource(s.node, e.Key, e.Settings)
	if err != nil {
		return nil, err
	}
	at, written, err := loadCheckpoint(ctx, s.node, e.Key)
	if err != nil {
		return nil, err
	}
	if !written {
		at = e.Origin
	}
	g := newGroup(e.Settings, at, s.options.Now())
	g.checkpoint.written = written
	return &runner{
		key: e.Key, node: s.node, source: source, log: s.options.Logger, now: s.options.Now, group: g,
		commands: make(chan func(context.Context)),
		grown:    make(chan struct{}, 1),
		done:     make(chan struct{}),
	}, nil
}

func (s *Subsystem) begin(r *runner) { r.begin(s.options.Ticks()) }

// Create adds a group.
//
// Errors: *Failure, ErrExists, ErrStopped, events.ErrUnavailable, or the
// context's.
func (s *Subsystem) Create(ctx context.Context, key Key, settings Settings) error {
	if err := checkStrategy(settings.Strategy); err != nil {
		return err
	}
	if err := s.checkStart(key, settings.Start); err != nil {
		return err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	if _, err := s.find(key); err == nil {
		return ErrExists
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := checkBuffers(settings); err != nil {
		return err
	}
	e := entry{Key: key, Settings: settings}
	return s.serve(ctx, e, append(slices.Clone(s.entries), e), nil)
}

func (s *Subsystem) checkStart(key Key, start Start) error {
	switch {
	case key.Source == "":
		return failed("Bad stream name.")
	case key.all() && start > Start(s.node.Tip()):
		return failed("Invalid Start From position: commit position must be less than or equal to the last commit position in the transaction file.")
	}
	return nil
}

// serve stores the configuration, in which e is new, and serves e in place of
// the old one, if there was one.
func (s *Subsystem) serve(ctx context.Context, e entry, entries []entry, old *runner) error {
	if err := s.place(&e); err != nil {
		return err
	}
	entries[indexOf(entries, e.Key)] = e
	if err := storeConfig(ctx, s.node, entries); err != nil {
		return err
	}
	if old != nil {
		old.stop()
	}
	r, err := s.prepare(ctx, e)
	if err != nil {
		return err
	}
	s.begin(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[e.Key], s.entries = r, entries
	return nil
}

// place settles where a group begins without a checkpoint.
func (s *Subsystem) place(e *entry) error {
	source, err := newSource(s.node, e.Key, e.Settings)
	if err != nil {
		return err
	}
	if e.Start != FromEnd {
		e.Origin = max(cursor(e.Start)-1, e.Key.origin())
		return nil
	}
	e.Origin, err = source.end()
	return err
}

// Update changes a group's settings, drops its consumers, and keeps its
// checkpoint and filter.
//
// Errors: *Failure, ErrNotFound, ErrStopped, events.ErrUnavailable, or the
// context's.
func (s *Subsystem) Update(ctx context.Context, key Key, settings Settings) error {
	if err := checkStrategy(settings.Strategy); err != nil {
		return err
	}
	if err := s.checkStart(key, settings.Start); err != nil {
		return err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	r, err := s.find(key)
	if err != nil {
		return err
	}
	if err := checkBuffers(settings); err != nil {
		return err
	}
	settings.Filter = r.group.settings.Filter
	return s.serve(ctx, entry{Key: key, Settings: settings}, slices.Clone(s.entries), r)
}

// Delete drops a group with all it stored.
//
// Errors: ErrNotFound, ErrStopped, events.ErrUnavailable, or the context's.
func (s *Subsystem) Delete(ctx context.Context, key Key) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	r, err := s.find(key)
	if err != nil {
		return err
	}
	i := indexOf(s.entries, key)
	entries := slices.Delete(slices.Clone(s.entries), i, i+1)
	if err := storeConfig(ctx, s.node, entries); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.running, key)
	s.entries = entries
	s.mu.Unlock()
	r.stop()
	return forget(ctx, s.node, key)
}

func indexOf(entries []entry, key Key) int {
	return slices.IndexFunc(entries, func(e entry) bool { return e.Key == key })
}

// find is the runner of a group.
func (s *Subsystem) find(key Key) (*runner, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		return nil, ErrStopped
	}
	r := s.running[key]
	if r == nil {
		return nil, ErrNotFound
	}
	return r, nil
}

// Connect joins a group with room for slots events at a time.
//
// Errors: ErrNotFound, ErrFull, ErrDropped, ErrStopped, or the context's.
func (s *Subsystem) Connect(ctx context.Context, key Key, who Identity, slots int) (*Consumer, error) {
	r, err := s.find(key)
	if err != nil {
		return nil, err
	}
	c := newConsumer(r, who, slots)
	var refused error
	if err := r.ask(ctx, func(context.Context) { refused = r.group.join(c, r.now()) }); err != nil {
		return nil, err
	}
	if refused != nil {
		return nil, refused
	}
	return c, nil
}

// ReplayParked gives out again what is parked, below a revision of the parked
// stream.
//
// Errors: *Failure, ErrNotFound, ErrDropped, ErrStopped,
// events.ErrUnavailable, or the context's.
func (s *Subsystem) ReplayParked(ctx context.Context, key Key, stopAt int64) error {
	r, err := s.find(key)
	if err != nil {
		return err
	}
	if stopAt < 0 {
		return failed("Cannot stop replaying parked message at a negative version.")
	}
	var failure error
	if err := r.ask(ctx, func(context.Context) { failure = r.replay(stopAt) }); err != nil {
		return err
	}
	return failure
}

// Info tells how a group stands.
//
// Errors: ErrNotFound, ErrDropped, ErrStopped, events.ErrUnavailable, or the
// context's.
func (s *Subsystem) Info(ctx context.Context, key Key) (Info, error) {
	r, err := s.find(key)
	if err != nil {
		return Info{}, err
	}
	return r.info(ctx)
}

// List tells of all groups on a stream, or of all there are if it is empty, in
// the order of their keys.
//
// Errors: ErrNotFound if the stream has none, or as Info's.
func (s *Subsystem) List(ctx context.Context, stream string) ([]Info, error) {
	s.mu.Lock()
	if s.running == nil {
		s.mu.Unlock()
		return nil, ErrStopped
	}
	var found []*runner
	for key, r := range s.running {
		if stream == "" || key.Source == stream {
			found = append(found, r)
		}
	}
	s.mu.Unlock()
	if stream != "" && len(found) == 0 {
		return nil, ErrNotFound
	}
	slices.SortFunc(found, func(a, b *runner) int { return strings.Compare(a.key.String(), b.key.String()) })
	infos := make([]Info, len(found))
	for i, r := range found {
		var err error
		if infos[i], err = r.info(ctx); err != nil {
			return nil, err
		}
	}
	return infos, nil
}
