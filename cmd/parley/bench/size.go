package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	// smallLog is how many events the smallest log has, and the one beside
	// the others.
	smallLog = 10_000
	// sizeStreams is in how many streams the events stand; each append is to
	// any of them.
	sizeStreams = 100_000
	// aloneShare is the part of a round's appends that is made by one writer
	// alone.
	aloneShare = 10
)

// Size measures how start, appends, sends, disk and memory of the embedded log change
// while it grows tenfold again and again. At each size the log takes turns
// with a small one beside it.
func Size(ctx context.Context, p Program, o Options) (*Report, error) {
	m := &sizeMeasurement{options: o, program: p}
	m.big = m.newLog("big")
	curve := &Curve{}
	for _, size := range sizes(o.Events) {
		point, err := m.measure(ctx, size)
		if err != nil {
			return nil, fmt.Errorf("at %d events: %w", size, err)
		}
		curve.Points = append(curve.Points, *point)
	}
	curve.finish()
	return &Report{
		Benchmark: "size",
		Setting: fmt.Sprintf("up to %s events of %d B in %s streams, %d rounds, %s",
			grouped(float64(o.Events), 0), storedBytes, grouped(sizeStreams, 0), o.Rounds, machine()),
		Curve: curve,
		Notes: []string{
			fmt.Sprintf("start, append and p99 are medians of the rounds, CPU is their mean; × is the ratio to a fresh log of %s events beside it, which took turns in the same rounds", grouped(smallLog, 0)),
			"× of disk and memory is the ratio to the smallest size",
			"start is the opening of a log that was closed, with nothing of it in the process' caches; the system may have its files in memory",
			fmt.Sprintf("append and p99 are those of %d durable appends a round by one writer alone, to any stream", o.alone()),
			fmt.Sprintf("CPU is that of %d appends a round by %d writers, with all the work they leave to the background; most are the first to their stream since the log was opened, whose end has to be looked up where the stream is there", o.Requests, o.Clients),
			fmt.Sprintf("send p99 is that of %d sends a round over HTTP by one person alone, and send CPU that of %d sends a round by %d, with their clients and until all views show them; each log has a house on a copy of it, the rest of which no view takes", o.alone(), o.Requests, o.Clients),
			"memory is what the process gave back when the log was closed, after all of it had been read; what a log holds is bounded: blocks of the store, memory tables, the newest events, the ends of streams",
			"at each size the log was read: each stream has every event that was acknowledged, once, in order, and there are no others; every message acknowledged is in its house's log once, and in the view",
		},
	}, nil
}

// alone is how many appends of a round one writer makes.
func (o Options) alone() int { return max(o.Requests/aloneShare, 1) }

// sizes are the numbers of events to measure at.
func sizes(most int) []int {
	var all []int
	for size := smallLog; size < most; size *= 10 {
		all = append(all, size)
	}
	return append(all, most)
}

// sizeMeasurement is the state of the measurement.
type sizeMeasurement struct {
	options Options
	program Program
	big     *grownLog
}

// grownLog is a log and all who write to it.
type grownLog struct {
	dir     string
	program Program
	writers []*writer
	node    *Node
}

func (m *sizeMeasurement) newLog(name string) *grownLog {
	return &grownLog{
		dir:     filepath.Join(m.options.Dir, name),
		program: m.program,
		writers: newWriters(max(m.options.Clients, fillers), sizeStreams, storedBytes, 0),
	}
}

// open returns how long it took.
func (g *grownLog) open(ctx context.Context) (took time.Duration, err error) {
	labelled(ctx, parleySide, func(context.Context) {
		began := time.Now()
		g.node, err = g.program.OpenNode(g.dir)
		took = time.Since(began)
	})
	return took, err
}

func (g *grownLog) close() error {
	if g.node == nil {
		return nil
	}
	node := g.node
	g.node = nil
	return node.Close()
}

// growTo fills the log, which is closed before and after.
func (g *grownLog) growTo(ctx context.Context, size int, o Options) (err error) {
	if _, err := g.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	missing := max(size-acknowledged(g.writers), 0)
	shown := o.begin(fmt.Sprintf("growing a log to %s events", grouped(float64(size), 0)), missing)
	defer shown.end()
	if err := fill(ctx, g.node.Log, g.writers, missing, shown); err != nil {
		return err
	}
	return quiesce(ctx)
}

func (g *grownLog) verify(ctx context.Context) error {
	if err := verifyWritten(ctx, g.node.Log, g.writers); err != nil {
		return fmt.Errorf("what was acknowledged is not what is there: %w", err)
	}
	return nil
}

