// Package views keeps read models: tables, and beside them in the same
// transaction how far the log was read to fill them. Every read model has its
// own store, so that one can be rebuilt while the others serve.
//
// Stores live in SQLite files or in a PostgreSQL database, and the same
// statements run on both: parameters are $1, $2, … and appear in that order;
// columns are BIGINT, TEXT and BYTEA; texts compare byte by byte; a table is
// named after FROM, JOIN, INTO or UPDATE, and lists of tables are joined with
// JOIN. A text never holds NUL, which PostgreSQL does not take: it is stored
// as U+FFFD, and so are bytes that are no UTF-8.
package views

import (
	"context"
	"database/sql"
	"errors"
)

// Schema is what one version of a read model keeps.
type Schema struct {
	// Name is lower-case letters. With the version it names the store.
	Name string
	// Version rises whenever the tables change or the rows that the same
	// events lead to.
	Version int
	Tables  []Table
	// Indexes are CREATE INDEX IF NOT EXISTS statements.
	Indexes []string
	// Texts are the tables whose rows are found by a text that is not in their
	// columns: see Text. Their key is a column id.
	Texts []string
}

// Table is one table of a read model.
type Table struct {
	Name string
	// Columns are the column definitions, without the primary key.
	Columns string
	// Key is the primary key's columns. Rows are kept in its order.
	Key string
}

// Checkpoint is how far a log was read into a store.
type Checkpoint struct {
	// Position is passed: all events up to it are applied or do not matter.
	Position uint64
	// Event is the position of the last event among them.
	Event uint64
}

// Engine is a database that keeps stores. Its methods may be called from any
// number of goroutines.
type Engine interface {
	// Open opens or makes the store of a read model's version.
	Open(ctx context.Context, schema Schema) (*Store, error)
	// Close releases the engine, once its stores are closed.
	Close() error
}

// backend is how an engine runs statements on the tables of one store.
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

// Store keeps one read model. One goroutine at a time may Update or Clear it;
// queries may be made from any number of goroutines, and each sees whole
// updates.
type Store struct {
	schema Schema
	tables backend
}

// Close releases the store. What is stored is whole at any time.
func (s *Store) Close() error { return s.tables.close() }

// Query runs a SELECT outside of updates. The text is kept prepared, so it
// must be one of a fixed set. Close the rows.
func (s *Store) Query(ctx context.Context, text string, args ...any) (*Rows, error) {
	if err := arguments(args); err != nil {
		return nil, err
	}
	ctx, cancel := s.tables.bound(ctx)
	rows, err := s.tables.read(ctx, text, args)
	if err != nil {
		cancel()
		return nil, s.tables.fault(err)
	}
	return &Rows{rows: rows, tables: s.tables, end: cancel}, nil
}

// QueryRow is Query for one row, which is scanned into the pointers given.
// Without a row it fails with sql.ErrNoRows.
func (s *Store) QueryRow(ctx context.Context, text string, args []any, into ...any) error {
	rows, err := s.Query(ctx, text, args...)
	if err != nil {
		return err
	}
	return rows.one(into)
}

// Snapshot runs several queries on one state of the store.
func (s *Store) Snapshot(ctx context.Context, use func(*Tx) error) error {
	tx, err := s.tables.snapshot(ctx)
	if err != nil {
		return s.tables.fault(err)
	}
	err = use(&Tx{tx: tx, tables: s.tables})
	return errors.Join(err, s.tables.fault(tx.rollback()))
}

// Checkpoint returns how far the log was read; the zero Checkpoint if nothing
// was.
func (s *Store) Checkpoint(ctx context.Context) (Checkpoint, error) {
	var position, event int64
	err := s.QueryRow(ctx, `SELECT position, event FROM checkpoint WHERE id = 0`, nil, &position, &event)
	if errors.Is(err, sql.ErrNoRows) {
		return Checkpoint{}, nil
	}
	return Checkpoint{uint64(position), uint64(event)}, err
}

// Update applies a change and moves the checkpoint in one transaction: when it
// returns nil, both are stored; otherwise neither is, unless the error is
// ErrUnavailable, which leaves it open. A nil change moves the checkpoint
// alone.
func (s *Store) Update(ctx context.Context, reached Checkpoint, change func(*Tx) error) error {
	return s.update(ctx, func(tx *Tx) error {
		if change != nil {
			if err := change(tx); err != nil {
				return err
			}
		}
		return tx.Queue(ctx, `INSERT INTO checkpoint (id, position, event) VALUES (0, $1, $2)
			ON CONFLICT (id) DO UPDATE SET position = excluded.position, event = excluded.event`,
			int64(reached.Position), int64(reached.Event))
	})
}

// Clear empties the store, to be filled from the log's beginning.
func (s *Store) Clear(ctx context.Context) error {
	return s.update(ctx, func(tx *Tx) error {
		for _, table := range s.schema.tables() {
			if err := tx.Queue(ctx, "DELETE FROM "+table.Name); err != nil {
				return err
			}
		}
		for _, table := range s.schema.Texts {
			texts := s.tables.dialect()
			if err := tx.Queue(ctx, texts.on(texts.clear, table)); err != nil {
				return err
			}
		}
		return nil
	})
}

// update begins without the context's end, and statements alone heed it: so
// nothing but rollback ends the transaction early, and no statement can run
// after its end.
func (s *Store) update(ctx context.Context, change func(*Tx) error) error {
	tx, err := s.tables.update(context.WithoutCancel(ctx))
	if err != nil {
		return s.tables.fault(err)
	}
	if err := change(&Tx{tx: tx, tables: s.tables}); err != nil {
		return errors.Join(err, s.tables.fault(tx.rollback()))
	}
	if err := tx.commit(ctx); err != nil {
		return errors.Join(s.tables.fault(err), s.tables.fault(tx.rollback()))
	}
	return nil
}

// tables are the schema's own and the checkpoint's.
func (s Schema) tables() []Table {
	checkpoint := Table{Name: "checkpoint", Columns: "id BIGINT NOT NULL, position BIGINT NOT NULL, event BIGINT NOT NULL", Key: "id"}
	return append([]Table{checkpoint}, s.Tables...)
}
