package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"google.golang.org/grpc"

	"parley/events"
	"parley/events/esdb"
)

// appendBytes is the size of an appended event: data, metadata, type, stream
// and id.
const appendBytes = 670

// appendWriters are how many write at a time, each waiting for its own answer.
var appendWriters = []int{1, 16, 64}

// appendInFlight is how many appends wait at most.
const appendInFlight = 64

// Append measures durable appends of one event each to the embedded log, in
// process and over gRPC, against the least that both can be: a group-committed
// file, and the same gRPC call with that file behind it.
func Append(ctx context.Context, p Program, o Options) (_ *Report, err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	a, err := newAppendMeasurement(ctx, p, o, &open)
	if err != nil {
		return nil, err
	}
	comparisons, err := a.measure(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.verify(ctx); err != nil {
		return nil, fmt.Errorf("what was acknowledged is not what is there: %w", err)
	}
	return &Report{
		Benchmark:   "append",
		Setting:     fmt.Sprintf("events of %d B, %d rounds of %s, %s", appendBytes, o.Rounds, o.bound(), machine()),
		Comparisons: comparisons,
		Notes: []string{
			fmt.Sprintf("every one of the %d events acknowledged is in the log once, at the revision it was told, and nothing else is", acknowledged(a.wrote)),
			fmt.Sprintf("the control's %d records are in its file", acknowledged(a.wroteBare)),
			"the control of a gRPC call is the same call by the same client; its server copies the event into a record and appends it to the file",
			"after each turn the other side waits until the process is idle",
		},
	}, nil
}

// appendWay is one way to append, and its control.
type appendWay struct {
	name            string
	parley, control appendLog
}

// appendMeasurement is the state of the measurement.
type appendMeasurement struct {
	options Options
	log     events.Log
	file    *fileLog
	ways    []appendWay
	// wrote and wroteBare are all who wrote to the log and to the file.
	wrote, wroteBare []*writer
}

func newAppendMeasurement(ctx context.Context, p Program, o Options, open *closers) (*appendMeasurement, error) {
	node, err := openNode(ctx, p, filepath.Join(o.Dir, "parley"), open)
	if err != nil {
		return nil, err
	}
	file, err := openFileLog(ctx, filepath.Join(o.Dir, "control.log"), open)
	if err != nil {
		return nil, err
	}
	a := &appendMeasurement{options: o, log: node.Log, file: file}
	served, err := serveNode(ctx, node, open)
	if err != nil {
		return nil, err
	}
	bare, err := serveBare(ctx, &bareStreams{file: file}, open)
	if err != nil {
		return nil, err
	}
	a.ways = []appendWay{{"in process", node.Log, file}}
	stub, bareStub, err := dialBoth(served, bare, open)
	if err != nil {
		return nil, err
	}
	a.ways = append(a.ways, appendWay{"over gRPC by a bare stub", stubLog{stub}, stubLog{bareStub}})
	client, err := openClient(ctx, served, open)
	if err != nil {
		return nil, err
	}
	bareClient, err := openClient(ctx, bare, open)
	if err != nil {
		return nil, err
	}
	a.ways = append(a.ways, appendWay{"over gRPC by EventStoreDB's client", client, bareClient})
	return a, nil
}

func dialBoth(served, bare string, open *closers) (toParley, toBare *grpc.ClientConn, err error) {
	if toParley, err = dialStub(served, open); err != nil {
		return nil, nil, err
	}
	toBare, err = dialStub(bare, open)
	return toParley, toBare, err
}

// openClient connects EventStoreDB's own client to a server.
func openClient(ctx context.Context, address string, open *closers) (*esdb.Log, error) {
	log, err := esdb.Open(ctx, "esdb://"+address+"?tls=false", esdb.Options{})
	if err != nil {
		return nil, err
	}
	open.add(log.Close)
	return log, nil
}

func (a *appendMeasurement) measure(ctx context.Context) ([]Comparison, error) {
	shown := a.options.begin("appending", len(a.ways)*len(appendWriters)*a.options.Rounds)
	defer shown.end()
	var comparisons []Comparison
	for _, way := range a.ways {
		for _, writers := range appendWriters {
			c, err := a.compare(ctx, way, writers, shown)
			if err != nil {
				return nil, fmt.Errorf("appending %s: %w", way.name, err)
			}
			comparisons = append(comparisons, *c)
		}
	}
	return comparisons, nil
}

// compare lets both sides take turns, after one round that does not count.
func (a *appendMeasurement) compare(ctx context.Context, way appendWay, count int, shown progress) (*Comparison, error) {
	seed := uint64(len(a.wrote))
	writers, strangers := newWriters(count, count, appendBytes, seed), newWriters(count, count, appendBytes, seed)
	for _, w := range strangers {
		w.blind = true
	}
	a.wrote, a.wroteBare = append(a.wrote, writers...), append(a.wroteBare, strangers...)
	c := &Comparison{
		Name:    fmt.Sprintf("appends %s, writers: %d", way.name, count),
		Unit:    "events",
		Parley:  Side{Name: "parley"},
		Control: Side{Name: "bare"},
	}
	for i := range 1 + a.options.Rounds {
		r, err := a.turn(ctx, parleySide, way.parley, writers)
		if err != nil {
			return nil, fmt.Errorf("to Parley: %w", err)
		}
		bare, err := a.turn(ctx, controlSide, way.control, strangers)
		if err != nil {
			return nil, fmt.Errorf("to the control: %w", err)
		}
		if i == 0 {
			continue
		}
		c.Parley.add(r)
		c.Control.add(bare)
		shown.add(1)
	}
	c.finish()
	return c, nil
}

func (a *appendMeasurement) turn(ctx context.Context, side string, log appendLog, writers []*writer) (r round, err error) {
	labelled(ctx, side, func(ctx context.Context) { r, err = appendRound(ctx, log, writers, a.options.bound()) })
	if err != nil {
		return r, err
	}
	return r, quiesce(ctx)
}

// verify checks both sides against what was acknowledged.
func (a *appendMeasurement) verify(ctx context.Context) error {
	shown := a.options.begin("checking what was acknowledged", 1)
	defer shown.end()
	if err := verifyWritten(ctx, a.log, a.wrote); err != nil {
		return err
	}
	return a.file.verify(acknowledged(a.wroteBare))
}