// measure makes one point of the curve.
func (m *sizeMeasurement) measure(ctx context.Context, size int) (_ *Point, err error) {
	small := m.newLog("small")
	defer func() {
		err = errors.Join(err, small.close(), m.big.close(), os.RemoveAll(small.dir), os.RemoveAll(small.house()), os.RemoveAll(m.big.house()))
	}()
	if err := m.big.growTo(ctx, size, m.options); err != nil {
		return nil, err
	}
	if err := small.growTo(ctx, min(size, smallLog), m.options); err != nil {
		return nil, err
	}
	point := &Point{Events: acknowledged(m.big.writers)}
	disk, err := diskUsage(m.big.dir)
	if err != nil {
		return nil, err
	}
	point.DiskPerEvent = float64(disk) / float64(point.Events)
	shown := m.options.begin(fmt.Sprintf("measuring at %s events", grouped(float64(size), 0)), 2*m.options.Rounds)
	defer shown.end()
	if err := m.measureStarts(ctx, point, small, shown); err != nil {
		return nil, err
	}
	for range m.options.Rounds {
		if err := m.measureAppends(ctx, point, small); err != nil {
			return nil, err
		}
		shown.add(1)
	}
	if err := errors.Join(small.verify(ctx), m.big.verify(ctx)); err != nil {
		return nil, err
	}
	if err := errors.Join(m.big.node.Copy(m.big.house()), small.node.Copy(small.house()), small.close()); err != nil {
		return nil, err
	}
	if point.Memory, err = m.big.memory(ctx); err != nil {
		return nil, err
	}
	return point, m.measureSends(ctx, point, small)
}

// memory closes the log, and returns how much less the process then holds. It
// is wrong if the process does something else meanwhile.
func (g *grownLog) memory(ctx context.Context) (int, error) {
	if err := quiesce(ctx); err != nil {
		return 0, err
	}
	open, err := resident()
	if err := errors.Join(err, g.close()); err != nil {
		return 0, err
	}
	closed, err := resident()
	return open - closed, err
}

// measureStarts opens both logs, and leaves them open the last time.
func (m *sizeMeasurement) measureStarts(ctx context.Context, point *Point, small *grownLog, shown progress) error {
	for range m.options.Rounds {
		if err := errors.Join(m.big.close(), small.close(), quiesce(ctx)); err != nil {
			return err
		}
		here, err := m.big.open(ctx)
		if err != nil {
			return err
		}
		if err := quiesce(ctx); err != nil {
			return err
		}
		beside, err := small.open(ctx)
		if err != nil {
			return err
		}
		point.Start.add(millis(here), millis(beside))
		shown.add(1)
	}
	return quiesce(ctx)
}

// measureAppends is one round.
func (m *sizeMeasurement) measureAppends(ctx context.Context, point *Point, small *grownLog) error {
	here, err := m.big.appendAlone(ctx, m.options.alone())
	if err != nil {
		return err
	}
	beside, err := small.appendAlone(ctx, m.options.alone())
	if err != nil {
		return err
	}
	point.Append.add(millis(here.mean()), millis(beside.mean()))
	point.P99.add(millis(here.percentile(99)), millis(beside.percentile(99)))
	cost, err := m.big.appendShared(ctx, m.options)
	if err != nil {
		return err
	}
	costBeside, err := small.appendShared(ctx, m.options)
	if err != nil {
		return err
	}
	point.CPU.add(cost, costBeside)
	return nil
}

// appendAlone lets one writer after the other append an event, never two at a
// time.
func (g *grownLog) appendAlone(ctx context.Context, count int) (r round, err error) {
	until := bound{requests: count}
	labelled(ctx, parleySide, func(ctx context.Context) {
		r, err = until.measure(ctx, 1, func(ctx context.Context, _ int, over func(time.Time) bool) ([]time.Duration, error) {
			var latencies []time.Duration
			for {
				began := time.Now()
				if over(began) {
					return latencies, nil
				}
				if err := g.writers[len(latencies)%len(g.writers)].write(ctx, g.node.Log, 1); err != nil {
					return latencies, err
				}
				latencies = append(latencies, time.Since(began))
			}
		})
	})
	return r, errors.Join(err, quiesce(ctx))
}

// appendShared lets many append at a time, and returns the processor time of
// an append in microseconds.
func (g *grownLog) appendShared(ctx context.Context, o Options) (micros float64, err error) {
	before, err := cpuTime()
	if err != nil {
		return 0, err
	}
	var r round
	labelled(ctx, parleySide, func(ctx context.Context) {
		r, err = appendRound(ctx, g.node.Log, g.writers[:o.Clients], bound{requests: o.Requests})
	})
	if err := errors.Join(err, quiesce(ctx)); err != nil {
		return 0, err
	}
	after, err := cpuTime()
	return float64(after-before) / float64(time.Microsecond) / float64(r.requests), err
}
