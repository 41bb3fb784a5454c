package node_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
)

// The process that is killed: it writes to a node as fast as it can and tells
// each acknowledgement to its standard output, until it dies.

const (
	// killedDir and killedLife name the data directory of such a process and
	// the number of its life.
	killedDir  = "NODE_TEST_WRITE_DIRECTORY"
	killedLife = "NODE_TEST_LIFE"

	killedWriters = 8
	// killedMemTable is small, so that flushes and compactions are killed too.
	killedMemTable = 64 << 10
)

// job is one append: the number seq of a writer in a life. All there is to
// know of it follows from that.
type job struct {
	life   uint32
	writer uint8
	seq    uint64
}

// own tells whether the append goes to the writer's own stream, at an exact
// revision, rather than to one that all writers share.
func (j job) own() bool { return j.seq%3 == 0 }

func (j job) stream() string {
	if j.own() {
		return fmt.Sprintf("own-%d-%d", j.life, j.writer)
	}
	return fmt.Sprintf("shared-%d", (uint64(j.writer)+j.seq)%5)
}

// batch is one to four events, whose ids tell the job, the number of events
// and the place of each among them.
func (j job) batch() []events.Proposed {
	random := rand.New(rand.NewPCG(uint64(j.life)<<8|uint64(j.writer), j.seq))
	batch := make([]events.Proposed, 1+random.IntN(4))
	for i := range batch {
		size := 20 + random.IntN(1000)
		if random.IntN(200) == 0 {
			size = 150 << 10
		}
		batch[i] = event("Tested", strconv.Quote(strings.Repeat(string(rune('a'+random.IntN(26))), size)))
		batch[i].ID = j.id(i, len(batch))
	}
	return batch
}

// id is a UUID of version 0 or 7. Lives are fewer than 4096.
func (j job) id(index, size int) uuid.UUID {
	id := uuid.UUID{1, byte(index), byte(size), j.writer}
	binary.BigEndian.PutUint32(id[4:], j.life)
	binary.BigEndian.PutUint64(id[8:], j.seq)
	if j.seq%2 == 0 {
		id[6] |= 7 << 4
	}
	return id
}

func jobOf(id uuid.UUID) (j job, index, size int) {
	id[6] &= 0x0f
	j = job{life: binary.BigEndian.Uint32(id[4:]), writer: id[3], seq: binary.BigEndian.Uint64(id[8:])}
	return j, int(id[1]), int(id[2])
}

// notice is what the process tells: that it is about to open the log, or that
// a job is done.
type notice struct {
	opening bool
	job     job
	place   events.Appended
}

const noticeSize = 32

// encode takes less than a pipe writes at once, so that notices of several
// goroutines do not mix, and none is there by half.
func (n notice) encode() []byte {
	b := make([]byte, 0, noticeSize)
	if n.opening {
		return b[:noticeSize]
	}
	b = append(b, 1, n.job.writer, 0, 0)
	b = binary.BigEndian.AppendUint32(b, n.job.life)
	for _, number := range []uint64{n.job.seq, uint64(n.place.Position), n.place.Revision} {
		b = binary.BigEndian.AppendUint64(b, number)
	}
	return b
}

func readNotice(from io.Reader) (notice, error) {
	var b [noticeSize]byte
	if _, err := io.ReadFull(from, b[:]); err != nil {
		return notice{}, err
	}
	return notice{
		opening: b[0] == 0,
		job:     job{writer: b[1], life: binary.BigEndian.Uint32(b[4:]), seq: binary.BigEndian.Uint64(b[8:])},
		place: events.Appended{
			Position: events.Position(binary.BigEndian.Uint64(b[16:])), Revision: binary.BigEndian.Uint64(b[24:]),
		},
	}, nil
}

// writeUntilKilled is the whole process. It returns what should not happen.
func writeUntilKilled(dir, number string) error {
	life, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return err
	}
	if _, err := os.Stdout.Write(notice{opening: true}.encode()); err != nil {
		return err
	}
	n, err := node.Open(dir, node.Options{MemTableBytes: killedMemTable})
	if err != nil {
		return err
	}
	failed := make(chan error, killedWriters)
	var writers sync.WaitGroup
	for writer := range killedWriters {
		writers.Go(func() { failed <- writeJobs(n, job{life: uint32(life), writer: uint8(writer)}, tell) })
	}
	return <-failed
}

func tell(j job, place events.Appended) error {
	_, err := os.Stdout.Write(notice{job: j, place: place}.encode())
	return err
}

// writeJobs does one job after the other until one fails, and tells which are
// done.
func writeJobs(n *node.Node, j job, done func(job, events.Appended) error) error {
	own := events.NoStream
	for ; ; j.seq++ {
		expected := events.Any
		if j.own() {
			expected = own
		}
		place, err := n.Append(context.Background(), j.stream(), expected, j.batch()...)
		if err != nil {
			return err
		}
		if j.own() {
			own = events.At(place.Revision)
		}
		if err := done(j, place); err != nil {
			return err
		}
	}
}
