package node

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"parley/events"
)

// plainStreams bounds how many streams' ends are kept for readers, at about
// 200 bytes each.
const plainStreams = 64 << 10

// plain keeps where recently read streams end, so that whoever looks for news
// of a stream, as every decision does, touches no store when there is none. It
// holds plain streams only: users' streams that exist and have neither
// metadata nor a tombstone, so that all of their events are visible.
type plain struct {
	mu sync.Mutex
	// ends says where a stream ends at the durable tip. An entry that is not
	// filled belongs to a reader who is asking the store; a write to the
	// stream takes it away, because that reader may have missed it.
	ends *simplelru.LRU[string, *plainEnd] // guarded by mu
}

type plainEnd struct {
	filled bool
	stream stream
}

func newPlain() *plain {
	ends, err := simplelru.NewLRU[string, *plainEnd](plainStreams, nil)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &plain{ends: ends}
}

// publish moves the tip past a batch and the ends of its streams with it, so
// that no reader sees one without the other.
func (p *plain) publish(entries []entry, moveTip func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	moveTip()
	for i := range entries {
		e := &entries[i].event
		if original, ok := originalOf(e.Stream); ok {
			p.ends.Remove(original)
			continue
		}
		end, known := p.ends.Peek(e.Stream)
		switch {
		case !known:
		case !end.filled || e.Revision == TombstoneRevision:
			p.ends.Remove(e.Stream)
		default:
			end.stream.last = int64(e.Revision)
		}
	}
}

// view answers how a stream stands at the tip from memory, or asks the store
// and remembers.
func (p *plain) view(name string, tip func() events.Position, ask func(tip events.Position) (StreamState, stream, error)) (StreamState, stream, error) {
	state, s, mine := p.look(name, tip)
	if state.Status == Found {
		return state, s, nil
	}
	state, s, err := ask(state.Tip)
	if mine == nil {
		return state, s, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now, _ := p.ends.Peek(name); now != mine {
		return state, s, err
	}
	if err != nil || state.Status != Found || s.described {
		p.ends.Remove(name)
		return state, s, err
	}
	mine.filled, mine.stream = true, s
	return state, s, nil
}

// look finds a stream's end in memory. If it is not there, the caller gets an
// entry to fill, unless another reader is about to.
func (p *plain) look(name string, tip func() events.Position) (StreamState, stream, *plainEnd) {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := StreamState{Last: -1, Tip: tip()}
	if isSystem(name) {
		return state, stream{}, nil
	}
	end, known := p.ends.Get(name)
	if known && end.filled {
		state.Status, state.Last = Found, end.stream.last
		return state, end.stream, nil
	}
	if known {
		return state, stream{}, nil
	}
	end = &plainEnd{}
	p.ends.Add(name, end)
	return state, stream{}, end
}
