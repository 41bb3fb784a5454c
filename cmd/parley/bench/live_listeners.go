package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// liveSenders send the messages; those of one conversation are sent by one
	// of them, so that their order is known.
	liveSenders = 16
	// sentAt begins what a message says of itself: when it was sent, to which
	// conversation, and how many were before it.
	sentAt = "sent at "
	// openedAtOnce is how many streams are being opened at a time.
	openedAtOnce = 64
)

// liveText is the rest of a message's text.
var liveText = strings.Repeat("as people write it ", 5)

// listeners are those who listen, and send, in their process.
type listeners struct {
	seats       []seat
	rooms       int
	address     string
	connections []*conn // one for each seat, while streams are open
}

// obey carries out one order.
func (l *listeners) obey(ctx context.Context, o order) (outcome, error) {
	switch {
	case o.Seats != nil:
		return outcome{}, l.sit(o.Seats)
	case o.Open != "":
		return outcome{}, l.open(ctx, o.Open)
	case o.Messages > 0:
		return l.hear(ctx, o.Messages, o.Rate)
	default:
		l.close()
		return outcome{}, nil
	}
}

func (l *listeners) sit(seats []seat) error {
	for _, s := range seats {
		l.rooms = max(l.rooms, s.Room+1)
	}
	l.seats = seats
	return needFiles(len(seats) + spareFiles)
}

// open opens a stream for each listener and reads where it begins.
func (l *listeners) open(ctx context.Context, address string) error {
	l.address, l.connections = address, make([]*conn, len(l.seats))
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(openedAtOnce)
	for i := range l.seats {
		group.Go(func() error {
			if each.Err() != nil {
				return each.Err()
			}
			c, err := dial(ctx, address)
			if err != nil {
				return fmt.Errorf("listener %d: %w", i, err)
			}
			l.connections[i] = c
			if _, err := c.Write(request("GET", address, l.seats[i].Path+"/stream", l.seats[i].Token, nil)); err != nil {
				return fmt.Errorf("listener %d: %w", i, err)
			}
			return c.begin()
		})
	}
	err := group.Wait()
	if err != nil {
		l.close()
	}
	return err
}

// close hangs up without a farewell of TCP, after which the port could not be
// used for a minute: there are not enough of them.
func (l *listeners) close() {
	for _, c := range l.connections {
		if c == nil {
			continue
		}
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // it is only slower without
		}
		_ = c.Close() // nothing is left to be sent
	}
	l.connections = nil
}

// begin reads until a stream's first event, which tells where it begins.
func (c *conn) begin() error {
	c.buffer = c.buffer[:256]
	var head []byte
	for !bytes.Contains(head, []byte("\nid: ")) {
		n, err := c.Read(c.buffer)
		if err != nil {
			return fmt.Errorf("a stream began with %q: %w", head, err)
		}
		head = append(head, c.buffer[:n]...)
		if len(head) > len("HTTP/1.1 200") && !bytes.HasPrefix(head, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("a stream was answered with %q", head)
		}
	}
	return nil
}

// hear sends messages to each conversation in turn and waits until all
// listeners have heard theirs. After them each conversation gets one more,
// which is not counted: it shows that nothing came twice before it.
func (l *listeners) hear(ctx context.Context, messages, rate int) (outcome, error) {
	hearings := make([]hearing, len(l.seats))
	var listening sync.WaitGroup
	began := time.Now()
	for i, c := range l.connections {
		room := l.seats[i].Room
		listening.Go(func() { hearings[i] = hear(c, room, inTurn(messages, l.rooms, room)) })
	}
	sent, err := l.send(ctx, messages+l.rooms, rate)
	deadline := time.Now() // who has not heard it all by then never will
	if err == nil {
		deadline = deadline.Add(patience)
	}
	for _, c := range l.connections {
		_ = c.SetReadDeadline(deadline) // if that fails, so does the read
	}
	listening.Wait()
	h := outcome{Posted: float64(messages+l.rooms) / sent.Seconds()}
	for _, one := range hearings {
		h.Elapsed = max(h.Elapsed, one.last.Sub(began))
		h.Latencies = append(h.Latencies, one.latencies...)
	}
	h.Heard = len(h.Latencies)
	slices.Sort(h.Latencies)
	if err == nil {
		err = l.complain(hearings, h.Heard, messages)
	}
	return h, err
}

