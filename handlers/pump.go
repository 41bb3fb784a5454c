package handlers

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"parley/projections"
	"parley/projections/live"
)

// hungUp is the reason of a stream that its reader has ended.
const hungUp = "hung-up"

// pump brings the frames of one stream to its reader. It belongs to the
// goroutine that runs it.
type pump struct {
	server  *Server
	stream  *projections.Stream
	out     outlet
	request string // its id
	began   time.Time
	expires time.Time // of the token, by the network's clock
	beat    time.Time // when the next heartbeat is due
}

// outlet is a connection to a reader.
type outlet interface {
	// send sends frames. It fails if they are not taken in time.
	send(frames []*live.Frame) error
	// rest returns when there is something to take, when the time has come, or
	// when the reader has hung up: left is true then.
	rest(s *live.Subscription, until time.Time) (left bool)
	// wake ends a rest, without waiting.
	wake()
	// close ends the answer; if it is not whole, the reader can tell.
	close(whole bool)
}

// serve takes over the connection, if it can: a reader who waits for hours then
// costs neither the request nor its buffers. Otherwise it returns when the
// stream has ended.
func (p *pump) serve(w http.ResponseWriter, r *http.Request) {
	p.server.streams.open.Inc()
	if out, taken := takeOver(w, r, p.server.Limits.Write); taken {
		p.out = out
		go p.run(context.WithoutCancel(r.Context()))
		return
	}
	p.out = hold(w, r, p.server.Limits.Write)
	p.run(r.Context())
}

// run serves the stream to its end. The context is that of the request, which
// is let go once the reader has what it missed.
func (p *pump) run(ctx context.Context) {
	end := p.catchUp(ctx)
	if end == nil {
		end = p.keepUp()
	}
	whole := end.Reason != hungUp && p.bid(end) == nil
	p.out.close(whole)
	p.stream.Close()
	p.server.accountStream(p, end.Reason)
}

// gone is the end that no reader is told of.
var gone = &live.End{Reason: hungUp}

// catchUp sends what the reader missed, or returns why the stream ends.
func (p *pump) catchUp(ctx context.Context) *live.End {
	if p.send(live.Opening(p.server.retry(), p.stream.Begin)) != nil {
		return gone
	}
	for frame, err := range p.stream.Missed(ctx) {
		if err != nil {
			p.server.Logger.WarnContext(ctx, "a reader could not be told what it missed", slog.String("request", p.request), slog.Any("cause", err))
			return live.Unavailable
		}
		if p.send(frame) != nil {
			return gone
		}
	}
	p.stream.Forget()
	return nil
}

// keepUp sends what happens, until the stream ends.
func (p *pump) keepUp() *live.End {
	var frames []*live.Frame
	for {
		var end *live.End
		frames, end = p.stream.Take(frames[:0])
		switch {
		case len(frames) > 0:
			if p.send(frames...) != nil {
				return gone
			}
			clear(frames)
		case time.Now().After(p.expires):
			return live.Expired
		case !time.Now().Before(p.beat):
			if p.send(live.Heartbeat) != nil {
				return gone
			}
		}
		if end != nil {
			return end
		}
		if cap(frames) > keptFrames {
			frames = nil
		}
		if p.out.rest(p.stream.Subscription, earlier(p.beat, p.expires)) {
			return gone
		}
	}
}

// keptFrames is how many places for frames a resting stream keeps.
const keptFrames = 16

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (p *pump) send(frames ...*live.Frame) error {
	err := p.out.send(frames)
	p.beat = time.Now().Add(p.server.Limits.Heartbeat)
	return err
}

// bid tells the reader why the stream ends.
func (p *pump) bid(end *live.End) error {
	data, err := json.Marshal(end)
	if err != nil {
		return err
	}
	return p.send(live.NewFrame(0, "end", data))
}
