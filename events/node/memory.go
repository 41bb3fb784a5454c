package node

import "hash/maphash"

// names shares equal strings between the events of one read, so that a stream
// or a type that occurs often is allocated once, and so that keeping a name
// does not keep an event. It forgets on collision and never grows.
type names struct{ table []string }

var nameSeed = maphash.MakeSeed()

// newNames takes a power of two.
func newNames(slots int) *names { return &names{table: make([]string, slots)} }

func (n *names) of(b []byte) string {
	slot := &n.table[maphash.Bytes(nameSeed, b)&uint64(len(n.table)-1)]
	if *slot != string(b) {
		*slot = string(b)
	}
	return *slot
}

// arenaChunk is how much an arena allocates at a time, and so how much a
// reader that keeps one small event may hold on to. Its first chunk is smaller,
// since most reads are of an event or two.
const (
	firstChunk = 2 << 10
	arenaChunk = 16 << 10
)

// arena copies small byte slices into few allocations.
type arena struct {
	free  []byte
	chunk int // the size of the last one allocated
}

func (a *arena) copy(b []byte) []byte {
	if len(b) > arenaChunk/4 {
		return append([]byte(nil), b...)
	}
	if len(b) > len(a.free) {
		a.chunk = min(max(2*a.chunk, firstChunk, len(b)), arenaChunk)
		a.free = make([]byte, a.chunk)
	}
	kept := a.free[:len(b):len(b)]
	a.free = a.free[len(b):]
	copy(kept, b)
	return kept
}
