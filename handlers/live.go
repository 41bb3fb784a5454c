package handlers

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"parley/events"
	"parley/projections"
	"parley/projections/live"
)

const (
	// retryLeast and retryMost bound how many milliseconds a reader is asked to
	// wait before it comes back. Readers that lost their streams together do
	// not come back together.
	retryLeast, retryMost = 1000, 3000
	// farewell is how long streams have to end when the server stops.
	farewell = time.Second
)

const streamDescription = `Server-sent events of the caller's conversations, and of those of the merchants for whom the caller acts, each named for what has changed, with JSON as the read side has it:

- message, edit, retract, reaction: the whole message;
- receipt: {conversationId, userId, readUpTo, deliveredUpTo};
- participant: {conversationId, userId, change, role, joinedAt}, where change is joined, left or role; who joined is told the conversation, too;
- conversation: {conversationId, title, pinned};
- order: an order in short, when its conversation is told of an update: {id, number, merchantId, customerId, conversationId, status, cancelCause, return, currency, exponent, total, paid, refunded, carrier, trackingNumber, estimatedDelivery, location, updatedAt};
- preference: {conversationId, userId, muted, mutedUntil, archived}, told to the user's own streams only;
- typing: {conversationId, userId, until} and presence: {userId, online, lastSeen}, without an id, for they are kept nowhere: with several servers, each tells of those who are connected to it;
- case: {caseId, conversationId, merchantId, customerId}, when a case was opened, assigned, resolved or taken up again, without an id: read it anew;
- control: {conversationId}, to the merchant's agents, when somebody else answers its customer or an app asks to, without an id: read it anew;
- startOver: {reason, detail, upTo}: the Last-Event-ID is of no use, so read what you show anew;
- end: {reason, detail, resume}: the last event of a stream. Without it, the connection was lost.

The id is the position in the log. Come back with it as Last-Event-ID and you get all that you missed, nothing twice. Data is as it stands when it is sent, so the same message in two events is the same message.

A stream without Last-Event-ID begins with what happens next, and its first id is where it begins. Whatever is read after it has begun shows all that happened before. Comments keep it alive. The token is taken from the Authorization header only, since addresses end up in logs: in a browser, read the stream with fetch, as EventSource cannot send the header.`

func (s *Server) liveRoutes() {
	s.streamRoute(huma.Operation{
		OperationID: "streamConversation",
		Path:        "/v1/conversations/{id}/stream",
		Summary:     "What happens in a conversation, live",
		Errors:      []int{http.StatusNotFound},
	}, func(r *http.Request) (uuid.UUID, error) { return pathID(r, "id") })
	s.streamRoute(huma.Operation{
		OperationID: "streamInbox",
		Path:        "/v1/stream",
		Summary:     "What happens in all conversations of the caller and of the merchants for whom they act, live",
	}, func(*http.Request) (uuid.UUID, error) { return uuid.Nil, nil })
}

// The inputs document what stream reads.
type (
	// LastEventHeader is where a reader of a stream goes on.
	LastEventHeader struct {
		Last uint64 `header:"Last-Event-ID" doc:"The id of the last event received, to go on after it; or the upTo of an answer of /v1/sync."`
	}
	streamInput struct {
		WaitHeader
		LastEventHeader
	}
	conversationStreamInput struct {
		WaitHeader
		LastEventHeader
		ID uuid.UUID `path:"id" format:"uuid"`
	}
	streamOutput struct{}
)

