package projections

import (
	"context"
	"errors"
	"fmt"

	"parley/events"
	"parley/projections/views"
)

// Checked is a view that was compared with one built anew.
type Checked struct {
	Projection string `json:"projection"`
	// Position is where in the log both stood.
	Position events.Position `json:"position"`
	// Digest is a SHA-256 over all rows, in hex, and Rebuilt that of the view
	// that was built anew.
	Digest  string `json:"digest"`
	Rebuilt string `json:"rebuilt"`
	// Difference is the first one, or nil.
	Difference *Difference `json:"difference"`
}

// Difference is the first place at which a view and one built anew differ.
type Difference struct {
	Table string `json:"table"`
	// Row names the row by its key's columns and their values.
	Row string `json:"row"`
	// Column is empty if one of them has no such row.
	Column string `json:"column"`
	// Served and Rebuilt are what they have there; texts are not quoted.
	Served  string `json:"served"`
	Rebuilt string `json:"rebuilt"`
}

// Check builds a projection's view anew from the log, beside the one that
// serves, compares both at the same position, and removes the new one. The set
// must run.
//
// Errors: *Failure if the new view meets an event that it cannot apply, and
// the one that serves did not. ErrNotFound for an unknown name.
func (s *Set) Check(ctx context.Context, projection string) (Checked, error) {
	m, err := s.model(projection)
	if err != nil {
		return Checked{}, err
	}
	return m.ask(ctx, checking)
}

func (s *service[T]) check(ctx context.Context) (_ Checked, err error) {
	target, err := s.store.Scratch(ctx)
	if err != nil {
		return Checked{}, err
	}
	defer func() { err = errors.Join(err, s.store.Discard(context.WithoutCancel(ctx), target)) }()
	built := s.aside(target)
	// The failure at which both stop is no difference.
	if err := built.run(ctx, goal{caughtUp: true}); !errors.Is(err, errReached) && !errors.As(err, new(*Failure)) {
		return Checked{}, err
	}
	served, rebuilt, err := s.align(ctx, built)
	if err != nil {
		return Checked{}, err
	}
	defer func() { err = errors.Join(err, served.end(), rebuilt.end()) }()
	return s.compare(ctx, events.Position(built.reached.Position), served, rebuilt)
}

// align brings both views to one position and takes a snapshot of each. What
// serves stands still meanwhile.
func (s *service[T]) align(ctx context.Context, built *runner[T]) (served, rebuilt *snapshot, err error) {
	s.pause()
	defer s.launch(ctx)
	position := max(s.passed(), events.Position(built.reached.Position))
	if err := runTo(ctx, built, position); err != nil {
		return nil, nil, err
	}
	if err := runTo(ctx, s.runner(s.projection, s.serving, &s.progress, s.meters), position); err != nil {
		return nil, nil, err
	}
	if served, err = takeSnapshot(ctx, s.serving); err != nil {
		return nil, nil, err
	}
	if rebuilt, err = takeSnapshot(ctx, built.target); err != nil {
		return nil, nil, errors.Join(err, served.end())
	}
	return served, rebuilt, nil
}

// runTo applies everything up to a position, and nothing after it.
func runTo[T any](ctx context.Context, r *runner[T], position events.Position) error {
	if position == events.Beginning {
		return nil
	}
	if err := r.run(ctx, goal{upTo: position}); !errors.Is(err, errReached) {
		return err
	}
	return nil
}

// snapshot is one state of a view.
type snapshot struct {
	tx  *views.Tx
	end func() error
}

// takeSnapshot reads something, since a snapshot is of the time of its first
// query.
func takeSnapshot(ctx context.Context, g *views.Generation) (*snapshot, error) {
	tx, end, err := g.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	var rows int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM checkpoint`, nil, &rows); err != nil {
		return nil, errors.Join(err, end())
	}
	return &snapshot{tx, end}, nil
}

// compare looks for the first difference if the digests differ.
func (s *service[T]) compare(ctx context.Context, position events.Position, served, rebuilt *snapshot) (Checked, error) {
	checked := Checked{Projection: s.name(), Position: position}
	for _, side := range []struct {
		digest *string
		*snapshot
	}{{&checked.Digest, served}, {&checked.Rebuilt, rebuilt}} {
		digest := views.NewDigest()
		if err := digest.AddContents(contentsOf(ctx, s.projection, side.tx)...); err != nil {
			return checked, fmt.Errorf("projection %s: %w", s.name(), err)
		}
		*side.digest = digest.Sum()
	}
	if checked.Digest == checked.Rebuilt {
		return checked, nil
	}
	found, err := views.Compare(contentsOf(ctx, s.projection, served.tx), contentsOf(ctx, s.projection, rebuilt.tx))
	if err != nil || found == nil {
		return checked, fmt.Errorf("projection %s: the digests differ, the rows do not: %w", s.name(), err)
	}
	checked.Difference = &Difference{found.Table, found.Key, found.Column, found.Left, found.Right}
	return checked, nil
}
