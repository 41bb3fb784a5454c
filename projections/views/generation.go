package views

import (
	"context"
	"database/sql"
	"errors"
)

// Generation is one filling of a read model's tables from the log. A store
// serves one, and another may be filled beside it. One goroutine at a time may
// Update it; queries may be made from any number of goroutines, and each sees
// whole updates.
type Generation struct {
	// Number rises from one generation of a read model to the next, of
	// whichever version.
	Number int64
	// Version is the schema's that it was made for.
	Version int

	purpose    purpose
	definition string // of the tables
	tables     backend

	// What follows is guarded by the store's mu.

	holders int           // who are using it
	retired bool          // it serves no more
	idle    chan struct{} // closed once it is retired and nobody uses it
}

// purpose is what a generation is for, as engines store it.
type purpose string

const (
	building purpose = "building" // to serve once it has caught up
	serving  purpose = "serving"
	checking purpose = "checking" // to be compared, never to serve
)

// backend is how an engine runs statements on the tables of one generation.
type backend interface {
	// bound is how long a query outside of updates may take.
	bound(ctx context.Context) (context.Context, context.CancelFunc)
	// read runs a query outside of updates.
	read(ctx context.Context, text string, args []any) (*sql.Rows, error)
	// snapshot begins a transaction that reads one state.
	snapshot(ctx context.Context) (transaction, error)
	// update begins a transaction that writes. There is one at a time.
	update(ctx context.Context) (transaction, error)
	// dialect is how the tables' texts are kept.
	dialect() *dialect
	// fault makes an error of the database one that Passing understands.
	fault(err error) error
	close() error
}

// transaction is a backend's, on one connection.
type transaction interface {
	query(ctx context.Context, text string, args []any) (*sql.Rows, error)
	exec(ctx context.Context, text string, args []any) (int64, error)
	// queue is exec whose error may come with a later call.
	queue(ctx context.Context, text string, args []any) error
	commit(ctx context.Context) error
	// rollback undoes all, and does nothing after the transaction's end.
	rollback() error
}

// Query runs a SELECT outside of updates. The text is kept prepared, so it
// must be one of a fixed set. Close the rows.
func (g *Generation) Query(ctx context.Context, text string, args ...any) (*Rows, error) {
	if err := arguments(args); err != nil {
		return nil, err
	}
	ctx, cancel := g.tables.bound(ctx)
	rows, err := g.tables.read(ctx, text, args)
	if err != nil {
		cancel()
		return nil, g.tables.fault(err)
	}
	return &Rows{rows: rows, tables: g.tables, end: cancel}, nil
}

// QueryRow is Query for one row, which is scanned into the pointers given.
// Without a row it fails with sql.ErrNoRows.
func (g *Generation) QueryRow(ctx context.Context, text string, args []any, into ...any) error {
	rows, err := g.Query(ctx, text, args...)
	if err != nil {
		return err
	}
	return rows.one(into)
}

// Snapshot begins a transaction that shows one state, until it is ended.
func (g *Generation) Snapshot(ctx context.Context) (tx *Tx, end func() error, err error) {
	snapshot, err := g.tables.snapshot(ctx)
	if err != nil {
		return nil, nil, g.tables.fault(err)
	}
	return &Tx{tx: snapshot, tables: g.tables}, func() error { return g.tables.fault(snapshot.rollback()) }, nil
}

// Checkpoint returns how far the log was read; the zero Checkpoint if nothing
// was.
func (g *Generation) Checkpoint(ctx context.Context) (Checkpoint, error) {
	var position, event int64
	err := g.QueryRow(ctx, `SELECT position, event FROM checkpoint WHERE id = 0`, nil, &position, &event)
	return Checkpoint{uint64(position), uint64(event)}, err
}

// ErrMoved: somebody else has moved the checkpoint.
var ErrMoved = errors.New("the view was brought forward by somebody else")

// Update applies a change and moves the checkpoint in one transaction: when it
// returns nil, both are stored; otherwise neither is, unless the error is
// ErrUnavailable, which leaves it open. A nil change moves the checkpoint
// alone. If the checkpoint is not where the caller has it, nothing is done and
// the error is ErrMoved: so of several who bring a view forward, one at a time
// succeeds, and an event counts once.
//
// It begins without the context's end, and statements alone heed it: so
// nothing but rollback ends the transaction early, and no statement can run
// after its end.
func (g *Generation) Update(ctx context.Context, from, reached Checkpoint, change func(*Tx) error) error {
	tx, err := g.tables.update(context.WithoutCancel(ctx))
	if err != nil {
		return g.tables.fault(err)
	}
	if err := g.apply(ctx, &Tx{tx: tx, tables: g.tables}, from, reached, change); err != nil {
		return errors.Join(err, g.tables.fault(tx.rollback()))
	}
	if err := tx.commit(ctx); err != nil {
		return errors.Join(g.tables.fault(err), g.tables.fault(tx.rollback()))
	}
	return nil
}

// apply moves the checkpoint first: whoever else wants to move it waits for
// this transaction's end, and has changed nothing yet.
func (g *Generation) apply(ctx context.Context, tx *Tx, from, reached Checkpoint, change func(*Tx) error) error {
	moved, err := tx.Exec(ctx, `UPDATE checkpoint SET position = $1, event = $2 WHERE id = 0 AND position = $3 AND event = $4`,
		int64(reached.Position), int64(reached.Event), int64(from.Position), int64(from.Event))
	switch {
	case err != nil:
		return err
	case moved == 0:
		return ErrMoved
	case change == nil:
		return nil
	}
	return change(tx)
}

// beginCheckpoint puts the zero Checkpoint into a new generation.
const beginCheckpoint = `INSERT INTO checkpoint (id, position, event) VALUES (0, 0, 0)`

// checkpointTable is in every generation.
var checkpointTable = Table{
	Name: "checkpoint", Columns: "id BIGINT NOT NULL, position BIGINT NOT NULL, event BIGINT NOT NULL", Key: "id",
}
