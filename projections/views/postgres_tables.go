package views

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"parley/events/postgres"
)

// postgresTables is the backend of one generation, in a schema of its own.
type postgresTables struct {
	engine *Postgres
	schema string
	names  map[string]bool
	texts  sync.Map // statement → the statement qualified
}

// qualified is a statement for this generation's tables.
func (t *postgresTables) qualified(text string) string {
	if known, ok := t.texts.Load(text); ok {
		return known.(string)
	}
	made := qualify(text, t.schema, t.names)
	t.texts.Store(text, made)
	return made
}

func (t *postgresTables) dialect() *dialect { return &vectors }

func (t *postgresTables) close() error { return nil }

func (t *postgresTables) fault(err error) error { return postgres.Unavailable(err) }

func (t *postgresTables) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, readTimeout)
}

func (t *postgresTables) read(ctx context.Context, text string, args []any) (*sql.Rows, error) {
	return t.engine.readers.QueryContext(ctx, t.qualified(text), args...)
}

func (t *postgresTables) snapshot(ctx context.Context) (transaction, error) {
	return t.begin(ctx, t.engine.readers, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
}

func (t *postgresTables) update(ctx context.Context) (transaction, error) {
	return t.begin(ctx, t.engine.writers, "BEGIN")
}

// begin takes a connection. The statement goes with the first one that is
// sent.
func (t *postgresTables) begin(ctx context.Context, pool *sql.DB, statement string) (transaction, error) {
	connection, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	tx := &postgresTx{tables: t, connection: connection}
	tx.queued.Queue(statement)
	return tx, nil
}

// queuedAtOnce bounds the statements that wait to be sent together.
const queuedAtOnce = 1024

// postgresTx is a transaction. Statements whose counts nobody needs are sent
// many at a time.
type postgresTx struct {
	tables     *postgresTables
	connection *sql.Conn
	queued     pgx.Batch
	ended      bool
}

func (t *postgresTx) query(ctx context.Context, text string, args []any) (*sql.Rows, error) {
	if err := t.flush(ctx); err != nil {
		return nil, err
	}
	return t.connection.QueryContext(ctx, t.tables.qualified(text), args...)
}

func (t *postgresTx) exec(ctx context.Context, text string, args []any) (int64, error) {
	if err := t.flush(ctx); err != nil {
		return 0, err
	}
	result, err := t.connection.ExecContext(ctx, t.tables.qualified(text), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (t *postgresTx) queue(ctx context.Context, text string, args []any) error {
	for i, arg := range args {
		if blob, ok := arg.([]byte); ok {
			args[i] = bytes.Clone(blob) // the caller may change it
		}
	}
	t.queued.Queue(t.tables.qualified(text), args...)
	if t.queued.Len() < queuedAtOnce {
		return nil
	}
	return t.flush(ctx)
}

// flush sends what is queued and reads the answers.
func (t *postgresTx) flush(ctx context.Context) error {
	if t.queued.Len() == 0 {
		return nil
	}
	_, err := t.send(ctx)
	return err
}

// send is flush, and returns what the last statement was answered with.
func (t *postgresTx) send(ctx context.Context) (last pgconn.CommandTag, err error) {
	batch := t.queued
	t.queued = pgx.Batch{}
	err = t.connection.Raw(func(connection any) error {
		answers := connection.(*stdlib.Conn).Conn().SendBatch(ctx, &batch)
		for range batch.Len() {
			if last, err = answers.Exec(); err != nil {
				break
			}
		}
		if ended := answers.Close(); err == nil {
			err = ended
		}
		return err
	})
	return last, err
}

// errAborted: a statement failed before, and its error was passed over.
var errAborted = errors.New("the transaction was aborted by an earlier error")

// commit does not end with its context: an update that is about to be stored
// is stored.
func (t *postgresTx) commit(ctx context.Context) error {
	t.queued.Queue("COMMIT")
	last, err := t.send(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	t.ended = true
	if last.String() != "COMMIT" {
		err = errAborted
	}
	return errors.Join(err, t.connection.Close())
}

func (t *postgresTx) rollback() error {
	if t.ended {
		return nil
	}
	t.ended = true
	_, err := t.connection.ExecContext(context.Background(), "ROLLBACK")
	if err != nil && postgres.Passes(err) {
		// The connection is lost, and with it the transaction.
		err = nil
	}
	return errors.Join(err, t.connection.Close())
}
