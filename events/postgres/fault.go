package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrUnavailable: the database cannot be reached, or cannot serve now. What
// fails with it may have been stored.
var ErrUnavailable = errors.New("the PostgreSQL database is not available")

// passingStates are the classes and codes of PostgreSQL's SQLSTATE that say
// nothing against the statement: connections, rollbacks of transactions that
// met, resources, an operator's intervention, the system, a standby that does
// not write yet.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
var passingStates = []string{"08", "40", "53", "57P", "58", "25006", "55P03", "57014"}

// Unavailable wraps the faults of PostgreSQL, or of the way to it, that may
// pass.
func Unavailable(err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) || !Passes(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// Passes tells whether an error is a fault that may pass.
func Passes(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		for _, state := range passingStates {
			if strings.HasPrefix(refused.Code, state) {
				return true
			}
		}
		return false
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &connecting), errors.As(err, &network), pgconn.SafeToRetry(err), pgconn.Timeout(err):
		return true
	}
	for _, broken := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, os.ErrDeadlineExceeded, driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone} {
		if errors.Is(err, broken) {
			return true
		}
	}
	return false
}
