package projections

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"parley/projections/views"
)

// messagesTable keeps messages in runs: up to runMessages of them in the order
// of their numbers, each as one line of JSON, ready to send. How messages are
// cut into runs depends on how they were batched and changed, and nothing else
// does.
var messagesTable = views.Table{
	Name: "messages",
	Columns: `conversation BYTEA NOT NULL,
		first BIGINT NOT NULL,
		last BIGINT NOT NULL,
		size BIGINT NOT NULL,
		ordinal BIGINT NOT NULL,
		lines BYTEA NOT NULL`,
	Key:  "conversation, first",
	Wide: true,
}

const (
	runMessages = 64
	runBytes    = 32 << 10
)

// run is messages of one conversation that follow each other.
type run struct {
	first, last int64 // numbers
	size        int64
	ordinal     int64 // of the first
	lines       []byte
	changed     bool // it is not stored as it is
}

func (r *run) takes(line []byte) bool {
	return r.size > 0 && r.size < runMessages && len(r.lines)+len(line) < runBytes
}

func (r *run) add(number int64, line []byte) {
	r.lines = append(append(r.lines, line...), '\n')
	r.last = number
	r.size++
	r.changed = true
}

// ordinalAt is the ordinal of the last message up to a number that is not
// before the run.
func (r *run) ordinalAt(number int64) int64 {
	switch {
	case number >= r.last:
		return r.ordinal + r.size - 1
	case r.last-r.first+1 == r.size:
		return r.ordinal + number - r.first
	}
	ordinal := r.ordinal - 1
	for line := range bytes.Lines(r.lines) {
		if lineNumber(line) > number {
			break
		}
		ordinal++
	}
	return ordinal
}

// find returns where a message's line is, without its end, and its ordinal.
func (r *run) find(number int64) (start, end int, ordinal int64, found bool) {
	ordinal = r.ordinal
	for start < len(r.lines) {
		end = start + bytes.IndexByte(r.lines[start:], '\n')
		if n := lineNumber(r.lines[start:end]); n >= number {
			return start, end, ordinal, n == number
		}
		start = end + 1
		ordinal++
	}
	return 0, 0, 0, false
}

// lastRun selects the lines of the run with the last messages of conversation
// c.
const lastRun = `(SELECT r.lines FROM messages r WHERE r.conversation = c.id ORDER BY r.first DESC LIMIT 1)`

// lastLine is the last message's of a run's lines, without its end.
func lastLine(lines []byte) []byte {
	lines = bytes.TrimSuffix(lines, []byte("\n"))
	return lines[bytes.LastIndexByte(lines, '\n')+1:]
}

// replace puts another line in the place of one that was found.
func (r *run) replace(start, end int, line []byte) {
	r.lines = slices.Replace(r.lines, start, end, line...)
	r.changed = true
}

// cut takes off what is too much for one run, as its messages have grown, and
// returns it as another.
func (r *run) cut() (rest run, more bool) {
	if r.size < 2 || len(r.lines) < 2*runBytes {
		return run{}, false
	}
	kept, end := int64(0), 0
	for kept < r.size-1 && (kept == 0 || end < runBytes) {
		end += bytes.IndexByte(r.lines[end:], '\n') + 1
		kept++
	}
	rest = run{first: lineNumber(r.lines[end:]), last: r.last, size: r.size - kept, ordinal: r.ordinal + kept, lines: r.lines[end:], changed: true}
	r.lines, r.size = r.lines[:end], kept
	r.last = lineNumber(r.lines[bytes.LastIndexByte(r.lines[:end-1], '\n')+1:])
	return rest, true
}

// store writes a run that has changed.
func (r *run) store(ctx context.Context, tx *views.Tx, conversation uuid.UUID) error {
	if !r.changed {
		return nil
	}
	rest, more := r.cut()
	err := tx.Queue(ctx, `INSERT INTO messages (conversation, first, last, size, ordinal, lines) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (conversation, first) DO UPDATE SET last = excluded.last, size = excluded.size, lines = excluded.lines`,
		conversation[:], r.first, r.last, r.size, r.ordinal, r.lines)
	if err != nil {
		return err
	}
	r.changed = false
	if !more {
		return nil
	}
	return rest.store(ctx, tx, conversation)
}

