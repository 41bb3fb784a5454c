package views

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrBuilding: nothing serves yet, since the first generation is being filled.
var ErrBuilding = errors.New("the view is being built")

// Store keeps one read model. Queries are answered by the generation that
// serves; a swap puts another in its place at once. Queries may be made from
// any number of goroutines; one at a time may build and swap.
type Store struct {
	schema Schema
	shelf  shelf

	mu       sync.Mutex
	current  *Generation   // that serves, or nil; guarded by mu
	next     *Generation   // that is being filled, or nil; guarded by mu
	others   []*Generation // of other versions, to be removed by the next swap; guarded by mu
	removing sync.WaitGroup
	closed   chan struct{}
}

// shelf is where an engine keeps the generations of one read model.
type shelf interface {
	// list opens all generations, the oldest first.
	list(ctx context.Context) ([]*Generation, error)
	// create makes an empty generation.
	create(ctx context.Context, purpose purpose) (*Generation, error)
	// serve makes a generation the one that serves, also after a restart.
	serve(ctx context.Context, g *Generation) error
	// remove removes a generation, whose backend is closed.
	remove(ctx context.Context, g *Generation) error
	// shared tells whether other processes may use the shelf, too.
	shared() bool
	// grace is how long other processes may still use a generation that serves
	// no more.
	grace(g *Generation) time.Duration
	// newest opens the generation that serves according to the database, if
	// its number is above the one given.
	newest(ctx context.Context, above int64) (*Generation, error)
}

