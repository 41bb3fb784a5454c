package vault

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver" // the database/sql driver "sqlite3"
)

// File is the place of a vault in an SQLite file, which is made readable by
// its owner alone.
type File string

func (f File) String() string { return string(f) }

const fileSchema = `
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

// ErrBusy: what a destroyed key was overwritten by may not be all that is
// stored, because others use the vault's file all the time. To forget again is
// to try again.
var ErrBusy = errors.New("others are using the vault; try again")

const (
	// scrubAgain is how soon a vault that is in use is scrubbed again, and
	// scrubsAtMost how often.
	scrubAgain   = 5 * time.Millisecond
	scrubsAtMost = 400
)

func (f File) open(ctx context.Context) (*store, error) {
	path, err := filepath.Abs(string(f))
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
	return &store{file{}, db}, nil
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

// file is the engine of an SQLite file.
type file struct{}

func (file) define(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, fileSchema)
	return err
}

// queue: transactions that write come one after the other anyway.
func (file) queue(context.Context, *sql.Tx) error { return nil }

// scrub empties the write-ahead log, which still holds pages as they were
// before the last writes. SQLite lets one connection do so at a time, and sends
// the others away instead of making them wait.
func (f file) scrub(ctx context.Context, db *sql.DB) error {
	for attempt := 1; ; attempt++ {
		err := f.scrubOnce(ctx, db)
		if !errors.Is(err, ErrBusy) || attempt == scrubsAtMost {
			return err
		}
		select {
		case <-time.After(scrubAgain):
		case <-ctx.Done():
			return err
		}
	}
}

func (file) scrubOnce(ctx context.Context, db *sql.DB) error {
	var busy, frames, moved int
	if err := db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved); err != nil {
		return err
	}
	if busy != 0 {
		return ErrBusy
	}
	return nil
}

func (file) copy(ctx context.Context, v *Vault, path string) error {
	if err := makeFile(path); err != nil {
		return err
	}
	// SQLite fills an empty file, and refuses one with content.
	_, err := v.store.db.ExecContext(ctx, `VACUUM INTO $1`, path)
	return err
}

func (file) bound(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} }

func (file) fault(err error) error { return err }
