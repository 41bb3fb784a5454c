// Package views keeps read models: tables, and beside them in the same
// transaction how far the log was read to fill them. Every read model has its
// own store, so that one can be rebuilt while the others serve.
//
// Statements are SQL that SQLite and PostgreSQL both take. Their parameters
// are $1, $2, … and appear in that order; columns are BIGINT, TEXT and BYTEA;
// keys hold numbers and bytes only, which both order alike.
package views

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
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

// Store keeps one read model. One goroutine at a time may Update or Clear it;
// queries may be made from any number of goroutines, and each sees whole
// updates.
type Store struct {
	schema Schema
	db     *sql.DB // makes writer
	writer *sql.Conn
	writes map[string]*sql.Stmt // prepared on writer; owned by who updates
	reader *sql.DB
	reads  sync.Map // text → *sql.Stmt of reader
}

// Close releases the store. Its files are whole at any time.
func (s *Store) Close() error {
	return s.closeOpened()
}

// Query runs a SELECT outside of updates. The text is kept prepared, so it
// must be one of a fixed set.
func (s *Store) Query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	stmt, err := s.read(ctx, text)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// QueryRow is Query for one row, which is scanned into the pointers given.
// Without a row it fails with sql.ErrNoRows.
func (s *Store) QueryRow(ctx context.Context, text string, args []any, into ...any) error {
	stmt, err := s.read(ctx, text)
	if err != nil {
		return err
	}
	return stmt.QueryRowContext(ctx, args...).Scan(into...)
}

func (s *Store) read(ctx context.Context, text string) (*sql.Stmt, error) {
	if known, ok := s.reads.Load(text); ok {
		return known.(*sql.Stmt), nil
	}
	made, err := s.reader.PrepareContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("preparing %q: %w", text, err)
	}
	if known, lost := s.reads.LoadOrStore(text, made); lost {
		return known.(*sql.Stmt), made.Close()
	}
	return made, nil
}

func (s *Store) write(ctx context.Context, text string) (*sql.Stmt, error) {
	if known, ok := s.writes[text]; ok {
		return known, nil
	}
	made, err := s.writer.PrepareContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("preparing %q: %w", text, err)
	}
	s.writes[text] = made
	return made, nil
}

// Snapshot runs several queries on one state of the store.
func (s *Store) Snapshot(ctx context.Context, use func(*Tx) error) error {
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	return errors.Join(use(&Tx{tx.PrepareContext}), undo(tx))
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
// returns nil, both are stored; otherwise neither is. A nil change moves the
// checkpoint alone.
func (s *Store) Update(ctx context.Context, reached Checkpoint, change func(*Tx) error) error {
	return s.update(ctx, func(tx *Tx) error {
		if change != nil {
			if err := change(tx); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `INSERT INTO checkpoint (id, position, event) VALUES (0, $1, $2)
			ON CONFLICT (id) DO UPDATE SET position = excluded.position, event = excluded.event`,
			int64(reached.Position), int64(reached.Event))
		return err
	})
}

// Clear empties the store, to be filled from the log's beginning.
func (s *Store) Clear(ctx context.Context) error {
	return s.update(ctx, func(tx *Tx) error {
		for _, table := range s.schema.tables() {
			if _, err := tx.Exec(ctx, "DELETE FROM "+table.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

// update begins without the context's end, and statements alone heed it: so
// nothing but undo ends the transaction early, and no statement can run after
// its end.
func (s *Store) update(ctx context.Context, change func(*Tx) error) error {
	tx, err := s.writer.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return err
	}
	if err := change(&Tx{s.write}); err != nil {
		return errors.Join(err, undo(tx))
	}
	return tx.Commit()
}

// undo rolls back, which a context that ended has already done.
func undo(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

// tables are the schema's own and the checkpoint's.
func (s Schema) tables() []Table {
	checkpoint := Table{Name: "checkpoint", Columns: "id BIGINT NOT NULL, position BIGINT NOT NULL, event BIGINT NOT NULL", Key: "id"}
	return append([]Table{checkpoint}, s.Tables...)
}

// Tx is a transaction on a store.
type Tx struct {
	// prepare gives a statement of the transaction's connection.
	prepare func(ctx context.Context, text string) (*sql.Stmt, error)
}

// Exec runs a statement and returns how many rows it changed. The text is kept
// prepared, so it must be one of a fixed set.
func (t *Tx) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	stmt, err := t.prepare(ctx, text)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Query runs a SELECT within the transaction.
func (t *Tx) Query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	stmt, err := t.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// QueryRow is Query for one row, as Store.QueryRow.
func (t *Tx) QueryRow(ctx context.Context, text string, args []any, into ...any) error {
	stmt, err := t.prepare(ctx, text)
	if err != nil {
		return err
	}
	return stmt.QueryRowContext(ctx, args...).Scan(into...)
}
