package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// sizeRooms is in how many conversations people talk in a house that stands on
// a log of some size.
const sizeRooms = 16

// measureSends opens a house on a copy of each log, closes the logs, and lets
// the houses take turns.
func (m *sizeMeasurement) measureSends(ctx context.Context, point *Point, small *grownLog) (err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	for _, g := range []*grownLog{m.big, small} {
		copied := filepath.Join(m.options.Dir, g.house())
		open.add(func() error { return os.RemoveAll(copied) })
		if err := errors.Join(g.node.Copy(copied), g.close()); err != nil {
			return err
		}
	}
	o := m.options
	o.Rooms = sizeRooms
	here, err := openSending(ctx, m.program, o, m.big.house(), &open)
	if err != nil {
		return err
	}
	beside, err := openSending(ctx, m.program, o, small.house(), &open)
	if err != nil {
		return err
	}
	shown := o.begin("sending", o.Rounds)
	defer shown.end()
	for range o.Rounds {
		p99, cost, err := here.round(ctx)
		if err != nil {
			return err
		}
		p99Beside, costBeside, err := beside.round(ctx)
		if err != nil {
			return err
		}
		point.SendP99.add(millis(p99), millis(p99Beside))
		point.SendCPU.add(cost, costBeside)
		shown.add(1)
	}
	if err := errors.Join(here.verify(ctx), beside.verify(ctx)); err != nil {
		return fmt.Errorf("what was acknowledged is not what is there: %w", err)
	}
	return nil
}

// house is the name of the directory of a house on a copy of the log.
func (g *grownLog) house() string { return filepath.Base(g.dir) + "-house" }

// round lets one person send alone, and then all, and returns the processor
// time in microseconds that one of the latters' sends cost, until the views
// show it.
func (s *sending) round(ctx context.Context) (p99 time.Duration, micros float64, err error) {
	alone, err := drive(ctx, s.parley.address, s.senders[:1], bound{requests: s.options.alone()})
	if err := errors.Join(err, s.settled(ctx)); err != nil {
		return 0, 0, err
	}
	before, err := cpuTime()
	if err != nil {
		return 0, 0, err
	}
	all, err := drive(ctx, s.parley.address, s.senders, s.options.bound())
	if err := errors.Join(err, s.settled(ctx)); err != nil {
		return 0, 0, err
	}
	after, err := cpuTime()
	return alone.percentile(99), float64(after-before) / float64(time.Microsecond) / float64(all.requests), err
}

// settled waits until nothing is left to be done for what was sent.
func (s *sending) settled(ctx context.Context) error {
	if err := s.house.Views.CatchUp(ctx); err != nil {
		return err
	}
	return quiesce(ctx)
}
