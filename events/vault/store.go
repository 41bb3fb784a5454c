package vault

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// format is the version of the tables.
const format = "1"

// Statements are in the SQL that SQLite and PostgreSQL share.
const (
	setValue = `INSERT INTO vault (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`
	getValue = `SELECT value FROM vault WHERE name = $1`
	addKey   = `INSERT INTO person_keys (owner, wrapped) VALUES ($1, $2) ON CONFLICT (owner) DO NOTHING`
	getKey   = `SELECT wrapped FROM person_keys WHERE owner = $1`
	bury     = `
		INSERT INTO person_keys (owner, forgotten)
		VALUES ($1, (SELECT coalesce(max(forgotten), 0) + 1 FROM person_keys))
		ON CONFLICT (owner) DO UPDATE SET wrapped = NULL, forgotten = excluded.forgotten
		WHERE person_keys.forgotten IS NULL`
	buriedAfter = `SELECT owner, forgotten FROM person_keys WHERE forgotten > $1 ORDER BY forgotten`
	allKeys     = `SELECT owner, wrapped FROM person_keys ORDER BY forgotten IS NOT NULL, forgotten, owner`
)

// errNoKey: nothing is stored for a person, neither a key nor a tombstone.
var errNoKey = errors.New("no key")

// engine is what sets the databases apart in which a vault can be kept.
type engine interface {
	// define makes the tables that are missing. A living person has a wrapped
	// key; a forgotten one has none, but a number that says in which order
	// people were forgotten.
	define(ctx context.Context, tx *sql.Tx) error
	// queue lets one process at a time forget, until its transaction ends: who
	// has seen a number has seen all below it.
	queue(ctx context.Context, tx *sql.Tx) error
	// scrub has the database let go of what was overwritten.
	scrub(ctx context.Context, db *sql.DB) error
	// copy writes all of a vault into a new file.
	copy(ctx context.Context, v *Vault, path string) error
	// bound limits how long one statement is waited for.
	bound(ctx context.Context) (context.Context, context.CancelFunc)
	// fault marks errors that may pass.
	fault(err error) error
}

// store is the vault's database. All methods may be called from any number of
// goroutines; what they wrote is on stable storage when they return.
type store struct {
	engine
	db *sql.DB
}

// stored is a person's row.
type stored struct{ wrapped []byte }

func (s stored) forgotten() bool { return s.wrapped == nil }

func (s *store) close() error { return s.db.Close() }

// setUp makes the tables of a new vault with its wrapped key of pseudonyms,
// and returns the one that is stored.
func (s *store) setUp(ctx context.Context, pseudonyms []byte) (wrapped []byte, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if err := s.define(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, setValue, "format", []byte(format)); err != nil {
			return err
		}
		var found []byte
		if err := tx.QueryRowContext(ctx, getValue, "format").Scan(&found); err != nil {
			return err
		}
		if string(found) != format {
			return fmt.Errorf("it has format %q and this program reads %q: use the program that made it, or a newer one", found, format)
		}
		wrapped, err = settle(ctx, tx, pseudonymsName, pseudonyms)
		return err
	})
	return wrapped, err
}

// settle stores a value unless there is one of that name, and returns the one
// that is stored.
func settle(ctx context.Context, tx *sql.Tx, name string, value []byte) (stored []byte, err error) {
	if _, err := tx.ExecContext(ctx, setValue, name, value); err != nil {
		return nil, err
	}
	err = tx.QueryRowContext(ctx, getValue, name).Scan(&stored)
	return stored, err
}

// value reads a value, or stores one that make gives if there is none.
func (s *store) value(ctx context.Context, name string, make func() ([]byte, error)) (stored []byte, err error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	err = s.db.QueryRowContext(ctx, getValue, name).Scan(&stored)
	if !errors.Is(err, sql.ErrNoRows) {
		return stored, s.fault(err)
	}
	value, err := make()
	if err != nil {
		return nil, err
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		stored, err = settle(ctx, tx, name, value)
		return err
	})
	return stored, err
}

// load reads a person's row, or errNoKey.
func (s *store) load(ctx context.Context, owner uuid.UUID) (found stored, err error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	err = s.db.QueryRowContext(ctx, getKey, owner[:]).Scan(&found.wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoKey
	}
	return found, s.fault(err)
}

// add stores a new key for each person who has none, in one commit, and
// returns what is stored for each of them now.
func (s *store) add(ctx context.Context, wants []want, wrap func(owner uuid.UUID) ([]byte, error)) (map[uuid.UUID]stored, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	// In one order everywhere, so that two processes do not wait for each other.
	slices.SortFunc(wants, func(a, b want) int { return bytes.Compare(a.owner[:], b.owner[:]) })
	rows := make(map[uuid.UUID]stored, len(wants))
	err := s.write(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, addKey)
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, want := range wants {
			if _, done := rows[want.owner]; done {
				continue
			}
			wrapped, err := wrap(want.owner)
			if err != nil {
				return err
			}
			if rows[want.owner], err = addOne(ctx, tx, insert, want.owner, wrapped); err != nil {
				return err
			}
		}
		return nil
	})
	return rows, err
}

func addOne(ctx context.Context, tx *sql.Tx, insert *sql.Stmt, owner uuid.UUID, wrapped []byte) (stored, error) {
	result, err := insert.ExecContext(ctx, owner[:], wrapped)
	if err != nil {
		return stored{}, err
	}
	if added, err := result.RowsAffected(); err != nil || added == 1 {
		return stored{wrapped}, err
	}
	var found stored
	err = tx.QueryRowContext(ctx, getKey, owner[:]).Scan(&found.wrapped)
	return found, err
}

// forget turns a person's row into a tombstone.
func (s *store) forget(ctx context.Context, owner uuid.UUID) error {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := s.queue(ctx, tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, bury, owner[:])
		return err
	})
}

// forgottenAfter lists the people forgotten after a number, and the last
// number.
func (s *store) forgottenAfter(ctx context.Context, number int64) ([]uuid.UUID, int64, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	rows, err := s.db.QueryContext(ctx, buriedAfter, number)
	if err != nil {
		return nil, 0, s.fault(err)
	}
	defer rows.Close()
	var owners []uuid.UUID
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id, &number); err != nil {
			return nil, 0, err
		}
		owner, err := uuid.FromBytes(id)
		if err != nil {
			return nil, 0, fmt.Errorf("%w: the owner of tombstone %d: %w", ErrDamaged, number, err)
		}
		owners = append(owners, owner)
	}
	return owners, number, s.fault(rows.Err())
}

// write runs a transaction, in which each statement sees what was committed
// before it.
func (s *store) write(ctx context.Context, change func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.fault(err)
	}
	if err := change(tx); err != nil {
		if undone := tx.Rollback(); !errors.Is(undone, sql.ErrTxDone) { // else the connection is gone
			err = errors.Join(err, undone)
		}
		return s.fault(err)
	}
	return s.fault(tx.Commit())
}