// inTurn is how many of a number of messages, sent to each room in turn, are
// one room's.
func inTurn(messages, rooms, room int) int { return (messages - room + rooms - 1) / rooms }

// complain tells what was wrong with what came, if anything was.
func (l *listeners) complain(hearings []hearing, came, messages int) error {
	expected, wrong := 0, 0
	var first error
	for i, s := range l.seats {
		expected += inTurn(messages, l.rooms, s.Room)
		if hearings[i].failure == nil {
			continue
		}
		if wrong++; first == nil {
			first = fmt.Errorf("listener %d: %w", i, hearings[i].failure)
		}
	}
	if wrong == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d listeners did not hear what was sent, and %d deliveries came in order of %d expected; %w", wrong, len(l.seats), came, expected, first)
}

// hearing is what one listener heard in a round.
type hearing struct {
	// latencies are how long each message took to come, and last is when the
	// last of them did.
	latencies []time.Duration
	last      time.Time
	failure   error
}

// hear reads so many messages of a conversation, and the one that ends a round.
// It fails with the first that is not the next one.
func hear(stream io.Reader, room, count int) hearing {
	h := hearing{latencies: make([]time.Duration, 0, count)}
	reader := bufio.NewReaderSize(stream, 4<<10)
	for h.failure == nil {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			h.failure = fmt.Errorf("after %d of %d messages: %w", len(h.latencies), count, err)
			break
		}
		s, found, err := stampOf(line)
		switch {
		case err != nil:
			h.failure = err
		case !found:
		case s.room != room || s.number != len(h.latencies):
			h.failure = fmt.Errorf("message %d of conversation %d came where message %d of conversation %d was expected", s.number, s.room, len(h.latencies), room)
		case s.number == count:
			return h
		default:
			h.last = time.Now()
			h.latencies = append(h.latencies, h.last.Sub(time.Unix(0, s.sent)))
		}
	}
	return h
}

// stamp is what a message says of itself.
type stamp struct {
	sent   int64 // in nanoseconds since 1970
	room   int
	number int // from 0
}

func (s stamp) text() string {
	return fmt.Sprintf("%s%d %d %d %s", sentAt, s.sent, s.room, s.number, liveText)
}

// stampOf finds the stamp of the message in a line, if one is in it.
func stampOf(line []byte) (s stamp, found bool, err error) {
	_, text, found := bytes.Cut(line, []byte(sentAt))
	if !found {
		return s, false, nil
	}
	parts := bytes.SplitN(text, []byte(" "), 4)
	if len(parts) != 4 {
		return s, true, fmt.Errorf("%q is no message that was sent", line)
	}
	var failures [3]error
	s.sent, failures[0] = strconv.ParseInt(string(parts[0]), 10, 64)
	s.room, failures[1] = strconv.Atoi(string(parts[1]))
	s.number, failures[2] = strconv.Atoi(string(parts[2]))
	return s, true, errors.Join(failures[:]...)
}

// send sends messages at a rate, to each conversation in turn, and tells how
// long it took.
func (l *listeners) send(ctx context.Context, messages, rate int) (time.Duration, error) {
	connections, err := dialAll(ctx, l.address, liveSenders)
	defer closeAll(connections)
	if err != nil {
		return 0, err
	}
	tokens := make([]seat, l.rooms) // the first who sits in a room sends to it
	for _, s := range slices.Backward(l.seats) {
		tokens[s.Room] = s
	}
	group, each := errgroup.WithContext(ctx)
	began := time.Now()
	for i, c := range connections {
		group.Go(func() error {
			for n := range messages {
				if n%l.rooms%liveSenders != i {
					continue
				}
				due := time.NewTimer(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(rate))))
				select {
				case <-due.C:
				case <-each.Done():
					return each.Err()
				}
				if err := c.post(l.address, tokens[n%l.rooms], n/l.rooms); err != nil {
					return fmt.Errorf("sending message %d: %w", n, err)
				}
			}
			return nil
		})
	}
	err = group.Wait()
	return time.Since(began), err
}

// post sends one message to a conversation.
func (c *conn) post(address string, s seat, number int) error {
	body := fmt.Appendf(nil, `{"text":%q}`, stamp{time.Now().UnixNano(), s.Room, number}.text())
	answer, err := c.exchange(request("POST", address, s.Path+"/messages", s.Token, body))
	if err == nil && answer.status != http.StatusCreated {
		err = fmt.Errorf("status %d: %s", answer.status, answer.body)
	}
	return err
}
