package postgres

import (
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// unacknowledged bounds how long sent bytes may stay unacknowledged.
const unacknowledged = 20 * time.Second

// boundUnacknowledged makes a connection fail whose other end is gone, which
// keep-alive does not while bytes are under way.
func boundUnacknowledged(network, _ string, c syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return nil
	}
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unacknowledged.Milliseconds()))
	})
	return errors.Join(err, failed)
}
