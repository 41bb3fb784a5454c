package moving

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"

	"golang.org/x/sync/errgroup"

	"parley/events"
)

// Digest is over all that a copy must keep: of every event in order its
// stream, revision, id, type, data and metadata. Positions and the time at
// which a log took an event are its own.
type Digest struct {
	hash   hash.Hash
	buffer []byte
	count  uint64
}

// NewDigest is the digest of no events.
func NewDigest() *Digest { return &Digest{hash: sha256.New()} }

// Add adds the next event.
func (d *Digest) Add(r events.Recorded) {
	b := d.buffer[:0]
	b = appendField(b, []byte(r.Stream))
	b = binary.BigEndian.AppendUint64(b, r.Revision)
	b = append(b, r.ID[:]...)
	b = appendField(b, []byte(r.Type))
	if r.Binary {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = appendField(b, r.Data)
	b = appendField(b, r.Metadata)
	d.hash.Write(b)
	d.buffer = b
	d.count++
}

func appendField(b, field []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
	return append(b, field...)
}

// Count is how many events were added.
func (d *Digest) Count() uint64 { return d.count }

// String is the SHA-256 in hex.
func (d *Digest) String() string { return hex.EncodeToString(d.hash.Sum(nil)) }

// DigestLog reads a log from its beginning up to a position.
func DigestLog(ctx context.Context, log events.Log, upTo events.Position) (*Digest, error) {
	d := NewDigest()
	for recorded, err := range log.ReadAll(ctx, events.Beginning, events.Forwards, 0) {
		if err != nil {
			return nil, err
		}
		if recorded.Position > upTo {
			break
		}
		d.Add(recorded)
	}
	return d, nil
}

// Compare reads the source up to a position and the whole target, and returns
// the digest that they share, or ErrDiffers.
func Compare(ctx context.Context, from events.Log, upTo events.Position, to events.Log) (*Digest, error) {
	var source, target *Digest
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		source, err = DigestLog(ctx, from, upTo)
		return err
	})
	group.Go(func() (err error) {
		target, err = DigestLog(ctx, to, events.End)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if source.String() != target.String() {
		return nil, fmt.Errorf("%w: %d events with digest %s in the source, %d with %s in the target",
			ErrDiffers, source.Count(), source, target.Count(), target)
	}
	return source, nil
}
