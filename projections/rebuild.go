package projections

import (
	"context"
	"errors"

	"parley/events"
	"parley/projections/views"
)

// task is what a model can be asked to do.
type task int

const (
	rebuilding task = iota
	checking
)

// request asks a model for a task.
type request struct {
	task
	// since is the generation that served when this was asked.
	since  int64
	answer chan<- answer // takes one without waiting
}

// answer is what came of a request.
type answer struct {
	checked Checked
	err     error
}

// Rebuild builds a projection's view anew from the log, beside the one that
// serves, and returns when the new one serves. If the context ends before, the
// view is built to the end nevertheless, also by the next process. The set must
// run.
//
// Errors: *Failure if the new view meets an event that it cannot apply; then
// the old one goes on serving. ErrNotFound for an unknown name.
func (s *Set) Rebuild(ctx context.Context, projection string) error {
	m, err := s.model(projection)
	if err != nil {
		return err
	}
	_, err = m.ask(ctx, rebuilding)
	return err
}

// Names lists the projections, in a fixed order.
func (s *Set) Names() []string {
	names := make([]string, len(s.models))
	for i, m := range s.models {
		names[i] = m.name()
	}
	return names
}

// ask hands a task to the goroutine that runs, and waits for the answer.
func (m *model[T]) ask(ctx context.Context, task task) (Checked, error) {
	answers := make(chan answer, 1)
	asked := request{task: task, answer: answers}
	if serving := m.store.Serving(); serving != nil {
		asked.since = serving.Number
	}
	select {
	case m.asked <- asked:
	case <-ctx.Done():
		return Checked{}, context.Cause(ctx)
	}
	select {
	case answer := <-answers:
		return answer.checked, answer.err
	case <-ctx.Done():
		return Checked{}, context.Cause(ctx)
	}
}

func (s *service[T]) do(ctx context.Context, asked request) (answer answer) {
	switch {
	case asked.task == checking:
		answer.checked, answer.err = s.check(ctx)
	case asked.since == s.serving.Number: // else it was built meanwhile
		answer.err = s.rebuild(ctx)
	}
	return answer
}

// begin has a builder fill the unfinished generation, or a new one.
func (m *model[T]) begin(ctx context.Context) (*runner[T], error) {
	target, err := m.store.Build(ctx)
	if err != nil {
		return nil, err
	}
	m.logger.InfoContext(ctx, "building a view", "version", target.Version, "generation", target.Number)
	built := m.aside(target)
	m.builder.Store(built.progress)
	m.meters.building.Set(1)
	return built, nil
}

// aside is a runner of a generation that does not serve.
func (m *model[T]) aside(target *views.Generation) *runner[T] {
	return m.runner(m.fresh(), target, new(progress), newMeterSet().of(m.name()))
}

func (m *model[T]) buildingEnded() {
	m.builder.Store(nil)
	m.meters.building.Set(0)
}

// buildFirst builds a view where none of this version serves yet.
func (m *model[T]) buildFirst(ctx context.Context) error {
	m.setState(CatchingUp)
	built, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer m.buildingEnded()
	err = built.run(ctx, goal{caughtUp: true})
	failure := (*Failure)(nil)
	switch {
	case errors.Is(err, errForeign):
		return m.store.Discard(ctx, built.target)
	case errors.As(err, &failure) && m.store.Serving() != nil:
		// The older one shows more than what was built up to the failure.
		m.stop(failure)
		return m.refuse(ctx, failure)
	case errors.As(err, &failure), errors.Is(err, errReached):
		return m.swap(ctx, built)
	}
	return err
}

// refuse answers all requests with the failure, until the context ends.
func (m *model[T]) refuse(ctx context.Context, failure *Failure) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case asked := <-m.asked:
			asked.answer <- answer{err: failure}
		}
	}
}

// rebuild builds another generation while this one serves, and swaps them.
func (s *service[T]) rebuild(ctx context.Context) error {
	built, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer s.buildingEnded()
	if err := s.catchUp(ctx, built); err != nil {
		return err
	}
	// What serves stands still now, and the other one passes it.
	s.pause()
	if err := s.catchUp(ctx, built); err != nil {
		return err
	}
	return s.swap(ctx, built)
}

// catchUp brings what is built forward until the log has nothing more. If that
// cannot be, it is discarded.
func (s *service[T]) catchUp(ctx context.Context, built *runner[T]) error {
	err := built.run(ctx, goal{caughtUp: true})
	failure := (*Failure)(nil)
	switch {
	case errors.Is(err, errReached):
		return nil
	case errors.As(err, &failure), errors.Is(err, errForeign):
		return errors.Join(err, s.store.Discard(ctx, built.target))
	}
	return err
}

// swap has what was built serve in the place of what serves. The projection
// forgets what it had of the old one.
func (m *model[T]) swap(ctx context.Context, built *runner[T]) error {
	if err := m.store.Swap(ctx); err != nil {
		return err
	}
	m.projection.reset()
	m.startOver() // what stopped the old one is no fault of the new one's
	m.advance(events.Position(built.reached.Position), built.lastCreated())
	m.logger.InfoContext(ctx, "the view was swapped", "version", built.target.Version, "generation", built.target.Number, "position", built.reached.Position)
	return nil
}
