package wire

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/node"
)

const (
	// writeTimeout bounds an append of a batch, whatever its client allows.
	writeTimeout = 2 * time.Second
	// batchAhead is how many appends of a call may wait for their commit.
	batchAhead = 256
	// maxUnfinished is how many appends of a call may wait for their last part.
	maxUnfinished = 1024
)

// BatchAppend takes many appends over one call, each in one or more parts, and
// answers each. They are decided in the order in which they are complete.
func (s *streamsService) BatchAppend(call streams.Streams_BatchAppendServer) error {
	ctx, cancel := context.WithCancel(call.Context())
	defer cancel()
	b := &batchCall{
		node:       s.node,
		call:       call,
		ctx:        ctx,
		unfinished: map[uuid.UUID]*batchAppend{},
		complete:   make(chan *batchAppend, batchAhead),
	}
	received := make(chan error, 1)
	go func() {
		received <- b.receiveAll()
		b.stopTimers()
		close(b.complete)
	}()
	if err := b.answerAll(); err != nil {
		return err
	}
	return <-received
}

// batchCall is one BatchAppend call.
type batchCall struct {
	node *node.Node
	call streams.Streams_BatchAppendServer
	ctx  context.Context

	mu sync.Mutex
	// unfinished are the appends whose last part has not come.
	unfinished map[uuid.UUID]*batchAppend
	// complete are those to be answered, in order; closed after the last.
	complete chan *batchAppend
}

// batchAppend is one append of a batch.
type batchAppend struct {
	correlation *shared.UUID
	id          *shared.StreamIdentifier
	stream      string
	expected    events.Expected
	deadline    time.Time
	proposal    proposal
	// expiry refuses it if its last part does not come in time.
	expiry *time.Timer
	// pending is its commit, unless err refuses it before.
	pending node.Pending
	err     error
}

// receiveAll takes the call's messages until the client has sent all.
func (b *batchCall) receiveAll() error {
	for {
		request, err := b.call.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := b.receive(request); err != nil {
			return err
		}
	}
}

// receive adds a part to its append and submits it when it is complete. Parts
// of an append that is unknown, or was answered already, are ignored.
func (b *batchCall) receive(request *streams.BatchAppendReq) error {
	key, err := parseID(request.GetCorrelationId())
	if err != nil {
		return err
	}
	a := b.take(key)
	if a == nil {
		if request.GetOptions() == nil {
			return nil
		}
		a = b.begin(request)
	}
	for _, message := range request.GetProposedMessages() {
		if a.err == nil {
			a.err = a.proposal.add(message)
		}
	}
	switch {
	case a.err != nil:
	case request.GetIsFinal():
		b.submit(a)
	case b.await(key, a):
		return nil
	default:
		a.err = errTooManyUnfinished
	}
	return b.finish(a)
}

// begin reads the options that come with the first part.
func (b *batchCall) begin(request *streams.BatchAppendReq) *batchAppend {
	options := request.GetOptions()
	a := &batchAppend{correlation: request.GetCorrelationId(), id: options.GetStreamIdentifier()}
	a.deadline = batchDeadline(options, time.Now())
	a.stream, a.err = writableName(a.id)
	if a.err == nil {
		a.err = allow(b.ctx, b.node, a.stream, node.MayWrite)
	}
	if a.err == nil {
		a.expected, a.err = batchExpected(options)
	}
	return a
}

// await keeps an append for its next part, which then belongs to whoever takes
// or expires it. It answers false if too many are kept.
func (b *batchCall) await(key uuid.UUID, a *batchAppend) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.unfinished) >= maxUnfinished {
		return false
	}
	b.unfinished[key] = a
	a.expiry = time.AfterFunc(time.Until(a.deadline), func() { b.expire(key, a) })
	return true
}

// take gives out an unfinished append, which then cannot expire any more.
func (b *batchCall) take(key uuid.UUID) *batchAppend {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.unfinished[key]
	if a != nil {
		delete(b.unfinished, key)
		a.expiry.Stop()
	}
	return a
}

// expire answers an append whose last part did not come. It holds the lock
// while it does, so that the call cannot end in between.
func (b *batchCall) expire(key uuid.UUID, a *batchAppend) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.unfinished[key] != a {
		return
	}
	delete(b.unfinished, key)
	a.err = context.DeadlineExceeded
	select {
	case b.complete <- a:
	case <-b.ctx.Done():
	}
}

// stopTimers forgets the appends that can never be completed.
func (b *batchCall) stopTimers() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.unfinished {
		a.expiry.Stop()
	}
	clear(b.unfinished)
}

func (b *batchCall) submit(a *batchAppend) {
	ctx, cancel := context.WithDeadline(b.ctx, a.deadline)
	defer cancel()
	a.pending, a.err = b.node.Submit(ctx, a.stream, a.expected, a.proposal.events)
}

func (b *batchCall) finish(a *batchAppend) error {
	select {
	case b.complete <- a:
		return nil
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
}

// answerAll waits for each commit in turn, which is the order they come in.
func (b *batchCall) answerAll() error {
	for a := range b.complete {
		response, err := b.answer(a)
		if err != nil {
			return err
		}
		response.CorrelationId, response.StreamIdentifier = a.correlation, a.id
		if err := b.call.Send(response); err != nil {
			return err
		}
	}
	return nil
}

func (b *batchCall) answer(a *batchAppend) (*streams.BatchAppendResp, error) {
	if a.err != nil {
		return batchRefusal(a.err)
	}
	ctx, cancel := context.WithDeadline(b.ctx, a.deadline)
	defer cancel()
	outcome, err := a.pending.Wait(ctx)
	if err != nil {
		return batchRefusal(err)
	}
	return batchOutcome(a, outcome)
}
