package node

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// index collects the index keys of a batch, whose values are numbers, until
// they can be written in the order of keys.
type index struct {
	keys []indexKey
	// chunk is memory for keys, and free what is left of it.
	chunk, free []byte
}

type indexKey struct {
	key   []byte
	value uint64
}

// indexChunk is how much memory for keys is allocated at a time.
const indexChunk = 64 << 10

// key is where to append the next key. A longer one goes elsewhere.
func (x *index) key() []byte {
	if len(x.free) < maxIndexKey {
		x.chunk = make([]byte, indexChunk)
		x.free = x.chunk
	}
	return x.free[:0:maxIndexKey]
}

// maxIndexKey is the size of the largest key but those with names.
const maxIndexKey = idKeySize

// add keeps a key that was appended to what key returned.
func (x *index) add(key []byte, value uint64) {
	if len(key) <= maxIndexKey {
		x.free = x.free[len(key):]
	}
	x.keys = append(x.keys, indexKey{key, value})
}

func (x *index) write(writes *pebble.Batch) {
	slices.SortFunc(x.keys, func(a, b indexKey) int { return bytes.Compare(a.key, b.key) })
	var value [binary.MaxVarintLen64]byte
	for i := range x.keys {
		k := &x.keys[i]
		size := binary.PutUvarint(value[:], k.value)
		op := writes.SetDeferred(len(k.key), size)
		copy(op.Key, k.key)
		copy(op.Value, value[:size])
		finish(op)
	}
}

func (x *index) clear() {
	clear(x.keys)
	x.keys, x.free = x.keys[:0], x.chunk
}
