package views

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
)

// Digest is a running SHA-256 over values, each with its type and length, so
// that no two lists of values give the same bytes.
type Digest struct{ sum hash.Hash }

// NewDigest begins a digest.
func NewDigest() *Digest { return &Digest{sha256.New()} }

// Add continues with values as a database gives them: nil, int64, float64,
// string or bytes.
func (d *Digest) Add(values ...any) error {
	for _, value := range values {
		switch v := value.(type) {
		case nil:
			d.number('n', 0)
		case int64:
			d.number('i', uint64(v))
		case float64:
			d.number('f', math.Float64bits(v))
		case string:
			d.bytes('t', []byte(v))
		case []byte:
			d.bytes('b', v)
		default:
			return fmt.Errorf("digest of a %T", value)
		}
	}
	return nil
}

func (d *Digest) number(kind byte, value uint64) {
	var encoded [9]byte
	encoded[0] = kind
	binary.BigEndian.PutUint64(encoded[1:], value)
	d.sum.Write(encoded[:])
}

func (d *Digest) bytes(kind byte, value []byte) {
	d.number(kind, uint64(len(value)))
	d.sum.Write(value)
}

// Sum is the digest so far, in hex.
func (d *Digest) Sum() string { return hex.EncodeToString(d.sum.Sum(nil)) }

// AddContents continues with rows.
func (d *Digest) AddContents(all ...Contents) error {
	for _, contents := range all {
		if err := d.Add(contents.Table); err != nil {
			return err
		}
		for row, err := range contents.Rows {
			if err == nil {
				err = d.Add(row...)
			}
			if err != nil {
				return fmt.Errorf("table %s: %w", contents.Table, err)
			}
		}
	}
	return nil
}
