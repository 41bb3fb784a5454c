package bench

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"
)

// Options of a benchmark.
type Options struct {
	// Clients is how many ask at a time.
	Clients int
	// Rooms is how many conversations they talk in.
	Rooms int
	// Events is how many events a log has that is read or grown.
	Events int
	// Listeners is how many listen live, Fanout how many of them to the same
	// conversation, and Rate how many messages are sent to all of them in a
	// second.
	Listeners, Fanout, Rate int
	// Rounds is how many times subject and control take turns.
	Rounds int
	// Requests ends a round if it is not 0, and Duration else.
	Requests int
	Duration time.Duration
	// Dir is where the data goes. It must be empty, and on the disk that is
	// to be measured.
	Dir string
	// Postgres is the connection string of the database in which views are
	// measured, if it is not SQLite.
	Postgres string
	// Err takes what is told on the way; Terminal says that people watch it.
	Err      io.Writer
	Terminal bool
}

// ErrOptions: there is nothing to measure with these options.
var ErrOptions = errors.New("these options cannot be measured")

const (
	maxClients = 10_000
	// maxListeners is of one address, which has about 28,000 ports to connect
	// from.
	maxListeners = 25_000
	maxFanout    = 1000
	maxRate      = 100_000
	maxRooms     = 100_000
	maxEvents    = 100_000_000
	maxRounds    = 1000
)

// Check tells what is wrong with the options. Its error is an ErrOptions.
func (o Options) Check() error {
	for _, limit := range []struct {
		flag       string
		value, max int
	}{
		{"clients", o.Clients, maxClients},
		{"rooms", o.Rooms, maxRooms},
		{"events", o.Events, maxEvents},
		{"listeners", o.Listeners, maxListeners},
		{"fanout", o.Fanout, maxFanout},
		{"rate", o.Rate, maxRate},
		{"rounds", o.Rounds, maxRounds},
	} {
		if limit.value < 1 || limit.value > limit.max {
			return fmt.Errorf("%w: --%s must be between 1 and %d", ErrOptions, limit.flag, limit.max)
		}
	}
	if o.Requests < 0 || o.Requests == 0 && o.Duration <= 0 {
		return fmt.Errorf("%w: --requests or --duration must be positive", ErrOptions)
	}
	return nil
}

func (o Options) bound() bound { return bound{requests: o.Requests, duration: o.Duration} }

// machine is what every number depends on.
func machine() string {
	return fmt.Sprintf("%d processors, %s %s/%s", runtime.GOMAXPROCS(0), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
