package esdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
	"time"

	client "github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"parley/events"
)

const (
	// everything is the count that asks for no limit.
	everything = math.MaxInt64
	// readAhead is how many events wait between the connection and the reader.
	readAhead = 128
	// hiddenSlack is how many events more than the limit a page of $all asks
	// for, in the place of system events among them.
	hiddenSlack = 16
)

// Read implements events.Log.
func (l *Log) Read(ctx context.Context, stream string, from uint64, direction events.Direction, limit int) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		options := client.ReadStreamOptions{Direction: readDirection(direction), From: client.Revision(from)}
		switch {
		case from <= math.MaxInt64:
		case direction == events.Forwards:
			return
		default:
			options.From = client.End{}
		}
		open := func(ctx context.Context, c *client.Client) (*client.ReadStream, error) {
			return c.ReadStream(ctx, stream, options, count(limit))
		}
		for event, err := range l.receive(ctx, open) {
			if streamMissing(err) {
				return
			}
			if !yield(event, err) {
				return
			}
		}
	}
}

// ReadAll implements events.Log.
func (l *Log) ReadAll(ctx context.Context, from events.Position, direction events.Direction, limit int) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		left := limit
		for from != lastOf(direction) {
			page := everything
			if limit > 0 {
				page = left + hiddenSlack
			}
			seen := 0
			for event, err := range l.readAllPage(ctx, from, direction, page) {
				if err != nil {
					yield(events.Recorded{}, err)
					return
				}
				seen++
				before := from
				from = event.Position
				if isSystem(event) || event.Position == before {
					continue
				}
				if !yield(event, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
			if seen < page {
				return
			}
		}
	}
}

func (l *Log) readAllPage(ctx context.Context, from events.Position, direction events.Direction, page int) iter.Seq2[events.Recorded, error] {
	options := client.ReadAllOptions{Direction: readDirection(direction), From: allPosition(from)}
	return l.receive(ctx, func(ctx context.Context, c *client.Client) (*client.ReadStream, error) {
		return c.ReadAll(ctx, options, uint64(page))
	})
}

// lastOf is the position beyond which a direction has nothing.
func lastOf(direction events.Direction) events.Position {
	if direction == events.Backwards {
		return events.Beginning
	}
	return events.End
}

// receive yields what a read of the client brings. The wait for each event is
// bounded by the log's deadline; the consumer's own time is not counted.
func (l *Log) receive(ctx context.Context, open operation[*client.ReadStream]) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		reading, cancel := context.WithCancel(ctx)
		defer cancel()
		current, arrived, err := l.startReceiving(ctx, reading, open)
		if err != nil {
			yield(events.Recorded{}, l.fault(ctx, err))
			return
		}
		patience := time.NewTimer(l.deadline)
		defer patience.Stop()
		for {
			event, err := next(ctx, l, arrived, patience)
			if err == io.EOF {
				return
			}
			if err != nil {
				if errors.Is(err, errUnanswered) {
					current.shut(err)
				}
				yield(events.Recorded{}, l.fault(ctx, err))
				return
			}
			if !yield(event, nil) {
				return
			}
		}
	}
}

// next takes what has arrived, or waits for it while patience lasts.
func next(ctx context.Context, l *Log, arrived <-chan outcome[events.Recorded], patience *time.Timer) (events.Recorded, error) {
	select {
	case item := <-arrived:
		return item.value, item.err
	default:
	}
	patience.Reset(l.deadline)
	select {
	case item := <-arrived:
		return item.value, item.err
	case <-patience.C:
		return events.Recorded{}, fmt.Errorf("no event within %s: %w", l.deadline, errUnanswered)
	case <-ctx.Done():
		return events.Recorded{}, ctx.Err()
	case <-l.supervisor.ctx.Done():
		return events.Recorded{}, errClosed
	}
}

// startReceiving runs a read beside its consumer, because the client can ignore
// its context. The last outcome is an error, io.EOF after the last event.
func (l *Log) startReceiving(ctx, reading context.Context, open operation[*client.ReadStream]) (*session, <-chan outcome[events.Recorded], error) {
	entering, cancel := context.WithTimeout(ctx, l.deadline)
	defer cancel()
	current, err := l.supervisor.enter(entering)
	if err != nil {
		return nil, nil, err
	}
	arrived := make(chan outcome[events.Recorded], readAhead)
	go func() {
		defer current.leave()
		stream, err := use(l.outgoing(reading), current, open)
		for err == nil {
			var event *client.ResolvedEvent
			if event, err = stream.Recv(); err != nil {
				break
			}
			select {
			case arrived <- outcome[events.Recorded]{value: recorded(event)}:
			case <-reading.Done():
				err = reading.Err()
			}
		}
		if stream != nil {
			stream.Close()
		}
		if ruinous(err) {
			current.retire(err)
		}
		select {
		case arrived <- outcome[events.Recorded]{err: err}:
		case <-reading.Done():
		}
	}()
	return current, arrived, nil
}

func recorded(resolved *client.ResolvedEvent) events.Recorded {
	event := resolved.OriginalEvent()
	return events.Recorded{
		Position: events.Position(event.Position.Commit),
		Stream:   event.StreamID,
		Revision: event.EventNumber,
		ID:       event.EventID,
		Type:     event.EventType,
		Created:  event.CreatedDate,
		Data:     event.Data,
		Metadata: event.UserMetadata,
		Binary:   event.ContentType != "application/json",
	}
}

func isSystem(event events.Recorded) bool {
	return strings.HasPrefix(event.Type, "$") || strings.HasPrefix(event.Stream, "$")
}

func readDirection(direction events.Direction) client.Direction {
	if direction == events.Backwards {
		return client.Backwards
	}
	return client.Forwards
}

func allPosition(position events.Position) client.AllPosition {
	switch position {
	case events.Beginning:
		return client.Start{}
	case events.End:
		return client.End{}
	}
	return client.Position{Commit: uint64(position), Prepare: uint64(position)}
}

func count(limit int) uint64 {
	if limit <= 0 {
		return everything
	}
	return uint64(limit)
}
