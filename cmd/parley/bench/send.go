package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"time"
)

// Send measures durable sends over HTTP against a bare handler that appends a
// record of the stored size to a file, group-committed and synced as well. In
// the end it checks that every message that was acknowledged is in the log
// once and in the view. The same sends are measured with the projections at
// rest, too, which then have to catch up.
func Send(ctx context.Context, p Program, o Options) (_ *Report, err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	s, err := newSending(ctx, p, o, &open)
	if err != nil {
		return nil, err
	}
	c := Comparison{
		Name:    "durable sends",
		Unit:    "sends",
		Parley:  Side{Name: "parley"},
		Control: Side{Name: fmt.Sprintf("bare handler, %d B record", s.recordSize)},
	}
	beside := Comparison{
		Name: "sends beside the projections", Unit: "sends",
		Parley: Side{Name: "projections on"}, Control: Side{Name: "projections off"},
	}
	if err := s.measure(ctx, &c, &beside); err != nil {
		return nil, err
	}
	if err := s.verify(ctx); err != nil {
		return nil, fmt.Errorf("what was acknowledged is not what is there: %w", err)
	}
	c.finish()
	beside.finish()
	return &Report{
		Benchmark: "send",
		Setting: fmt.Sprintf("%d clients, %d conversations, %d rounds of %s, %s",
			o.Clients, o.Rooms, o.Rounds, o.bound(), machine()),
		Comparisons: []Comparison{c, beside},
		Notes:       s.notes(),
	}, nil
}

// sending is the measurement of sends.
type sending struct {
	options    Options
	house      *House
	town       *town
	parley     *server
	control    *server
	senders    []client // to Parley
	strangers  []client // to the control
	recordSize int
	// lag is the longest that the views took to show everything after the
	// last send of a round.
	lag     time.Duration
	checked int
}

// newSending builds both sides and lets them answer for a while. The size of
// the control's records, and its answer, are taken from Parley's.
func newSending(ctx context.Context, p Program, o Options, open *closers) (*sending, error) {
	s, err := openSending(ctx, p, o, "parley", open)
	if err != nil {
		return nil, err
	}
	if err := s.openControl(ctx, p, open); err != nil {
		return nil, err
	}
	s.strangers = s.newSenders(s.control.address)
	if err := s.warm(ctx, s.control, s.strangers); err != nil {
		return nil, fmt.Errorf("warming the control: %w", err)
	}
	return s, nil
}

// openSending builds Parley's side in a directory of this name, which may hold
// a log.
func openSending(ctx context.Context, p Program, o Options, name string, open *closers) (*sending, error) {
	house, err := o.openHouse(ctx, p, name)
	if err != nil {
		return nil, err
	}
	open.add(house.Close)
	s := &sending{options: o, house: house}
	if s.town, err = settle(ctx, house, o.Clients, circles(o.Clients, o.Rooms)); err != nil {
		return nil, err
	}
	if s.parley, err = listen(ctx, p, parleySide, house.Handler); err != nil {
		return nil, err
	}
	open.add(s.parley.stop)
	s.senders = s.newSenders(s.parley.address)
	if err := s.warm(ctx, s.parley, s.senders); err != nil {
		return nil, fmt.Errorf("warming Parley: %w", err)
	}
	return s, nil
}

func (s *sending) openControl(ctx context.Context, p Program, open *closers) error {
	size, err := s.storedSize(ctx)
	if err != nil {
		return err
	}
	s.recordSize = size
	ctx, stop := context.WithCancel(ctx)
	log, closed, err := newAppender(ctx, filepath.Join(s.options.Dir, "control.log"), s.options.Clients)
	if err != nil {
		stop()
		return err
	}
	open.add(func() error {
		stop()
		return <-closed
	})
	answer := s.senders[0].(*sender).answer
	s.control, err = listen(ctx, p, controlSide, appendHandler(log, size, answer))
	if err != nil {
		return err
	}
	open.add(s.control.stop)
	return nil
}

// warm is one round that does not count.
func (s *sending) warm(ctx context.Context, to *server, clients []client) error {
	_, err := drive(ctx, to.address, clients, s.options.bound())
	if err == nil {
		err = s.house.Views.CatchUp(ctx)
	}
	return err
}

// measure lets the sides take turns: Parley, the control, and Parley while its
// projections rest. The views catch up between the turns, so that Parley leaves
// no work behind for another's time.
func (s *sending) measure(ctx context.Context, c, beside *Comparison) error {
	shown := s.options.begin("sending", s.options.Rounds)
	defer shown.end()
	for range s.options.Rounds {
		r, err := s.send(ctx)
		if err != nil {
			return err
		}
		c.Parley.add(r)
		beside.Parley.add(r)
		ended := time.Now()
		if err := s.house.Views.CatchUp(ctx); err != nil {
			return err
		}
		s.lag = max(s.lag, time.Since(ended))
		if r, err = drive(ctx, s.control.address, s.strangers, s.options.bound()); err != nil {
			return fmt.Errorf("sending to the control: %w", err)
		}
		c.Control.add(r)
		s.house.Rest()
		r, err = s.send(ctx)
		s.house.Project()
		if err != nil {
			return err
		}
		beside.Control.add(r)
		if err := s.house.Views.CatchUp(ctx); err != nil {
			return err
		}
		shown.add(1)
	}
	return nil
}

