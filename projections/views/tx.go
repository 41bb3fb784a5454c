package views

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Tx is a transaction on a store. It belongs to one goroutine.
type Tx struct {
	tx     transaction
	tables backend
	rows   *Rows // of the last query
}

// errRowsOpen: PostgreSQL answers one query at a time on a connection, so
// SQLite is not asked for more either.
var errRowsOpen = errors.New("a statement in a transaction whose last query's rows are not closed")

// ready checks the arguments of the next statement, and that it may run.
func (t *Tx) ready(args []any) error {
	if t.rows != nil && !t.rows.over {
		return errRowsOpen
	}
	return arguments(args)
}

// Exec runs a statement and returns how many rows it changed. The text is kept
// prepared, so it must be one of a fixed set.
func (t *Tx) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	if err := t.ready(args); err != nil {
		return 0, err
	}
	changed, err := t.tx.exec(ctx, text, args)
	return changed, t.tables.fault(err)
}

// Queue is Exec for a statement whose count nobody needs, which spares a
// database at the other end of a wire an answer to each: it runs before the
// next statement that is not queued. Its error may come with a later statement,
// or with the end of the update.
func (t *Tx) Queue(ctx context.Context, text string, args ...any) error {
	if err := t.ready(args); err != nil {
		return err
	}
	return t.tables.fault(t.tx.queue(ctx, text, args))
}

// Query runs a SELECT within the transaction. Close the rows before the next
// statement.
func (t *Tx) Query(ctx context.Context, text string, args ...any) (*Rows, error) {
	if err := t.ready(args); err != nil {
		return nil, err
	}
	rows, err := t.tx.query(ctx, text, args)
	if err != nil {
		return nil, t.tables.fault(err)
	}
	t.rows = &Rows{rows: rows, tables: t.tables, end: func() {}}
	return t.rows, nil
}

// QueryRow is Query for one row, as Store.QueryRow.
func (t *Tx) QueryRow(ctx context.Context, text string, args []any, into ...any) error {
	rows, err := t.Query(ctx, text, args...)
	if err != nil {
		return err
	}
	return rows.one(into)
}

// Rows are the rows of a query, as those of database/sql.
type Rows struct {
	rows   *sql.Rows
	tables backend
	end    func() // of the time that the query may take
	over   bool   // no row comes any more
}

// Next goes to the next row, and tells whether there is one.
func (r *Rows) Next() bool {
	more := r.rows.Next()
	r.over = r.over || !more
	return more
}

// Scan copies the row's columns into the pointers given, as database/sql does.
func (r *Rows) Scan(into ...any) error { return r.tables.fault(r.rows.Scan(into...)) }

// Columns are the columns' names.
func (r *Rows) Columns() ([]string, error) { return r.rows.Columns() }

// Err is why there is no next row, or nil after the last one.
func (r *Rows) Err() error { return r.tables.fault(r.rows.Err()) }

// Close ends the query. It may be called more than once.
func (r *Rows) Close() error {
	r.over = true
	defer r.end()
	return r.tables.fault(r.rows.Close())
}

func (r *Rows) one(into []any) error {
	if !r.Next() {
		return errors.Join(noRow(r.Err()), r.Close())
	}
	return errors.Join(r.Scan(into...), r.Close())
}

func noRow(err error) error {
	if err == nil {
		return sql.ErrNoRows
	}
	return err
}

// arguments makes of each argument what every engine takes: nil, an int64, a
// string or bytes.
func arguments(args []any) error {
	for i, arg := range args {
		switch v := arg.(type) {
		case nil, int64:
		case []byte:
			if v == nil {
				args[i] = nil
			}
		case int:
			args[i] = int64(v)
		case string:
			args[i] = cleanText(v)
		default:
			value, err := driver.DefaultParameterConverter.ConvertValue(arg)
			if err != nil {
				return fmt.Errorf("argument %d: %w", i+1, err)
			}
			if args[i], err = plain(value); err != nil {
				return fmt.Errorf("argument %d: %w", i+1, err)
			}
		}
	}
	return nil
}

func plain(value driver.Value) (any, error) {
	switch v := value.(type) {
	case nil, int64, []byte:
		return v, nil
	case string:
		return cleanText(v), nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	}
	return nil, fmt.Errorf("a %T is not stored in views", value)
}

func cleanText(text string) string {
	if strings.IndexByte(text, 0) < 0 && utf8.ValidString(text) {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
