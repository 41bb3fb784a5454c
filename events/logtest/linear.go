package logtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"

	"parley/events"
)

// isLinearizable lets clients append to a few streams and read them at random,
// all at once, and asks whether each stream's answers could be those of one
// that does one thing after the other, each between its question and its
// answer.
func (s *suite) isLinearizable(ctx context.Context) {
	const rounds, clients, streams, asks = 4, 12, 3, 20
	random := Random(s.T)
	for range rounds {
		h := &history{suite: s, start: time.Now(), proposed: map[string][]string{}}
		for range streams {
			h.streams = append(h.streams, newStream())
		}
		var all sync.WaitGroup
		for number := range clients {
			c := client{history: h, number: number, random: rand.New(rand.NewPCG(random.Uint64(), 0)), seen: map[string]int64{}}
			all.Go(func() {
				for range asks {
					c.ask(ctx)
				}
			})
		}
		all.Wait()
		switch porcupine.CheckOperationsTimeout(streamModel, h.operations, patience()) {
		case porcupine.Illegal:
			s.Fatalf("the answers have no order:\n%s", h)
		case porcupine.Unknown:
			s.Fatalf("no order of %d answers was found in %s", len(h.operations), patience())
		}
	}
}

// question is what a client asks of a stream, told the answer. Several event
// ids, 16 bytes each, are one string.
type question struct {
	stream string
	kind   questionKind
	// expected and ids are an append's.
	expected events.Expected
	ids      string
}

type questionKind string

const (
	appends  questionKind = "append"
	readsEnd questionKind = "read the end"
	readsAll questionKind = "read all"
)

type told struct {
	// refused says that an append was a conflict.
	refused bool
	// last is the revision of an append, the actual one of a refusal, or that
	// of a read's last event; -1 if there is none.
	last int64
	// ids are those that were read.
	ids string
}

const idSize = len(uuid.UUID{})

// streamModel is a stream as the string of its events' ids.
var streamModel = porcupine.Model{
	Partition: func(all []porcupine.Operation) [][]porcupine.Operation {
		byStream := map[string][]porcupine.Operation{}
		for _, operation := range all {
			stream := operation.Input.(question).stream
			byStream[stream] = append(byStream[stream], operation)
		}
		var parts [][]porcupine.Operation
		for _, part := range byStream {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		ids, q, a := state.(string), input.(question), output.(told)
		last := int64(len(ids)/idSize) - 1
		switch q.kind {
		case readsAll:
			return a.ids == ids && a.last == last, ids
		case readsEnd:
			return a.ids == ids[max(0, len(ids)-idSize):] && a.last == last, ids
		}
		return stepAppend(ids, last, q, a)
	},
}

// stepAppend knows repeats of whole appends only, made with Any: the clients
// ask for no others.
func stepAppend(ids string, last int64, q question, a told) (bool, any) {
	if first := strings.Index(ids, q.ids); first >= 0 {
		return !a.refused && a.last == int64((first+len(q.ids))/idSize)-1, ids
	}
	accepted := q.expected == events.Any || q.expected == events.StreamExists && last >= 0 || int64(q.expected) == last
	if accepted {
		return !a.refused && a.last == last+int64(len(q.ids)/idSize), ids + q.ids
	}
	// An adapter may read the actual revision after the refusal.
	return a.refused && a.last >= last, ids
}

// history is what clients asked and were told.
type history struct {
	*suite
	start   time.Time
	streams []string

	mu         sync.Mutex
	operations []porcupine.Operation // guarded by mu
	// proposed are the appends with Any to each stream, answered or not.
	proposed map[string][]string // guarded by mu
}

func (h *history) String() string {
	var text strings.Builder
	for _, operation := range h.operations {
		q, a := operation.Input.(question), operation.Output.(told)
		text.WriteString(strings.Join([]string{
			time.Duration(operation.Call).String(), time.Duration(operation.Return).String(), q.stream, string(q.kind),
			q.expected.String(), names(q.ids), "->", events.Expected(a.last).String(), names(a.ids), "\n",
		}, " "))
		if a.refused {
			text.WriteString("  refused\n")
		}
	}
	return text.String()
}

// names shortens ids.
func names(ids string) string {
	var short []string
	for ; ids != ""; ids = ids[idSize:] {
		short = append(short, uuid.UUID([]byte(ids[:idSize])).String()[:4])
	}
	return strings.Join(short, ",")
}

// propose remembers ids for other clients to repeat.
func (h *history) propose(stream, ids string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.proposed[stream] = append(h.proposed[stream], ids)
}

func (h *history) proposal(random *rand.Rand, stream string) (ids string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.proposed[stream]
	if len(known) == 0 {
		return "", false
	}
	return known[random.IntN(len(known))], true
}

func (h *history) record(operation porcupine.Operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, operation)
}

// client asks one thing after the other.
type client struct {
	*history
	number int
	random *rand.Rand
	// seen is the last revision of each stream that the client knows of.
	seen map[string]int64
}

func (c *client) ask(ctx context.Context) {
	q := c.question()
	call := time.Since(c.start)
	var a told
	var err error
	if q.kind == appends {
		a, err = c.append(ctx, q)
	} else {
		a, err = c.read(ctx, q)
	}
	if err != nil {
		c.Errorf("%s: %v", q.kind, err)
		return
	}
	c.seen[q.stream] = a.last
	c.record(porcupine.Operation{ClientId: c.number, Input: q, Call: int64(call), Output: a, Return: int64(time.Since(c.start))})
}

func (c *client) question() question {
	stream := c.streams[c.random.IntN(len(c.streams))]
	last, known := c.seen[stream]
	if !known {
		last = -1
	}
	q := question{stream: stream, kind: appends}
	switch roll := c.random.IntN(100); {
	case roll < 15:
		q.kind = readsEnd
		return q
	case roll < 25:
		q.kind = readsAll
		return q
	case roll < 60:
		q.expected = events.Expected(max(-1, last-1+c.random.Int64N(3)))
	case roll < 65:
		q.expected = events.StreamExists
	case roll < 80:
		q.expected = events.Any
		if ids, ok := c.proposal(c.random, stream); ok {
			q.ids = ids
			return q
		}
	default:
		q.expected = events.Any
	}
	for range 1 + c.random.IntN(3) {
		id := uuid.New()
		q.ids += string(id[:])
	}
	if q.expected == events.Any {
		c.propose(stream, q.ids)
	}
	return q
}

func (c *client) append(ctx context.Context, q question) (told, error) {
	batch := propose(len(q.ids) / idSize)
	for i := range batch {
		copy(batch[i].ID[:], q.ids[i*idSize:])
	}
	appended, err := c.log().Append(ctx, q.stream, q.expected, batch...)
	var wrong *events.WrongRevision
	if errors.As(err, &wrong) {
		return told{refused: true, last: int64(wrong.Actual)}, nil
	}
	return told{last: int64(appended.Revision)}, err
}

func (c *client) read(ctx context.Context, q question) (told, error) {
	sequence := c.log().Read(ctx, q.stream, 0, events.Forwards, 0)
	if q.kind == readsEnd {
		sequence = c.log().Read(ctx, q.stream, events.LastRevision, events.Backwards, 1)
	}
	a := told{last: -1}
	for e, err := range sequence {
		if err != nil {
			return a, err
		}
		a.last = int64(e.Revision)
		a.ids += string(e.ID[:])
	}
	return a, nil
}
