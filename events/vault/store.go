package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/google/uuid"
	_ "github.com/ncruces/go-sqlite3/driver" // the database/sql driver "sqlite3"
)

// The tables. A living person has a wrapped key; a forgotten one has none, but
// a number that says in which order people were forgotten.
const schema = `
CREATE TABLE IF NOT EXISTS vault (
	name  TEXT PRIMARY KEY,
	value BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS person_keys (
	owner     BLOB PRIMARY KEY,
	wrapped   BLOB,
	forgotten BIGINT UNIQUE,
	CHECK ((wrapped IS NULL) <> (forgotten IS NULL))
);`

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
)

var errBusy = errors.New("another process is reading the vault; try again")

// errNoKey: nothing is stored for a person, neither a key nor a tombstone.
var errNoKey = errors.New("no key")

// store is the vault's file. All methods may be called from any number of
// goroutines; what they wrote is on stable storage when they return.
type store struct{ db *sql.DB }

// stored is a person's row.
type stored struct{ wrapped []byte }

func (s stored) forgotten() bool { return s.wrapped == nil }

func openStore(ctx context.Context, path string) (*store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := makeFile(path); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite3", dataSource(path))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &store{db}, nil
}

// dataSource asks for commits that are synced when they return, and for
// deleted content to be overwritten. Files that SQLite puts beside the
// database get its mode.
func dataSource(path string) string {
	query := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)", "secure_delete(on)"},
		"modeof":  {path},
	}
	source := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}
	return source.String()
}

// makeFile makes an empty file that only its owner can read, if there is none:
// SQLite would let others read it.
func makeFile(path string) error {
	directory := filepath.Dir(path)
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), syncDirectory(directory), syncDirectory(filepath.Dir(directory)))
}

func (s *store) close() error { return s.db.Close() }

// setUp makes the tables of a new vault with its wrapped key of pseudonyms,
// and returns the one that is stored.
func (s *store) setUp(ctx context.Context, pseudonyms []byte) (wrapped []byte, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, schema); err != nil {
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
		if _, err := tx.ExecContext(ctx, setValue, "pseudonyms", pseudonyms); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, getValue, "pseudonyms").Scan(&wrapped)
	})
	return wrapped, err
}

// load reads a person's row, or errNoKey.
func (s *store) load(ctx context.Context, owner uuid.UUID) (found stored, err error) {
	err = s.db.QueryRowContext(ctx, getKey, owner[:]).Scan(&found.wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoKey
	}
	return found, err
}

// add stores a new key for each person who has none, in one commit, and
// returns what is stored for each of them now.
func (s *store) add(ctx context.Context, wants []want, wrap func(owner uuid.UUID) ([]byte, error)) (map[uuid.UUID]stored, error) {
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
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, bury, owner[:])
		return err
	})
}

// scrub empties the write-ahead log, which still holds pages as they were
// before the last writes.
func (s *store) scrub(ctx context.Context) error {
	var busy, frames, moved int
	if err := s.db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved); err != nil {
		return err
	}
	if busy != 0 {
		return errBusy
	}
	return nil
}

// forgottenAfter lists the people forgotten after a number, and the last
// number.
func (s *store) forgottenAfter(ctx context.Context, number int64) ([]uuid.UUID, int64, error) {
	rows, err := s.db.QueryContext(ctx, buriedAfter, number)
	if err != nil {
		return nil, 0, err
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
	return owners, number, rows.Err()
}

// write runs a transaction.
func (s *store) write(ctx context.Context, change func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := change(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
