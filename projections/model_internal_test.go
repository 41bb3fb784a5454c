package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
	"parley/projections/views"
	"parley/projections/views/viewstest"
)

// tally is a projection for tests: each event of a stream makes its row say
// what the version says.
type tally struct {
	version int
	columns string
	poison  string // data of an event that it cannot apply
}

const tallyColumns = "number BIGINT NOT NULL, said TEXT NOT NULL"

func (p *tally) schema() views.Schema {
	return views.Schema{Name: "tally", Version: p.version, Tables: []views.Table{{Name: "rows", Columns: p.columns, Key: "number"}}}
}

func (p *tally) filter() events.Filter { return events.Filter{} }

func (p *tally) prepare(_ context.Context, recorded events.Recorded) (events.Recorded, bool, error) {
	if p.poison != "" && string(recorded.Data) == p.poison {
		return recorded, false, errors.New("poison")
	}
	return recorded, true, nil
}

func (p *tally) apply(ctx context.Context, tx *views.Tx, items []events.Recorded) error {
	for _, item := range items {
		err := tx.Queue(ctx, "INSERT INTO rows (number, said) VALUES ($1, $2)", int64(item.Revision), fmt.Sprintf("v%d %s", p.version, item.Data))
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *tally) committed() {}
func (p *tally) reset()     {}

// tallies is a log whose events are tallied.
type tallies struct {
	*testing.T
	log  *node.Node
	open viewstest.Opener
}

func newTallies(t *testing.T, kind viewstest.Kind) *tallies {
	t.Helper()
	log, err := node.Open("log", node.Options{FS: vfs.NewMem(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return &tallies{t, log, kind(t)}
}

func (s *tallies) write(data ...string) events.Position {
	s.Helper()
	var last events.Position
	for _, text := range data {
		appended, err := s.log.Append(s.Context(), "tally-1", events.Any, events.Proposed{ID: uuid.New(), Type: "Said", Data: []byte(text)})
		if err != nil {
			s.Fatal(err)
		}
		last = appended.Position
	}
	return last
}

// run runs a projection's model until stop.
func (s *tallies) run(p *tally) (m *model[events.Recorded], stop func()) {
	s.Helper()
	if p.columns == "" {
		p.columns = tallyColumns
	}
	store, err := s.open(s).Open(s.Context(), p.schema())
	if err != nil {
		s.Fatal(err)
	}
	fresh := func() projection[events.Recorded] { return &tally{p.version, p.columns, p.poison} }
	m = newModel(fresh(), fresh, store, settings{
		log: s.log, logger: slog.New(slog.DiscardHandler), now: time.Now, meters: newMeterSet().of("tally"), batchSize: 2, processors: 1,
	})
	tip, err := events.Tip(s.Context(), s.log)
	if err == nil {
		err = m.open(s.Context(), tip)
	}
	if err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		m.run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-ended
		if err := m.close(); err != nil {
			s.Error(err)
		}
	})
	s.Cleanup(stop)
	return m, stop
}

// said is what a row says, or an error.
func said(t *testing.T, m *model[events.Recorded], number int64) (text string, err error) {
	err = m.store.QueryRow(t.Context(), "SELECT said FROM rows WHERE number = $1", []any{number}, &text)
	return text, err
}

func expectSaid(t *testing.T, m *model[events.Recorded], number int64, want string) {
	t.Helper()
	if got, err := said(t, m, number); err != nil || got != want {
		t.Errorf("row %d says %q, %v; want %q", number, got, err, want)
	}
}

func wait(t *testing.T, m *model[events.Recorded], position events.Position, want error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := m.wait(ctx, position); !errors.Is(err, want) {
		t.Fatalf("waiting for %d: %v, want %v", position, err, want)
	}
}

func TestOldVersionServesUntilTheNewOneHasCaughtUp(t *testing.T) {
	viewstest.Each(t, func(t *testing.T, kind viewstest.Kind) {
		s := newTallies(t, kind)
		last := s.write("a", "b", "c")
		m, stop := s.run(&tally{version: 1})
		wait(t, m, last, nil)
		expectSaid(t, m, 2, "v1 c")
		stop()

		// The new version stops at an event, so the old one goes on serving.
		m, stop = s.run(&tally{version: 2, poison: "c"})
		wait(t, m, last+1, ErrStopped)
		expectSaid(t, m, 2, "v1 c")
		if _, err := m.ask(t.Context(), rebuilding); !errors.As(err, new(*Failure)) {
			t.Errorf("a rebuild where the first one cannot be: %v", err)
		}
		stop()

		last = s.write("d")
		m, stop = s.run(&tally{version: 3})
		wait(t, m, last, nil)
		expectSaid(t, m, 2, "v3 c")
		expectSaid(t, m, 3, "v3 d")
		stop()

		// With other tables nothing can serve before.
		m, stop = s.run(&tally{version: 4, poison: "a", columns: tallyColumns + ", more TEXT"})
		wait(t, m, last, ErrStopped)
		if text, err := said(t, m, 0); err == nil {
			t.Errorf("the event that cannot be applied is shown: %s", text)
		}
		stop()
	})
}

func TestCheckNamesTheFirstDifference(t *testing.T) {
	viewstest.Each(t, func(t *testing.T, kind viewstest.Kind) {
		for _, test := range []struct{ what, tamper, row, column, served, rebuilt string }{
			{"a changed text", "UPDATE rows SET said = 'x' WHERE number >= 1", "number=1", "said", "1 bytes of text", "4 bytes of text"},
			{"a missing row", "DELETE FROM rows WHERE number = 0", "number=0", "", "none", "a row"},
			{"a row too much", "INSERT INTO rows (number, said) VALUES (-1, '')", "number=-1", "", "a row", "none"},
			{"a row too much at the end", "INSERT INTO rows (number, said) VALUES (99, '')", "number=99", "", "a row", "none"},
			{"a missing row at the end", "DELETE FROM rows WHERE number = 2", "number=2", "", "none", "a row"},
		} {
			s := newTallies(t, kind)
			m, stop := s.run(&tally{version: 1})
			last := s.write("a", "b", "c")
			wait(t, m, last, nil)
			checked, err := m.ask(t.Context(), checking)
			if err != nil || checked.Difference != nil || checked.Position != last {
				t.Errorf("before: %+v, %v", checked, err)
			}
			stop()
			store, err := s.open(t).Open(t.Context(), (&tally{version: 1, columns: tallyColumns}).schema())
			if err != nil {
				t.Fatal(err)
			}
			err = store.Serving().Update(t.Context(), views.Checkpoint{Position: uint64(last), Event: uint64(last)}, views.Checkpoint{Position: uint64(last), Event: uint64(last)}, func(tx *views.Tx) error {
				return tx.Queue(t.Context(), test.tamper)
			})
			if err = errors.Join(err, store.Close()); err != nil {
				t.Fatal(err)
			}

			m, stop = s.run(&tally{version: 1})
			checked, err = m.ask(t.Context(), checking)
			d := checked.Difference
			if err != nil || d == nil || d.Table != "rows" || d.Row != test.row || d.Column != test.column ||
				!strings.HasPrefix(d.Served, test.served) || !strings.HasPrefix(d.Rebuilt, test.rebuilt) {
				t.Errorf("%s: %+v, %v", test.what, d, err)
			}
			if _, err := m.ask(t.Context(), rebuilding); err != nil {
				t.Error(err)
			}
			if checked, err := m.ask(t.Context(), checking); err != nil || checked.Difference != nil {
				t.Errorf("after a rebuild: %+v, %v", checked, err)
			}
			stop()
		}
	})
}

// TestStoppedProjectionIsMendedByARebuild has a row in the way of an event.
func TestStoppedProjectionIsMendedByARebuild(t *testing.T) {
	viewstest.Each(t, func(t *testing.T, kind viewstest.Kind) {
		s := newTallies(t, kind)
		m, stop := s.run(&tally{version: 1})
		first := s.write("a")
		wait(t, m, first, nil)
		stop()
		store, err := s.open(t).Open(t.Context(), (&tally{version: 1, columns: tallyColumns}).schema())
		if err != nil {
			t.Fatal(err)
		}
		err = store.Serving().Update(t.Context(), views.Checkpoint{Position: uint64(first), Event: uint64(first)}, views.Checkpoint{Position: uint64(first), Event: uint64(first)}, func(tx *views.Tx) error {
			return tx.Queue(t.Context(), "INSERT INTO rows (number, said) VALUES (1, 'in the way')")
		})
		if err = errors.Join(err, store.Close()); err != nil {
			t.Fatal(err)
		}

		last := s.write("b", "c")
		m, _ = s.run(&tally{version: 1})
		wait(t, m, last, ErrStopped)
		if _, err := m.ask(t.Context(), rebuilding); err != nil {
			t.Fatal(err)
		}
		wait(t, m, last, nil)
		expectSaid(t, m, 1, "v1 b")
		expectSaid(t, m, 2, "v1 c")
		if status := m.status(last, time.Now()); status.Failure != nil || status.State == Stopped {
			t.Errorf("after the rebuild: %+v", status)
		}
	})
}