func (s *sending) send(ctx context.Context) (round, error) {
	r, err := drive(ctx, s.parley.address, s.senders, s.options.bound())
	if err != nil {
		err = fmt.Errorf("sending to Parley: %w", err)
	}
	return r, err
}

func (s *sending) notes() []string {
	return []string{
		fmt.Sprintf("every one of the %d messages acknowledged is in the log once, with its number, and in the view", s.checked),
		fmt.Sprintf("at the end of a round the views had to catch up for %.1f ms at most", millis(s.lag)),
		fmt.Sprintf("the control reads the same bodies, appends records of %d bytes (the mean of a stored message's data, metadata, type, stream and id) and answers the same bytes", s.recordSize),
	}
}

// sender is a client that posts messages in its person's conversations by
// turns. Each text begins with the sender and a number that never occurs
// twice, which is written into requests that were prepared before.
type sender struct {
	number   int
	prepared []preparedSend
	sent     int
	// acknowledged has the room and the number that each message was given,
	// by the number in its text.
	acknowledged []placeOf
	answer       *sample // the first one
}

type preparedSend struct {
	bytes []byte
	// digits is where in bytes the message's number goes.
	digits int
	room   int
}

// placeOf is where a message stands.
type placeOf struct {
	room   int
	number uint64
}

const (
	// texts is how many different texts a sender has.
	texts            = 32
	minText, maxText = 100, 300
	// markDigits is how many digits a message's own number has in its text.
	markDigits = 9
)

// mark is what a text begins with.
func mark(sender, message int) string { return fmt.Sprintf("%05d:%0*d ", sender, markDigits, message) }

// parseMark reads what a text begins with.
func parseMark(text string) (sender, message int, err error) {
	if len(text) < len(mark(0, 0)) {
		return 0, 0, fmt.Errorf("the text %q was not sent", text)
	}
	_, err = fmt.Sscanf(text[:len(mark(0, 0))], "%05d:%09d ", &sender, &message)
	return sender, message, err
}

func (s *sending) newSenders(address string) []client {
	senders := make([]client, len(s.town.people))
	for i := range senders {
		senders[i] = newSender(i, s.town, address)
	}
	return senders
}

func newSender(number int, t *town, address string) *sender {
	random := rand.New(rand.NewPCG(uint64(number), 0))
	person := t.people[number]
	s := &sender{number: number}
	for i := range texts {
		room := person.rooms[i%len(person.rooms)]
		text := mark(number, 0) + chatter(random, minText+random.IntN(maxText-minText))
		path := "/v1/conversations/" + t.rooms[room].String() + "/messages"
		bytes := request("POST", address, path, person.token, postBody(text))
		s.prepared = append(s.prepared, preparedSend{bytes, digitsIn(bytes, number), room})
	}
	return s
}

func postBody(text string) []byte {
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		panic(err) // text is text
	}
	return body
}

// digitsIn finds where a prepared request has its message's number.
func digitsIn(request []byte, sender int) int {
	m := mark(sender, 0)
	return bytes.Index(request, []byte(m)) + len(m) - 1 - markDigits
}

func (s *sender) next() []byte {
	p := &s.prepared[s.sent%len(s.prepared)]
	for i, left := markDigits-1, s.sent; i >= 0; i-- {
		p.bytes[p.digits+i] = byte('0' + left%10)
		left /= 10
	}
	s.sent++
	return p.bytes
}

func (s *sender) check(r response) error {
	if r.status != 201 {
		return fmt.Errorf("status %d: %s", r.status, r.body)
	}
	number, err := numberIn(r.body)
	if err != nil {
		return err
	}
	if s.answer == nil {
		s.answer = sampleOf(r)
	}
	room := s.prepared[(s.sent-1)%len(s.prepared)].room
	s.acknowledged = append(s.acknowledged, placeOf{room, number})
	return nil
}

var numberField = []byte(`"number":`)

// numberIn finds the number in a message's JSON, without the cost of reading
// all of it. No text can pretend to be the field: its quotes are escaped.
func numberIn(body []byte) (uint64, error) {
	_, rest, found := bytes.Cut(body, numberField)
	end := bytes.IndexAny(rest, ",}")
	if !found || end < 0 {
		return 0, fmt.Errorf("the answer has no number: %s", body)
	}
	return strconv.ParseUint(string(rest[:end]), 10, 64)
}
