package views

import (
	"errors"

	"github.com/ncruces/go-sqlite3"

	"parley/events/postgres"
)

// ErrUnavailable: the database cannot be reached, or cannot serve now. An
// update that fails with it may have been stored.
var ErrUnavailable = postgres.ErrUnavailable

// passing are SQLite's faults of a moment: of the disk, of locks, of memory.
var passing = []error{
	sqlite3.BUSY, sqlite3.LOCKED, sqlite3.NOMEM, sqlite3.READONLY, sqlite3.INTERRUPT,
	sqlite3.IOERR, sqlite3.FULL, sqlite3.CANTOPEN, sqlite3.PROTOCOL,
}

// Passing tells whether an update failed by a fault that may pass, rather than
// by what was to be stored.
func Passing(err error) bool {
	if errors.Is(err, ErrUnavailable) {
		return true
	}
	for _, fault := range passing {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}