// loadRun reads the stored run that would hold a message. Without one its size
// is 0.
func loadRun(ctx context.Context, tx *views.Tx, conversation uuid.UUID, number int64) (*run, error) {
	r := new(run)
	err := tx.QueryRow(ctx, `SELECT first, last, size, ordinal, lines FROM messages WHERE conversation = $1 AND first <= $2 ORDER BY first DESC LIMIT 1`,
		[]any{conversation[:], number}, &r.first, &r.last, &r.size, &r.ordinal, &r.lines)
	if errors.Is(err, sql.ErrNoRows) {
		return new(run), nil
	}
	return r, err
}

// storedOrdinal is the ordinal of the last stored message up to a number, or 0.
func storedOrdinal(ctx context.Context, tx *views.Tx, conversation uuid.UUID, number int64) (int64, error) {
	var r run
	// Only a run with gaps is counted by its lines.
	err := tx.QueryRow(ctx, `SELECT first, last, size, ordinal, CASE WHEN last - first + 1 = size THEN NULL ELSE lines END
		FROM messages WHERE conversation = $1 AND first <= $2 ORDER BY first DESC LIMIT 1`,
		[]any{conversation[:], number}, &r.first, &r.last, &r.size, &r.ordinal, &r.lines)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return r.ordinalAt(number), nil
}

// numberAt is where the number begins in a line of JSON: what stands before
// it is as long in all of them.
const numberAt = len(`{"conversationId":"00000000-0000-0000-0000-000000000000","number":`)

// lineNumber is the number of the message that a line shows.
func lineNumber(line []byte) int64 {
	number := int64(0)
	for _, c := range line[numberAt:] {
		if c < '0' || c > '9' {
			break
		}
		number = number*10 + int64(c-'0')
	}
	return number
}

// contents show each message by itself, however they were cut into runs.
func (c *Conversations) contents(ctx context.Context, tx *views.Tx) []views.Contents {
	var all []views.Contents
	for _, table := range conversationsSchema.Tables {
		if table.Name == messagesTable.Name {
			all = append(all, messageContents(ctx, tx))
		} else {
			all = append(all, views.TableContents(ctx, tx, table))
		}
	}
	return all
}

func messageContents(ctx context.Context, tx *views.Tx) views.Contents {
	return views.Contents{
		Table:   messagesTable.Name,
		Columns: []string{"conversation", "number", "ordinal", "line"},
		Key:     []string{"conversation", "number"},
		Rows: func(yield func([]any, error) bool) {
			rows, err := tx.Query(ctx, `SELECT conversation, first, last, size, ordinal, lines FROM messages ORDER BY conversation, first`)
			if err != nil {
				yield(nil, err)
				return
			}
			defer rows.Close()
			for rows.Next() {
				if !yieldRun(rows, yield) {
					return
				}
			}
			if err := rows.Err(); err != nil {
				yield(nil, err)
			}
		},
	}
}

// yieldRun yields a run's messages, and tells whether more are wanted.
func yieldRun(rows *views.Rows, yield func([]any, error) bool) bool {
	var conversation []byte
	var r run
	err := rows.Scan(&conversation, &r.first, &r.last, &r.size, &r.ordinal, &r.lines)
	if err == nil {
		err = r.check()
	}
	if err != nil {
		yield(nil, err)
		return false
	}
	for line := range bytes.Lines(r.lines) {
		if !yield([]any{conversation, lineNumber(line), r.ordinal, line}, nil) {
			return false
		}
		r.ordinal++
	}
	return true
}

// check holds a run's columns against its lines.
func (r *run) check() error {
	size, last := int64(0), int64(-1)
	for line := range bytes.Lines(r.lines) {
		number := lineNumber(line)
		if number <= last || size == 0 && number != r.first {
			return fmt.Errorf("a run of messages from %d on has message %d after %d", r.first, number, last)
		}
		size, last = size+1, number
	}
	if size != r.size || last != r.last {
		return fmt.Errorf("a run of %d messages from %d to %d has %d, up to %d", r.size, r.first, r.last, size, last)
	}
	return nil
}
