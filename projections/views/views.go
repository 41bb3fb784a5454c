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

import "context"

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
	// Key is the primary key's columns. Rows are kept in its order, unless they
	// are Wide.
	Key string
	// Wide says that rows have a kilobyte or more. SQLite would read all of
	// each row that it compares a key with, if it kept rows in the key's order:
	// it keeps the keys of such rows in an index.
	Wide bool
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
	// Open opens the store of a read model. Nothing serves in a new one.
	Open(ctx context.Context, schema Schema) (*Store, error)
	// Close releases the engine, once its stores are closed.
	Close() error
}
