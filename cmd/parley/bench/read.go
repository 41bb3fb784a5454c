package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"

	"parley/events"
)

const (
	// readStreams is in how many streams the events that are read stand.
	readStreams = 10_000
	// sampleMessages is how many different messages the control sends.
	sampleMessages = 10_000
)

// Read measures how fast the whole log is read: in process against a bare file
// of the same events, and over gRPC against a bare stream of the same messages.
func Read(ctx context.Context, p Program, o Options) (_ *Report, err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	m, err := newReadMeasurement(ctx, p, o, &open)
	if err != nil {
		return nil, err
	}
	comparisons, err := m.measure(ctx)
	if err != nil {
		return nil, err
	}
	return &Report{
		Benchmark:   "read",
		Setting:     fmt.Sprintf("%s events of %d B, %d rounds, %s", grouped(float64(o.Events), 0), storedBytes, o.Rounds, machine()),
		Comparisons: comparisons,
		Notes: []string{
			"before the rounds every event was read both ways: each stream has what was acknowledged, and both ways agree on every event",
			"the bare file holds the same events one after the other, and its reader copies each",
			"received as bytes, nothing is decoded, and the control sends bytes that were encoded before; received as messages, both sides encode and the client decodes",
		},
	}, nil
}

// readMeasurement is the state of the measurement.
type readMeasurement struct {
	options Options
	log     events.Log
	// file holds the same events as the log, each after its size.
	file string
	// served and bare are connections to the two servers; bytes and messages
	// tell what the bare one sends.
	served, bareFrames, bareMessages *grpc.ClientConn
}

func newReadMeasurement(ctx context.Context, p Program, o Options, open *closers) (*readMeasurement, error) {
	node, err := openNode(ctx, p, filepath.Join(o.Dir, "parley"), open)
	if err != nil {
		return nil, err
	}
	m := &readMeasurement{options: o, log: node.Log, file: filepath.Join(o.Dir, "control.log")}
	writers := newWriters(fillers, readStreams, storedBytes, 0)
	shown := o.begin("writing the log", o.Events)
	err = fill(ctx, node.Log, writers, o.Events, shown)
	shown.end()
	if err != nil {
		return nil, err
	}
	if err := verifyWritten(ctx, node.Log, writers); err != nil {
		return nil, fmt.Errorf("what was acknowledged is not what is there: %w", err)
	}
	if err := m.copyLog(ctx); err != nil {
		return nil, err
	}
	address, err := serveNode(ctx, node, open)
	if err != nil {
		return nil, err
	}
	if m.served, err = dialStub(address, open); err != nil {
		return nil, err
	}
	return m, m.openControls(ctx, open)
}

// copyLog writes the control's file.
func (m *readMeasurement) copyLog(ctx context.Context) (err error) {
	file, err := os.Create(m.file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := bufio.NewWriter(file)
	var record []byte
	for e, err := range m.log.ReadAll(ctx, events.Beginning, events.Forwards, 0) {
		if err != nil {
			return err
		}
		record = append(record[:0], e.ID[:]...)
		record = append(record, e.Stream...)
		record = append(record, e.Type...)
		record = append(append(record, e.Metadata...), e.Data...)
		if _, err := w.Write(binary.AppendUvarint(nil, uint64(len(record)))); err != nil {
			return err
		}
		if _, err := w.Write(record); err != nil {
			return err
		}
	}
	return w.Flush()
}

// openControls compares what is served with the log, and keeps the first
// messages for the controls.
func (m *readMeasurement) openControls(ctx context.Context, open *closers) error {
	frames, err := m.verifyServed(ctx)
	if err != nil {
		return fmt.Errorf("reading over gRPC: %w", err)
	}
	messages := make([]*streams.ReadResp, len(frames))
	for i := range frames {
		messages[i] = new(streams.ReadResp)
		if err := unmarshal(frames[i], messages[i]); err != nil {
			return err
		}
	}
	for _, control := range []struct {
		conn **grpc.ClientConn
		bare *bareStreams
	}{
		{&m.bareFrames, &bareStreams{sample: messages, frames: frames}},
		{&m.bareMessages, &bareStreams{sample: messages}},
	} {
		address, err := serveBare(ctx, control.bare, open)
		if err != nil {
			return err
		}
		if *control.conn, err = dialStub(address, open); err != nil {
			return err
		}
	}
	return nil
}

func (m *readMeasurement) measure(ctx context.Context) ([]Comparison, error) {
	shown := m.options.begin("reading", m.options.Rounds)
	defer shown.end()
	ways := []struct {
		Comparison
		parley, control func(context.Context) (int, error)
	}{
		{newReadComparison("in process", "bare file"), m.scan, m.scanFile},
		{newReadComparison("over gRPC, received as bytes", "bare stream"), framesOf(m.served, m.options.Events), framesOf(m.bareFrames, m.options.Events)},
		{newReadComparison("over gRPC, received as messages", "bare stream"), messagesOf(m.served, m.options.Events), messagesOf(m.bareMessages, m.options.Events)},
	}
	for range m.options.Rounds {
		for i := range ways {
			w := &ways[i]
			if err := m.turn(ctx, parleySide, &w.Parley, w.parley); err != nil {
				return nil, fmt.Errorf("%s: %w", w.Name, err)
			}
			if err := m.turn(ctx, controlSide, &w.Control, w.control); err != nil {
				return nil, fmt.Errorf("%s: the control: %w", w.Name, err)
			}
		}
		shown.add(1)
	}
	var comparisons []Comparison
	for i := range ways {
		ways[i].finish()
		comparisons = append(comparisons, ways[i].Comparison)
	}
	return comparisons, nil
}

func newReadComparison(way, control string) Comparison {
	return Comparison{Name: "the log read " + way, Unit: "events", Parley: Side{Name: "parley"}, Control: Side{Name: control}}
}

// turn reads everything once.
func (m *readMeasurement) turn(ctx context.Context, side string, s *Side, read func(context.Context) (int, error)) (err error) {
	var count int
	began := time.Now()
	labelled(ctx, side, func(ctx context.Context) { count, err = read(ctx) })
	if err == nil && count != m.options.Events {
		err = fmt.Errorf("%d events instead of %d", count, m.options.Events)
	}
	s.Rates = append(s.Rates, float64(count)/time.Since(began).Seconds())
	return err
}

func (m *readMeasurement) scan(ctx context.Context) (count int, err error) {
	for _, err := range m.log.ReadAll(ctx, events.Beginning, events.Forwards, 0) {
		if err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}

func (m *readMeasurement) scanFile(context.Context) (count int, err error) {
	file, err := os.Open(m.file)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	r := bufio.NewReaderSize(file, 1<<20)
	for {
		size, err := binary.ReadUvarint(r)
		if err == io.EOF {
			return count, nil
		}
		if err != nil {
			return count, err
		}
		if _, err := io.ReadFull(r, make([]byte, size)); err != nil {
			return count, err
		}
		count++
	}
}
