package bench

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

// appendLog is what a writer appends to: a log, or a control of one.
type appendLog interface {
	Append(ctx context.Context, stream string, expected events.Expected, batch ...events.Proposed) (events.Appended, error)
}

// writer writes to streams that no one else writes to, and so knows which
// revision each append must answer.
type writer struct {
	source  source
	streams []string
	// lengths are how many events were acknowledged, by stream.
	lengths []uint64
	// blind writers take any answer: a control knows no revisions.
	blind bool
}

// newWriters share streams between them. What they write depends on the seed,
// but for the time in ids.
func newWriters(count, streams int, eventBytes int, seed uint64) []*writer {
	names := rand.New(rand.NewPCG(seed, 0))
	writers := make([]*writer, count)
	for i := range writers {
		writers[i] = &writer{source: newSource(seed, uint64(i+1), eventBytes)}
	}
	for i := range streams {
		w := writers[i%count]
		w.streams = append(w.streams, streamPrefix+newID(names).String())
		w.lengths = append(w.lengths, 0)
	}
	return writers
}

// write appends so many events to one of the streams.
func (w *writer) write(ctx context.Context, log appendLog, count int) error {
	i := w.source.random.IntN(len(w.streams))
	batch := make([]events.Proposed, count)
	for j := range batch {
		batch[j] = w.source.event()
	}
	done, err := log.Append(ctx, w.streams[i], events.Any, batch...)
	if err != nil {
		return err
	}
	w.lengths[i] += uint64(count)
	if !w.blind && done.Revision != w.lengths[i]-1 {
		return fmt.Errorf("the append to %s was answered with revision %d instead of %d", w.streams[i], done.Revision, w.lengths[i]-1)
	}
	return nil
}

// acknowledged is how many events all writers were told to be in the log.
func acknowledged(writers []*writer) int {
	sum := 0
	for _, w := range writers {
		for _, length := range w.lengths {
			sum += int(length)
		}
	}
	return sum
}

// appendRound lets all writers append one event after the other.
func appendRound(ctx context.Context, log appendLog, writers []*writer, until bound) (round, error) {
	return until.measure(ctx, len(writers), func(ctx context.Context, i int, over func(time.Time) bool) ([]time.Duration, error) {
		var latencies []time.Duration
		for {
			began := time.Now()
			if over(began) {
				return latencies, nil
			}
			if err := writers[i].write(ctx, log, 1); err != nil {
				return latencies, fmt.Errorf("append %d: %w", len(latencies)+1, err)
			}
			latencies = append(latencies, time.Since(began))
		}
	})
}

// verifyWritten reads the whole log: each stream must have the events that
// were acknowledged, once, in order, and there must be no others.
func verifyWritten(ctx context.Context, log events.Log, writers []*writer) error {
	found := make(map[string]uint64)
	total := 0
	for e, err := range log.ReadAll(ctx, events.Beginning, events.Forwards, 0) {
		if err != nil {
			return err
		}
		if e.Revision != found[e.Stream] {
			return fmt.Errorf("%s has revision %d where %d belongs", e.Stream, e.Revision, found[e.Stream])
		}
		found[e.Stream]++
		total++
	}
	for _, w := range writers {
		for i, stream := range w.streams {
			if found[stream] != w.lengths[i] {
				return fmt.Errorf("%s has %d events, %d were acknowledged", stream, found[stream], w.lengths[i])
			}
		}
	}
	if expected := acknowledged(writers); total != expected {
		return fmt.Errorf("the log has %d events, %d were acknowledged", total, expected)
	}
	return nil
}

// source makes events such as people's messages are: a sealed text, which
// cannot be compressed, and the metadata that every event has.
type source struct {
	random *rand.Rand
	actor  string
	text   int
}

const (
	sourceType = "MessagePosted"
	// streamPrefix is as long as that of messages, but no view takes what
	// stands in such a stream: it can be followed, and not be read.
	streamPrefix = "appended-"
	// authorLayout, before the text, and metadataLayout are what an event says
	// beside its text.
	authorLayout   = `{"author":"%s","text":"`
	metadataLayout = `{"$correlationId":"%[1]s","$causationId":"%[1]s","actor":"%[2]s","occurredAt":"2015-03-25T17:00:00.000Z","v":1}`
	idText         = 36
)

// sourceOverhead is an event's size without its text: data, metadata, type,
// stream and id.
var sourceOverhead = len(authorLayout) - len("%s") + idText + len(`"}`) +
	len(metadataLayout) - 2*len("%[1]s") - len("%[2]s") + 3*idText +
	len(sourceType) + len(streamPrefix) + idText + len(uuid.Nil)

// newSource makes events of a size: data, metadata, type, stream and id.
func newSource(seed, sequence uint64, eventBytes int) source {
	random := rand.New(rand.NewPCG(seed, sequence))
	return source{random: random, actor: newID(random).String(), text: eventBytes - sourceOverhead}
}

func (s *source) event() events.Proposed {
	id := newID(s.random)
	noise := noise()
	from := s.random.IntN(len(noise) - s.text)
	data := make([]byte, 0, sourceOverhead+s.text)
	data = append(data, `{"author":"`...)
	data = append(data, s.actor...)
	data = append(data, `","text":"`...)
	data = append(data, noise[from:from+s.text]...)
	data = append(data, `"}`...)
	return events.Proposed{ID: id, Type: sourceType, Data: data, Metadata: fmt.Appendf(nil, metadataLayout, id, s.actor)}
}

// noise is what texts are cut from: as random as base64 can be.
var noise = sync.OnceValue(func() []byte {
	random := rand.New(rand.NewPCG(2012, 2015))
	raw := make([]byte, 3<<20)
	for i := 0; i < len(raw); i += 8 {
		binary.LittleEndian.PutUint64(raw[i:], random.Uint64())
	}
	return base64.RawURLEncoding.AppendEncode(nil, raw)
})

// newID is a UUIDv7 of now, random in all its other bits.
func newID(random *rand.Rand) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(time.Now().UnixMilli())<<16|random.Uint64()&0xffff)
	binary.BigEndian.PutUint64(id[8:], random.Uint64())
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}
