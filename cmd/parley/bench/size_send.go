package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// sizeRooms is in how many conversations people talk in a house that stands on
// a log of some size.
const sizeRooms = 16

// measureSends opens houses on the copies of both logs and lets them take
// turns.
func (m *sizeMeasurement) measureSends(ctx context.Context, point *Point, small *grownLog) (err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	o := m.options
	o.Rooms = sizeRooms
	here, err := openSending(ctx, m.program, o, filepath.Base(m.big.house()), &open)
	if err != nil {
		return err
	}
	beside, err := openSending(ctx, m.program, o, filepath.Base(small.house()), &open)
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

// house is the directory of a house on a copy of the log.
func (g *grownLog) house() string { return g.dir + "-house" }

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
