package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// shared is the cluster of this process's tests. It starts with the first
// test that asks for it and ends with Main.
var shared struct {
	sync.Mutex
	cluster *Cluster
	err     error
}

// names numbers what is made in clusters, so that nothing meets.
var names atomic.Int64

// Main runs a package's tests and ends the cluster that they have started. A
// package that uses URL has it in TestMain.
func Main(m *testing.M) (code int) {
	code = m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil {
		return code
	}
	if err := shared.cluster.end(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// URL is a connection string of a cluster that all tests of the process
// share. Its search_path names a schema that is nobody else's and does not
// exist yet. Without PostgreSQL the test is skipped, or fails if
// PARLEY_TEST_REQUIRE is "all".
func URL(t testing.TB) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil && shared.err == nil {
		shared.cluster, shared.err = newCluster()
	}
	require(t, shared.err)
	return shared.cluster.URL(fmt.Sprintf("t%d", names.Add(1)))
}

// Require skips the test without PostgreSQL, or fails if PARLEY_TEST_REQUIRE is
// "all".
func Require(t testing.TB) {
	t.Helper()
	_, err := programs()
	require(t, err)
}

// Start starts a cluster of the test's own, which ends with the test.
func Start(t testing.TB) *Cluster {
	t.Helper()
	c, err := newCluster()
	require(t, err)
	t.Cleanup(func() {
		if err := c.end(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func require(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, errMissing) && os.Getenv("PARLEY_TEST_REQUIRE") != "all":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}

// URL is a connection string by TCP, with the search_path given.
func (c *Cluster) URL(searchPath string) string { return c.URLAt(c.Address(), searchPath) }

// URLAt is URL with another address, such as a proxy's.
func (c *Cluster) URLAt(address, searchPath string) string {
	query := url.Values{"sslmode": {"disable"}, "search_path": {searchPath}}
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Host: address, Path: "/postgres", RawQuery: query.Encode()}
	return u.String()
}

// Address is the host:port at which the cluster listens.
func (c *Cluster) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)) }

// Crash ends the cluster as a crash would. It can be started again.
func (c *Cluster) Crash(t testing.TB) {
	t.Helper()
	if err := c.stop(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	// end expects a server that runs.
	t.Cleanup(func() {
		if _, err := c.pid(); errors.Is(err, os.ErrNotExist) {
			c.Restart(t)
		}
	})
}

// Restart starts the cluster again after a Crash, at the same address.
func (c *Cluster) Restart(t testing.TB) {
	t.Helper()
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
}

// Execute runs statements in the cluster's database.
func (c *Cluster) Execute(t testing.TB, statements string) {
	t.Helper()
	if err := c.execute(t.Context(), "postgres", statements); err != nil {
		t.Fatal(err)
	}
}

func (c *Cluster) execute(ctx context.Context, database, statements string) error {
	connection, err := pgx.Connect(ctx, fmt.Sprintf("host=%s port=%d user=%s dbname=%s", c.home, c.port, superuser, database))
	if err != nil {
		return err
	}
	_, err = connection.Exec(ctx, statements)
	return errors.Join(err, connection.Close(context.WithoutCancel(ctx)))
}
