package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// seat is one listener: whose token opens the stream of which conversation.
type seat struct {
	Room  int    `json:"room"`
	Path  string `json:"path"`
	Token string `json:"token"`
}

// order is what the crowd's process is told to do: to take seats, to open a
// stream for each, to send messages and hear them, to hang up. It answers each
// with what it heard.
type order struct {
	Seats []seat `json:"seats,omitempty"`
	// Open is the address of the server to listen to.
	Open string `json:"open,omitempty"`
	// Messages are to be sent, Rate of them a second.
	Messages int  `json:"messages,omitempty"`
	Rate     int  `json:"rate,omitempty"`
	Close    bool `json:"close,omitempty"`
}

// outcome is what came of an order.
type outcome struct {
	// Heard is how many deliveries came, each the next one of its conversation.
	Heard int `json:"heard"`
	// Posted is how many messages a second were sent.
	Posted  float64       `json:"posted"`
	Elapsed time.Duration `json:"elapsed"`
	// Latencies are those of all deliveries, sorted.
	Latencies []time.Duration `json:"latencies"`
	// Failure is why the order could not be carried out, or what was wrong
	// with what came.
	Failure string `json:"failure,omitempty"`
}

func (h outcome) round() round { return round{h.Heard, h.Elapsed, h.Latencies} }

// crowd is the process of the listeners and senders, as the one that measures
// knows it.
type crowd struct {
	process *exec.Cmd
	orders  *json.Encoder
	in      io.Closer
	answers *json.Decoder
}

// gather starts the process, which ends with the context at the latest.
func gather(ctx context.Context, p Program, o Options, seats []seat) (*crowd, error) {
	process, err := p.Crowd(ctx)
	if err != nil {
		return nil, fmt.Errorf("starting the listeners: %w", err)
	}
	process.Stderr = o.Err
	in, err := process.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("starting the listeners: %w", err)
	}
	c := &crowd{process, json.NewEncoder(in), in, json.NewDecoder(out)}
	if _, err := c.tell(ctx, order{Seats: seats}); err != nil {
		return nil, errors.Join(err, c.leave())
	}
	return c, nil
}

// leave ends the process.
func (c *crowd) leave() error {
	if err := c.in.Close(); err != nil {
		return err
	}
	if err := c.process.Wait(); err != nil {
		return fmt.Errorf("the listeners' process: %w", err)
	}
	return nil
}

func (c *crowd) open(ctx context.Context, address string) error {
	_, err := c.tell(ctx, order{Open: address})
	return err
}

func (c *crowd) hear(ctx context.Context, messages, rate int) (outcome, error) {
	return c.tell(ctx, order{Messages: messages, Rate: rate})
}

func (c *crowd) close(ctx context.Context) error {
	_, err := c.tell(ctx, order{Close: true})
	return err
}

// tell has one order carried out.
func (c *crowd) tell(ctx context.Context, o order) (h outcome, err error) {
	if err = c.orders.Encode(o); err == nil {
		err = c.answers.Decode(&h)
	}
	switch {
	case ctx.Err() != nil:
		return h, context.Cause(ctx) // which has ended the process
	case err != nil:
		return h, fmt.Errorf("the listeners' process: %w", err)
	case h.Failure != "":
		return h, errors.New(h.Failure)
	}
	return h, nil
}

// Crowd is the process of the listeners and senders: it carries out the orders
// that it reads, answers each, and returns when there are no more.
func Crowd(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	orders := make(chan order)
	ended := make(chan error, 1)
	go func() {
		defer cancel() // whoever gave the orders is gone
		ended <- read(ctx, json.NewDecoder(in), orders)
	}()
	l := new(listeners)
	defer func() { closeAll(l.connections) }()
	answers := json.NewEncoder(out)
	for {
		select {
		case o := <-orders:
			answer, err := l.obey(ctx, o)
			if err != nil {
				answer.Failure = err.Error()
			}
			if err := answers.Encode(answer); err != nil {
				return err
			}
		case err := <-ended:
			return err
		}
	}
}

// read passes on the orders, to the end of what there is to be read.
func read(ctx context.Context, in *json.Decoder, orders chan<- order) error {
	for {
		var o order
		if err := in.Decode(&o); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		select {
		case orders <- o:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
