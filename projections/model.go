package projections

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"parley/events"
	"parley/projections/views"
)

// model is a projection with its store. Its progress is that of what serves.
// Run alone changes views, and has another one built beside the one that
// serves when that is of an older version, or when it is asked to.
type model[T any] struct {
	progress
	settings
	// projection answers queries, and applies to the view that serves.
	projection projection[T]
	// fresh makes others, to apply to views that do not serve.
	fresh func() projection[T]
	store *views.Store
	// builder is how far the view is that is being built, or nil.
	builder atomic.Pointer[progress]
	// asked takes what is asked of the goroutine that runs.
	asked chan request
}

func newModel[T any](p projection[T], fresh func() projection[T], store *views.Store, s settings) *model[T] {
	m := &model[T]{projection: p, fresh: fresh, store: store, settings: s, asked: make(chan request)}
	m.state, m.hurry = CatchingUp, make(chan struct{}, 1)
	return m
}

func (m *model[T]) name() string { return m.projection.schema().Name }

func (m *model[T]) close() error { return m.store.Close() }

// digest covers all rows of what serves.
func (m *model[T]) digest(ctx context.Context) (string, error) {
	digest := views.NewDigest()
	err := m.store.Snapshot(ctx, func(tx *views.Tx) error {
		return digest.AddContents(contentsOf(ctx, m.projection, tx)...)
	})
	return digest.Sum(), err
}

// open learns where the view stands, the log's tip being known.
func (m *model[T]) open(ctx context.Context, tip events.Position) error {
	if serving := m.store.Serving(); serving != nil {
		at, err := serving.Checkpoint(ctx)
		if err != nil {
			return fmt.Errorf("projection %s: %w", m.name(), err)
		}
		// Another server may have applied what came since.
		if at.Event > uint64(tip) {
			if tip, err = events.Tip(ctx, m.log); err != nil {
				return fmt.Errorf("projection %s: %w", m.name(), err)
			}
		}
		if at.Event <= uint64(tip) {
			m.advance(events.Position(min(at.Position, uint64(tip))), time.Time{})
			return nil
		}
		m.withdraw(ctx)
	}
	if tip != events.Beginning {
		return nil
	}
	// Of an empty log an empty view shows everything.
	if _, err := m.store.Build(ctx); err != nil {
		return fmt.Errorf("projection %s: %w", m.name(), err)
	}
	return m.store.Swap(ctx)
}

// withdraw has a view serve no more that is of another log.
func (m *model[T]) withdraw(ctx context.Context) {
	m.store.Withdraw(ctx)
	m.projection.reset()
	m.advance(events.Beginning, time.Time{})
}

// run keeps the view until the context ends.
func (m *model[T]) run(ctx context.Context) {
	for ctx.Err() == nil {
		var err error
		if serving := m.store.Serving(); serving != nil && serving.Version == m.projection.schema().Version {
			err = m.serve(ctx, serving)
		} else {
			err = m.buildFirst(ctx)
		}
		if err != nil && ctx.Err() == nil {
			m.logger.WarnContext(ctx, "projection begins anew", "cause", err)
			pause(ctx, retryAfter)
		}
	}
}

// serve brings what serves forward and does what is asked for, until another
// generation serves, or none.
func (m *model[T]) serve(ctx context.Context, serving *views.Generation) error {
	s := &service[T]{model: m, serving: serving}
	s.launch(ctx)
	defer s.pause()
	if m.store.Unfinished() != nil {
		if err := s.rebuild(ctx); err != nil {
			return err
		}
	}
	look := time.NewTicker(adoptEvery)
	defer look.Stop()
	for m.store.Serving() == serving {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			if err := s.adopt(ctx); err != nil {
				m.logger.WarnContext(ctx, "looking for a newer view", "cause", err)
			}
		case err := <-s.stopping():
			s.stopped = true // as its status tells
			if errors.Is(err, errForeign) {
				m.withdraw(ctx)
			}
		case asked := <-m.asked:
			asked.answer <- s.do(ctx, asked)
		}
	}
	return nil
}

// adoptEvery is how often a server looks whether another one has swapped a view.
const adoptEvery = time.Second

// adopt goes over to what another server has had serve since, unless that would
// take back what was shown here.
func (s *service[T]) adopt(ctx context.Context) error {
	newer, err := s.store.Newer(ctx)
	if err != nil || newer == nil {
		return err
	}
	s.pause()
	at, err := newer.Checkpoint(ctx)
	if err != nil || at.Position < uint64(s.passed()) {
		s.launch(ctx)
		return err
	}
	s.store.Adopt(ctx, newer)
	s.projection.reset()
	s.logger.InfoContext(ctx, "the view was swapped by another server", "generation", newer.Number, "position", at.Position)
	return nil
}

// service is the time for which one generation serves.
type service[T any] struct {
	*model[T]
	serving *views.Generation
	// cancel ends the runner, and ended yields once when it has ended.
	cancel  context.CancelFunc
	ended   chan error
	stopped bool // what it ended with was seen
}

// stopping yields once if the runner ends by itself.
func (s *service[T]) stopping() <-chan error {
	if s.stopped {
		return nil
	}
	return s.ended
}

// launch brings what serves forward in a goroutine.
func (s *service[T]) launch(ctx context.Context) {
	ctx, s.cancel = context.WithCancel(ctx)
	ended := make(chan error, 1)
	s.ended, s.stopped = ended, false
	s.startOver()
	s.meters.stopped.Set(0)
	r := s.runner(s.projection, s.serving, &s.progress, s.meters)
	go func() {
		ended <- r.run(ctx, goal{})
		close(ended)
	}()
}

// pause ends the runner and waits for it. It may be called more than once.
func (s *service[T]) pause() {
	s.cancel()
	for range s.ended {
	}
}

// runner brings a generation forward.
func (m *model[T]) runner(p projection[T], target *views.Generation, progress *progress, meters meters) *runner[T] {
	settings := m.settings
	settings.meters = meters
	return &runner[T]{settings: settings, projection: p, target: target, progress: progress, shared: m.store.Shared()}
}
