package logtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/google/uuid"

	"parley/events"
)

// testScale fills the log with one long stream, and with many streams. Their
// size is small enough for every run; with
// PARLEY_TEST_FULL=1 in the environment it is 1,000,000 events and 1,000,000
// streams, which takes minutes. The size is printed.
func (s *suite) testScale() {
	s.run("ALongStream", (*suite).longStream)
	s.run("ManyStreams", (*suite).manyStreams)
}

const scaledBatch = 500

// numbered is an event whose id is made of a run and a number.
func numbered(run uuid.UUID, number int) events.Proposed {
	id := run
	binary.BigEndian.PutUint64(id[8:], uint64(number))
	return events.Proposed{ID: id, Type: "Numbered", Data: fmt.Appendf(nil, `{"number":%d}`, number)}
}

// longStream reads a long stream from everywhere and repeats its beginning.
func (s *suite) longStream(ctx context.Context) {
	length := s.size(4_000, 1_000_000)
	before, stream, run := s.tip(ctx), newStream(), uuid.New()
	batch := make([]events.Proposed, scaledBatch)
	fill := func(from int) {
		for i := range batch {
			batch[i] = numbered(run, from+i)
		}
	}
	for from := 0; from < length; from += len(batch) {
		fill(from)
		s.append(ctx, stream, events.Expected(from-1), batch...)
	}
	checked := func(sequence func(func(events.Recorded, error) bool), first, step, count int) {
		s.Helper()
		next := first
		for e, err := range sequence {
			if err != nil {
				s.Fatalf("at revision %d: %v", next, err)
			}
			if e.Stream != stream {
				continue
			}
			if want := numbered(run, next); e.Revision != uint64(next) || e.ID != want.ID || string(e.Data) != string(want.Data) {
				s.Fatalf("revision %d with id %s and %s, want revision %d", e.Revision, e.ID, e.Data, next)
			}
			next += step
		}
		if next != first+step*count {
			s.Fatalf("%d events, want %d", (next-first)/step, count)
		}
	}
	log := s.log()
	checked(log.Read(ctx, stream, 0, events.Forwards, 0), 0, 1, length)
	checked(log.Read(ctx, stream, uint64(length/2), events.Forwards, 1000), length/2, 1, 1000)
	checked(log.Read(ctx, stream, uint64(length/2), events.Backwards, 1000), length/2, -1, 1000)
	checked(log.Read(ctx, stream, events.LastRevision, events.Backwards, 0), length-1, -1, length)
	checked(log.ReadAll(ctx, before, events.Forwards, 0), 0, 1, length)
	fill(0)
	if again := s.append(ctx, stream, events.NoStream, batch...); again.Revision != scaledBatch-1 {
		s.Errorf("a repeat of the beginning answers revision %d", again.Revision)
	}
	_, err := log.Append(ctx, stream, events.At(uint64(length/2)), propose(1)...)
	s.conflict(err, stream, events.At(uint64(length/2)), events.Expected(length-1))
}

// manyStreams writes streams of two events each and reads them all.
func (s *suite) manyStreams(ctx context.Context) {
	count := s.size(1_000, 1_000_000)
	before, prefix, run := s.tip(ctx), newStream(), uuid.New()
	name := func(number int) string { return fmt.Sprintf("%s-%d", prefix, number) }
	var all sync.WaitGroup
	for writer := range s.subject.Writers {
		all.Go(func() {
			for i := writer; i < count; i += s.subject.Writers {
				if _, err := s.log().Append(ctx, name(i), events.NoStream, numbered(run, i)); err != nil {
					s.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	seen := make([]int, count)
	for e, err := range s.log().ReadAll(ctx, before, events.Forwards, 0) {
		if err != nil {
			s.Fatal(err)
		}
		if number := int(binary.BigEndian.Uint64(e.ID[8:])); [8]byte(e.ID[:8]) == [8]byte(run[:8]) {
			if e.Stream != name(number) || e.Revision != 0 {
				s.Fatalf("event %d is revision %d of %s", number, e.Revision, e.Stream)
			}
			seen[number]++
		}
	}
	if i := slices.IndexFunc(seen, func(times int) bool { return times != 1 }); i >= 0 {
		s.Fatalf("stream %d was seen %d times", i, seen[i])
	}
	for i := 0; i < count; i += count / 100 {
		_, err := s.log().Append(ctx, name(i), events.NoStream, propose(1)...)
		s.conflict(err, name(i), events.NoStream, events.At(0))
		s.append(ctx, name(i), events.At(0), numbered(run, count+i))
		s.stored(ctx, name(i), numbered(run, i), numbered(run, count+i))
	}
}
