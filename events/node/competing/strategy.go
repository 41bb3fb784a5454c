package competing

import (
	"encoding/json"
	"hash/fnv"

	"parley/events"
	"parley/events/node"
)

// strategy chooses consumers. It is told of everyone who comes and goes and of
// every message that is given out or comes back.
type strategy interface {
	// choose is nil if the message cannot be given out now. It is called only
	// while some consumer has room.
	choose(m *message) *Consumer
	joined(c *Consumer)
	left(c *Consumer)
	given(m *message)
	returned(m *message)
}

func newStrategy(s Strategy) strategy {
	switch s {
	case RoundRobin:
		return &taking{turns: true}
	case Pinned:
		return &pinning{keyOf: sourceStream}
	case PinnedByCorrelation:
		return &pinning{keyOf: correlation}
	}
	return &taking{}
}

// taking gives to the first consumer with room; with turns, whoever has been
// given a message goes to the end of the line.
type taking struct {
	turns bool
	line  []*Consumer
}

func (s *taking) choose(*message) *Consumer {
	for i, c := range s.line {
		if c.room() > 0 {
			if s.turns {
				copy(s.line[i:], s.line[i+1:])
				s.line[len(s.line)-1] = c
			}
			return c
		}
	}
	return nil
}

func (s *taking) joined(c *Consumer) { s.line = append(s.line, c) }
func (s *taking) left(c *Consumer)   { s.line = without(s.line, c) }
func (*taking) given(*message)       {}
func (*taking) returned(*message)    {}

// buckets is how many groups of streams a pinned strategy tells apart; 0 is
// left for "not known".
const buckets = 1024

// pinning gives the messages of a bucket to the consumer that owns it. A full
// one does not hold up the others.
type pinning struct {
	keyOf     func(m *message) string
	consumers []*Consumer
	owner     [buckets + 1]*Consumer
	// inFlight counts the messages of a bucket that its owner has.
	inFlight [buckets + 1]int
}

func (s *pinning) choose(m *message) *Consumer {
	if m.bucket == 0 {
		m.bucket = bucketOf(s.keyOf(m))
	}
	if s.owner[m.bucket] == nil {
		s.owner[m.bucket] = s.leastLoaded()
	}
	if c := s.owner[m.bucket]; c.room() > 0 {
		return c
	}
	return nil
}

func (s *pinning) leastLoaded() *Consumer {
	owned := s.owned()
	least := s.consumers[0]
	for _, c := range s.consumers {
		if owned[c] < owned[least] {
			least = c
		}
	}
	return least
}

func (s *pinning) owned() map[*Consumer]int {
	owned := map[*Consumer]int{}
	for _, c := range s.owner {
		if c != nil {
			owned[c]++
		}
	}
	return owned
}

// joined takes from each consumer what is more than its share, but no bucket
// of which it still has messages, so that their order is kept.
func (s *pinning) joined(c *Consumer) {
	s.consumers = append(s.consumers, c)
	owned, total := s.owned(), 0
	for _, count := range owned {
		total += count
	}
	share := (total + len(s.consumers) - 1) / len(s.consumers)
	for bucket, owner := range s.owner {
		if owner != nil && owned[owner] > share && s.inFlight[bucket] == 0 {
			owned[owner]--
			s.owner[bucket] = nil
		}
	}
}

func (s *pinning) left(c *Consumer) {
	s.consumers = without(s.consumers, c)
	for bucket, owner := range s.owner {
		if owner == c {
			s.owner[bucket] = nil
		}
	}
}

func (s *pinning) given(m *message)    { s.inFlight[m.bucket]++ }
func (s *pinning) returned(m *message) { s.inFlight[m.bucket]-- }

func without(consumers []*Consumer, gone *Consumer) []*Consumer {
	var left []*Consumer
	for _, c := range consumers {
		if c != gone {
			left = append(left, c)
		}
	}
	return left
}

func bucketOf(key string) int {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // a hash never fails
	return 1 + int(h.Sum64()%buckets)
}

// sourceStream is the stream an event comes from: of a link, that of its
// target.
func sourceStream(m *message) string {
	original := m.delivery().Original()
	if m.link != nil && m.event != nil {
		return m.event.Stream
	}
	if stream, _, ok := node.LinkTarget(original); ok {
		return stream
	}
	return original.Stream
}

// correlation is the event's correlation id, or the stream it comes from.
func correlation(m *message) string {
	e := m.event
	if e == nil {
		e = m.link
	}
	var metadata events.Metadata
	if json.Unmarshal(e.Metadata, &metadata) == nil && metadata.Correlation != "" {
		return metadata.Correlation
	}
	return sourceStream(m)
}
