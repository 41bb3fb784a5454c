// Package pgtest starts PostgreSQL for tests: a cluster of their own in a
// temporary folder, with the programs that Debian's postgresql package brings.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// errMissing: PostgreSQL's server is not installed.
var errMissing = errors.New("PostgreSQL's initdb and postgres are neither on the PATH nor in /usr/lib/postgresql/*/bin")

// patience is how long a cluster may take to start or stop.
const patience = time.Minute

// superuser is the role that owns every cluster. It needs no password.
const superuser = "parley"

// Cluster is a running PostgreSQL.
type Cluster struct {
	bin  string
	home string // the temporary folder; the socket is in it
	port int
	as   *syscall.Credential // nil: whoever runs the tests

	exited chan error // yields once after each start
}

// newCluster makes a cluster and starts it.
func newCluster() (_ *Cluster, err error) {
	c := new(Cluster)
	if c.bin, err = programs(); err != nil {
		return nil, err
	}
	if c.as, err = unprivileged(); err != nil {
		return nil, err
	}
	// A socket's path is short, so the folder is not below a test's own.
	if c.home, err = os.MkdirTemp("", "parley-pg-*"); err != nil {
		return nil, err
	}
	if err = c.make(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.home))
	}
	return c, nil
}

func (c *Cluster) make() error {
	if c.as != nil {
		if err := os.Chown(c.home, int(c.as.Uid), int(c.as.Gid)); err != nil {
			return err
		}
	}
	initdb := c.command("initdb", "--pgdata", c.data(), "--username", superuser, "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	var err error
	if c.port, err = freePort(); err != nil {
		return err
	}
	return c.start()
}

// programs finds the newest version's programs.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.Join(errMissing, err)
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

// version is the number in /usr/lib/postgresql/VERSION/bin/initdb.
func version(path string) int {
	number, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return number
}

// unprivileged is a user to run PostgreSQL as, which refuses to run as root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

func (c *Cluster) data() string { return filepath.Join(c.home, "data") }

func (c *Cluster) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, program), args...)
	cmd.Dir = c.home
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	// The kernel stops a server whose tests were killed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as, Setpgid: true, Pdeathsig: syscall.SIGQUIT}
	return cmd
}

// start starts the server and waits until it answers. What it writes is not
// synced: nothing of it outlives the machine.
func (c *Cluster) start() error {
	c.exited = make(chan error, 1)
	started := make(chan error, 1)
	go func() {
		// The signal of a parent's death is that of the thread which started
		// the child, so the thread is kept.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		server := c.command("postgres", "-D", c.data(), "-k", c.home, "-p", strconv.Itoa(c.port), "-F",
			"-c", "listen_addresses=127.0.0.1", "-c", "max_connections=400", "-c", "shared_buffers=64MB",
			"-c", "full_page_writes=off", "-c", "wal_level=minimal", "-c", "max_wal_senders=0", "-c", "max_wal_size=256MB",
			"-c", "logging_collector=off", "-c", "unix_socket_permissions=0777")
		log, err := os.OpenFile(filepath.Join(c.home, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			started <- err
			return
		}
		defer log.Close()
		server.Stdout, server.Stderr = log, log
		if err := server.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		c.exited <- server.Wait()
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting PostgreSQL: %w", err)
	}
	return c.await()
}

// await returns when the server takes connections.
func (c *Cluster) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		if err := c.execute(ctx, "postgres", "SELECT 1"); err == nil {
			return nil
		} else if ctx.Err() != nil {
			return fmt.Errorf("PostgreSQL does not answer: %w\n%s", err, c.log())
		}
		select {
		case err := <-c.exited:
			return fmt.Errorf("PostgreSQL ended: %w\n%s", err, c.log())
		case <-poll.C:
		case <-ctx.Done():
		}
	}
}

func (c *Cluster) log() []byte {
	text, err := os.ReadFile(filepath.Join(c.home, "log"))
	if err != nil {
		return []byte(err.Error())
	}
	return text
}

// stop ends the server by a signal: SIGINT ends sessions and writes all down,
// SIGQUIT is a crash.
func (c *Cluster) stop(signal syscall.Signal) error {
	pid, err := c.pid()
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, signal); err != nil {
		return fmt.Errorf("stopping PostgreSQL: %w", err)
	}
	select {
	case <-c.exited:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("PostgreSQL does not stop\n%s", c.log())
	}
}

// pid is the server's, from the first line of its pid file.
func (c *Cluster) pid() (int, error) {
	text, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	var pid int
	_, err = fmt.Sscan(string(text), &pid)
	return pid, err
}

func (c *Cluster) end() error {
	return errors.Join(c.stop(syscall.SIGQUIT), os.RemoveAll(c.home))
}