func (s *Server) streamRoute(op huma.Operation, conversation func(*http.Request) (uuid.UUID, error)) {
	op.Method, op.Description, op.Tags = http.MethodGet, streamDescription, []string{"live"}
	op.DefaultStatus = http.StatusOK
	op.Responses = map[string]*huma.Response{"200": {
		Description: "Events, until either side ends the stream",
		Content:     map[string]*huma.MediaType{eventStream[0]: {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	handle := func(w http.ResponseWriter, r *http.Request) {
		id, err := conversation(r)
		if err == nil {
			err = s.stream(w, r, id)
		}
		if err != nil {
			s.refuse(w, r, err)
		}
	}
	if op.OperationID == "streamConversation" {
		serve[conversationStreamInput, streamOutput](s, users(), op, handle)
	} else {
		serve[streamInput, streamOutput](s, users(), op, handle)
	}
}

const lastEventID = "Last-Event-ID"

var (
	eventStream = []string{"text/event-stream"}
	notBuffered = []string{"no"}
)

// stream answers with a stream, or returns why it cannot begin.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, conversation uuid.UUID) error {
	last, err := lastPositionSeen(r)
	if err != nil {
		return err
	}
	position, err := headerPosition(r)
	if err != nil {
		return err
	}
	if err := s.reaches(r.Context(), projections.ConversationsName, position); err != nil {
		return err
	}
	caller := callerOf(r.Context())
	p := &pump{
		server: s, request: requestOf(r.Context()).id, began: s.Now(),
		expires: time.Now().Add(caller.Expires.Sub(s.Now())),
	}
	opening, cancel := context.WithTimeout(r.Context(), s.Limits.Wait)
	defer cancel()
	stream, err := s.Feed.Open(opening, live.Reader{
		User: caller.User, Token: caller.Token, Issued: caller.Issued, Conversation: conversation, Wake: func() { p.out.wake() },
	}, last)
	if err != nil {
		return hide(err)
	}
	p.stream = stream
	// A revocation or a block ends the streams that there are, and from here on
	// this is one.
	err = s.holds(opening, caller)
	if err == nil && conversation != uuid.Nil {
		err = s.Commands.MayListen(opening, conversation, caller.User)
	}
	if err != nil {
		stream.Close()
		return err
	}
	w.Header()["Content-Type"] = eventStream
	w.Header()["X-Accel-Buffering"] = notBuffered // by nginx
	if r.Method == http.MethodHead {
		stream.Close()
		w.WriteHeader(http.StatusOK)
		return nil
	}
	p.serve(w, r)
	return nil
}

// lastPositionSeen reads Last-Event-ID, or is nil without one.
func lastPositionSeen(r *http.Request) (*events.Position, error) {
	text := r.Header.Get(lastEventID)
	if text == "" {
		return nil, nil
	}
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id > maxNumber {
		return nil, refusedField("header."+lastEventID, "must be the id of an event of a stream")
	}
	position := events.Position(id)
	return &position, nil
}

// retry is a time to wait, another one for each stream.
func (s *Server) retry() int {
	id := s.NewID()
	return retryLeast + int(binary.BigEndian.Uint16(id[14:]))%(retryMost-retryLeast)
}

// Drain ends all streams and opens no more. It returns when they have ended,
// or their time is up.
func (s *Server) Drain() {
	s.listeners.leave()
	timer := time.NewTimer(farewell)
	defer timer.Stop()
	select {
	case <-s.Feed.Hub().Close(live.Shutdown):
	case <-timer.C:
		s.Logger.Warn("streams did not end in time", "after", farewell)
	}
}

// streamMeters are the metrics of streams.
type streamMeters struct {
	open  prometheus.Gauge
	ended *prometheus.CounterVec
}

func newStreamMeters(registry prometheus.Registerer) (streamMeters, error) {
	m := streamMeters{
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "parley_streams_open", Help: "Live streams that are open.",
		}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "parley_streams_ended_total", Help: "Live streams that have ended, by reason.",
		}, []string{"reason"}),
	}
	if err := registry.Register(m.open); err != nil {
		return m, err
	}
	return m, registry.Register(m.ended)
}

func (s *Server) accountStream(p *pump, reason string) {
	s.streams.open.Dec()
	s.streams.ended.WithLabelValues(reason).Inc()
	s.Logger.LogAttrs(context.Background(), slog.LevelDebug, "stream ended",
		slog.String("request", p.request), slog.String("reason", reason), slog.Duration("took", s.Now().Sub(p.began)))
}
