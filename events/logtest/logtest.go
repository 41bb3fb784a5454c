// Package logtest is the contract that every events.Log keeps. The test of an
// adapter is one call of Run.
//
// The suite works on a log that others use too: it names its streams anew each
// time and assumes neither an empty log nor dense positions nor silence.
package logtest

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
)

// Subject is the log under test and what can be done with it.
type Subject struct {
	Log events.Log
	// Reopen, if given, ends the process that keeps the log, or as much of it
	// as can be ended, and returns the log after its restart. The suite then
	// no longer uses the old one.
	Reopen func(t *testing.T) events.Log
	// Tombstone, if given, deletes a stream for good, whether it has events or
	// not.
	Tombstone func(t *testing.T, stream string)
	// Delete, if given, deletes a stream that the next append recreates.
	Delete func(t *testing.T, stream string)
	// Truncate, if given, hides the events of a stream before a revision.
	Truncate func(t *testing.T, stream string, before uint64)
	// Writers is how many goroutines write at once in the concurrent tests,
	// 64 by default; a slow log may take fewer.
	Writers int
}

// patience bounds every test; it is reached only when something hangs.
func patience() time.Duration {
	if Full() {
		return 20 * time.Minute
	}
	return 2 * time.Minute
}

// Run holds a log to its contract.
func Run(t *testing.T, subject Subject) {
	if subject.Writers == 0 {
		subject.Writers = 64
	}
	type group struct {
		name string
		run  func(*suite)
	}
	groups := []group{
		{"Append", (*suite).testAppend},
		{"Idempotency", (*suite).testIdempotency},
		{"Limits", (*suite).testLimits},
		{"Concurrency", (*suite).testConcurrency},
		{"Read", (*suite).testRead},
		{"ReadAll", (*suite).testReadAll},
		{"After", (*suite).testAfter},
		{"Follow", (*suite).testFollow},
	}
	if _, ok := subject.Log.(events.Batcher); ok {
		groups = append(groups, group{"AppendAll", (*suite).testAppendAll})
	}
	if subject.Reopen != nil {
		groups = append(groups, group{"Reopen", (*suite).testReopen})
	}
	// These fill the log, which makes those before slower.
	groups = append(groups, group{"Histories", (*suite).testHistories}, group{"Scale", (*suite).testScale})
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) { group.run(&suite{T: t, subject: &subject}) })
	}
}

// suite is the contract within one test.
type suite struct {
	*testing.T
	subject *Subject
}

func (s *suite) log() events.Log { return s.subject.Log }

// run is a subtest with a context that ends with it.
func (s *suite) run(name string, test func(s *suite, ctx context.Context)) {
	s.T.Run(name, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience())
		defer cancel()
		test(&suite{T: t, subject: s.subject}, ctx)
	})
}

// newStream names a stream that no one else uses.
func newStream() string { return "logtest-" + uuid.NewString() }

// propose makes events with different ids, data and metadata.
func propose(count int) []events.Proposed {
	batch := make([]events.Proposed, count)
	for i := range batch {
		batch[i] = events.Proposed{
			ID:       uuid.New(),
			Type:     fmt.Sprintf("Tested%d", i%3),
			Data:     fmt.Appendf(nil, `{"number":%d,"text":"grüße"}`, i),
			Metadata: fmt.Appendf(nil, `{"actor":"user-%d"}`, i),
		}
	}
	return batch
}

// append writes events that must be accepted.
func (s *suite) append(ctx context.Context, stream string, expected events.Expected, batch ...events.Proposed) events.Appended {
	s.Helper()
	appended, err := s.log().Append(ctx, stream, expected, batch...)
	if err != nil {
		s.Fatalf("append to %s at %s: %v", stream, expected, err)
	}
	return appended
}

// collect drains a sequence that must not fail.
func (s *suite) collect(sequence iter.Seq2[events.Recorded, error]) []events.Recorded {
	s.Helper()
	var found []events.Recorded
	for e, err := range sequence {
		if err != nil {
			s.Fatalf("after %d events: %v", len(found), err)
		}
		found = append(found, e)
	}
	return found
}

// failure is the error that a sequence must end with.
func (s *suite) failure(sequence iter.Seq2[events.Recorded, error]) error {
	s.Helper()
	var failed error
	for _, err := range sequence {
		if failed != nil {
			s.Fatal("the sequence went on after its error")
		}
		failed = err
	}
	if failed == nil {
		s.Fatal("the sequence ended without an error")
	}
	return failed
}

// stored checks that a stream holds exactly these events.
func (s *suite) stored(ctx context.Context, stream string, batch ...events.Proposed) {
	s.Helper()
	s.same(s.collect(s.log().Read(ctx, stream, 0, events.Forwards, 0)), stream, 0, batch)
}

// same checks events of one stream against what was proposed, the first of
// them standing at a revision.
func (s *suite) same(found []events.Recorded, stream string, first uint64, batch []events.Proposed) {
	s.Helper()
	s.ordered(found)
	if len(found) != len(batch) {
		s.Errorf("stream %s: %d events, want %d", stream, len(found), len(batch))
		return
	}
	for i, p := range batch {
		want := events.Recorded{
			Position: found[i].Position, Created: found[i].Created,
			Stream: stream, Revision: first + uint64(i), ID: p.ID, Type: p.Type,
			Data: p.Data, Metadata: p.Metadata, Binary: p.Binary,
		}
		if !equal(want, found[i]) {
			s.Errorf("stream %s (-want +found):\n%s", stream, cmp.Diff(want, found[i]))
		}
	}
}

// equal takes nil and empty bytes for the same.
func equal(a, b events.Recorded) bool {
	sameBytes := bytes.Equal(a.Data, b.Data) && bytes.Equal(a.Metadata, b.Metadata)
	a.Data, a.Metadata, b.Data, b.Metadata = nil, nil, nil, nil
	return sameBytes && reflect.DeepEqual(a, b)
}

// ordered checks that positions rise.
func (s *suite) ordered(found []events.Recorded) {
	s.Helper()
	for i := 1; i < len(found); i++ {
		if found[i].Position <= found[i-1].Position {
			s.Errorf("position %d follows %d", found[i].Position, found[i-1].Position)
		}
	}
}

// tip is a position that everything appended so far is at or before.
func (s *suite) tip(ctx context.Context) events.Position {
	s.Helper()
	tip, err := events.Tip(ctx, s.log())
	if err != nil {
		s.Fatal(err)
	}
	return tip
}

// of keeps the events of one stream.
func of(stream string, found []events.Recorded) []events.Recorded {
	var kept []events.Recorded
	for _, e := range found {
		if e.Stream == stream {
			kept = append(kept, e)
		}
	}
	return kept
}

func reversed[T any](s []T) []T {
	r := make([]T, 0, len(s))
	for i := len(s) - 1; i >= 0; i-- {
		r = append(r, s[i])
	}
	return r
}