func openStore(ctx context.Context, schema Schema, shelf shelf) (*Store, error) {
	all, err := shelf.list(ctx)
	if err != nil {
		return nil, err
	}
	s := &Store{schema: schema, shelf: shelf, closed: make(chan struct{})}
	rest := s.choose(all)
	if s.current == nil {
		s.others = rest
		s.chooseOlder()
		return s, nil
	}
	for _, g := range rest {
		if shelf.grace(g) > 0 {
			s.mu.Lock()
			s.retire(ctx, g)
			s.mu.Unlock()
		} else if err := s.discard(ctx, g); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// Newer returns the generation that another process has had serve since, or
// nil. Adopt it.
func (s *Store) Newer(ctx context.Context) (*Generation, error) {
	return s.shelf.newest(ctx, s.Serving().Number)
}

// Adopt has a generation serve here that serves elsewhere already.
func (s *Store) Adopt(ctx context.Context, g *Generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retire(ctx, s.current)
	s.current = g
	if s.next != nil && s.next.Number <= g.Number {
		s.next = nil
	}
}

// choose finds what serves and what is being built of the schema's version,
// and returns what else there is.
func (s *Store) choose(all []*Generation) (rest []*Generation) {
	for _, g := range slices.Backward(all) {
		switch {
		case g.Version == s.schema.Version && g.purpose == serving && s.current == nil:
			s.current = g
		case g.Version == s.schema.Version && g.purpose == building && s.current == nil && s.next == nil:
			s.next = g
		default:
			rest = append(rest, g)
		}
	}
	return rest
}

// chooseOlder has the newest generation of another version serve meanwhile,
// if its tables are the same.
func (s *Store) chooseOlder() {
	for i, g := range s.others {
		if g.purpose == serving && g.definition == s.schema.definition() {
			s.current = g
			s.others = slices.Delete(s.others, i, i+1)
			return
		}
	}
}

// definition tells schemas apart whose tables differ.
func (s Schema) definition() string {
	var text strings.Builder
	for _, table := range s.Tables {
		fmt.Fprintf(&text, "%s (%s) (%s)\n", table.Name, strings.Join(strings.Fields(table.Columns), " "), table.Key)
	}
	return text.String()
}

// tables are the schema's own and the checkpoint's.
func (s Schema) tables() []Table { return append([]Table{checkpointTable}, s.Tables...) }

// Shared tells whether other processes may bring the same generations forward.
func (s *Store) Shared() bool { return s.shelf.shared() }

// Close releases the store. What is stored is whole at any time.
func (s *Store) Close() error {
	close(s.closed)
	s.removing.Wait()
	var errs []error
	for _, g := range append([]*Generation{s.current, s.next}, s.others...) {
		if g != nil {
			errs = append(errs, g.tables.close())
		}
	}
	return errors.Join(errs...)
}

// Serving returns the generation that serves, or nil. Its Version is not the
// schema's while an older one serves until the first of the schema's version
// has caught up; that one must not be updated.
func (s *Store) Serving() *Generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Unfinished returns the generation that Build began and Swap has not yet
// taken, also before a restart, or nil.
func (s *Store) Unfinished() *Generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

// Build returns a generation to be filled beside the one that serves: the
// unfinished one, or a new one.
func (s *Store) Build(ctx context.Context) (*Generation, error) {
	if g := s.Unfinished(); g != nil {
		return g, nil
	}
	g, err := s.shelf.create(ctx, building)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = g
	return g, nil
}

// Scratch returns a new generation that will never serve. Discard it.
func (s *Store) Scratch(ctx context.Context) (*Generation, error) {
	return s.shelf.create(ctx, checking)
}

// Discard removes a generation that does not serve.
func (s *Store) Discard(ctx context.Context, g *Generation) error {
	s.mu.Lock()
	if s.next == g {
		s.next = nil
	}
	s.mu.Unlock()
	return s.discard(ctx, g)
}

func (s *Store) discard(ctx context.Context, g *Generation) error {
	return errors.Join(g.tables.close(), s.shelf.remove(ctx, g))
}

// Swap has the unfinished generation serve, at once for all queries that begin
// from now on. What else there is of the read model is removed when the last
// query that uses it has ended.
func (s *Store) Swap(ctx context.Context) error {
	next := s.Unfinished()
	if err := s.shelf.serve(ctx, next); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	next.purpose = serving
	if s.current != nil {
		s.others = append(s.others, s.current)
	}
	s.current, s.next = next, nil
	for _, g := range s.others {
		s.retire(ctx, g)
	}
	s.others = nil
	return nil
}

// Withdraw has nothing serve, since what serves is not what the log leads to.
func (s *Store) Withdraw(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		s.retire(ctx, s.current)
		s.current = nil
	}
}

// retire removes a generation once nobody uses it: nobody here, and after a
// grace nobody in other processes. mu is held.
func (s *Store) retire(ctx context.Context, g *Generation) {
	g.retired, g.idle = true, make(chan struct{})
	if g.holders == 0 {
		close(g.idle)
	}
	s.removing.Go(func() {
		select {
		case <-g.idle:
		case <-s.closed:
		}
		if grace := s.shelf.grace(g); grace > 0 {
			left := time.NewTimer(grace)
			defer left.Stop()
			select {
			case <-left.C:
			case <-s.closed:
				_ = g.tables.close() // the next Open finds it again
				return
			}
		}
		// What is left is found again by the next Open.
		_ = s.discard(context.WithoutCancel(ctx), g)
	})
}

// hold keeps the generation that serves from being removed.
func (s *Store) hold() (*Generation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil, fmt.Errorf("%w: %s", ErrBuilding, s.schema.Name)
	}
	s.current.holders++
	return s.current, nil
}

func (s *Store) release(g *Generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.holders--; g.holders == 0 && g.retired {
		close(g.idle)
	}
}

// Query is Generation.Query of the one that serves. ErrBuilding if none does.
func (s *Store) Query(ctx context.Context, text string, args ...any) (*Rows, error) {
	g, err := s.hold()
	if err != nil {
		return nil, err
	}
	rows, err := g.Query(ctx, text, args...)
	if err != nil {
		s.release(g)
		return nil, err
	}
	end := rows.end
	rows.end = sync.OnceFunc(func() {
		end()
		s.release(g)
	})
	return rows, nil
}

// QueryRow is Generation.QueryRow of the one that serves.
func (s *Store) QueryRow(ctx context.Context, text string, args []any, into ...any) error {
	rows, err := s.Query(ctx, text, args...)
	if err != nil {
		return err
	}
	return rows.one(into)
}

// Snapshot runs several queries on one state of the store.
func (s *Store) Snapshot(ctx context.Context, use func(*Tx) error) error {
	g, err := s.hold()
	if err != nil {
		return err
	}
	defer s.release(g)
	tx, end, err := g.Snapshot(ctx)
	if err != nil {
		return err
	}
	return errors.Join(use(tx), end())
}
