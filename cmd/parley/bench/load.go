package bench

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// client is what one of the concurrent clients does.
type client interface {
	// next is the client's next request, whole and ready to send. It holds
	// until the following call.
	next() []byte
	// check judges the answer to it. An error ends the whole measurement: a
	// rate of wrong answers is worth nothing.
	check(response) error
}

// bound ends a round: after so many requests, or else after a time.
type bound struct {
	requests int
	duration time.Duration
}

func (b bound) String() string {
	if b.requests > 0 {
		return fmt.Sprintf("%d requests", b.requests)
	}
	return b.duration.String()
}

// round is what one round measured.
type round struct {
	requests int
	elapsed  time.Duration
	// latencies are those of all requests, sorted.
	latencies []time.Duration
}

// rate is requests a second.
func (r round) rate() float64 { return float64(r.requests) / r.elapsed.Seconds() }

// mean is the time that passed for each request of a lone client.
func (r round) mean() time.Duration { return r.elapsed / time.Duration(max(r.requests, 1)) }

// percentile is the latency that so many in a hundred requests kept within.
func (r round) percentile(p float64) time.Duration { return percentile(r.latencies, p) }

// drive lets all clients ask as fast as they are answered, each on a
// connection of its own, until the round is over.
func drive(ctx context.Context, address string, clients []client, until bound) (round, error) {
	connections, err := dialAll(ctx, address, len(clients))
	defer closeAll(connections)
	if err != nil {
		return round{}, err
	}
	r, err := until.measure(ctx, len(clients), func(_ context.Context, i int, over func(time.Time) bool) ([]time.Duration, error) {
		return ask(connections[i], clients[i], over)
	})
	if ctx.Err() != nil {
		err = context.Cause(ctx) // not what its end did to a connection
	}
	return r, err
}

// measure lets a number of clients work at once until the round is over. Each
// answers with its latencies; the first error ends the others' context.
func (b bound) measure(ctx context.Context, clients int, work func(ctx context.Context, i int, over func(time.Time) bool) ([]time.Duration, error)) (round, error) {
	group, ctx := errgroup.WithContext(ctx)
	latencies := make([][]time.Duration, clients)
	began := time.Now()
	over := b.start(began)
	for i := range clients {
		group.Go(func() (err error) {
			latencies[i], err = work(ctx, i, over)
			return err
		})
	}
	err := group.Wait()
	elapsed := time.Since(began)
	all := slices.Concat(latencies...)
	slices.Sort(all)
	return round{len(all), elapsed, all}, err
}

// ask exchanges requests until the round is over.
func ask(c *conn, client client, over func(now time.Time) bool) ([]time.Duration, error) {
	var latencies []time.Duration
	for {
		began := time.Now()
		if over(began) {
			return latencies, nil
		}
		answer, err := c.exchange(client.next())
		if err != nil {
			return latencies, fmt.Errorf("request %d: %w", len(latencies)+1, err)
		}
		latencies = append(latencies, time.Since(began))
		if err := client.check(answer); err != nil {
			return latencies, fmt.Errorf("request %d: %w", len(latencies), err)
		}
	}
}

// start begins the round and returns what tells that it is over.
func (b bound) start(began time.Time) func(now time.Time) bool {
	if b.requests > 0 {
		var left atomic.Int64
		left.Store(int64(b.requests))
		return func(time.Time) bool { return left.Add(-1) < 0 }
	}
	end := began.Add(b.duration)
	return func(now time.Time) bool { return !now.Before(end) }
}

func dialAll(ctx context.Context, address string, count int) ([]*conn, error) {
	connections := make([]*conn, 0, count)
	for range count {
		c, err := dial(ctx, address)
		if err != nil {
			return connections, fmt.Errorf("connecting to %s: %w", address, err)
		}
		connections = append(connections, c)
	}
	return connections, nil
}

func closeAll(connections []*conn) {
	for _, c := range connections {
		_ = c.Close() // nothing is left to be sent
	}
}
