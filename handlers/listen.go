package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/events"
	"parley/events/decide"
	"parley/handlers/webhooks"
)

// listenersMost bounds how many listeners a server has.
const listenersMost = 64

// listeners are those who hear what apps are told.
type listeners struct {
	places chan struct{}
	// leaving is closed when the server stops.
	leaving chan struct{}
	leave   func()
}

func newListeners() *listeners {
	l := &listeners{places: make(chan struct{}, listenersMost), leaving: make(chan struct{})}
	l.leave = sync.OnceFunc(func() { close(l.leaving) })
	return l
}

func (s *Server) listenRoutes() {
	serve[listenInput, streamOutput](s, members(), huma.Operation{
		OperationID: "listenToDeliveries", Method: http.MethodGet, Path: "/v1/apps/{id}/deliveries/stream",
		Summary:       "What an app is told, live",
		Description:   "For the app and its owner: server-sent events named delivery, from now on, each with the signatures and the body that a webhook would be sent, of all fields, with or without a webhook. A mirror for development: what happens while nobody listens is not kept, and nothing here counts as delivered. It ends with an event end when the token does, or the server.",
		Tags:          []string{"apps"},
		DefaultStatus: http.StatusOK,
		Errors:        []int{http.StatusNotFound},
		Responses: map[string]*huma.Response{"200": {
			Description: "Events, until either side ends the stream",
			Content:     map[string]*huma.MediaType{eventStream[0]: {Schema: &huma.Schema{Type: huma.TypeString}}},
		}},
	}, func(w http.ResponseWriter, r *http.Request) {
		if err := s.listen(w, r); err != nil {
			s.refuse(w, r, err)
		}
	})
}

type listenInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// listen answers with a stream, or returns why it cannot begin.
func (s *Server) listen(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id")
	if err != nil {
		return err
	}
	app, err := s.Commands.App(r.Context(), id)
	if caller := callerOf(r.Context()); err == nil && caller.App != id {
		if caller.App != uuid.Nil {
			return decide.NoSuchApp("")
		}
		err = app.Admit(caller.User)
	}
	if err != nil {
		return err
	}
	tip, err := events.Tip(r.Context(), s.Journal.Log)
	if err != nil {
		return err
	}
	select {
	case s.listeners.places <- struct{}{}:
	default:
		return newProblem(http.StatusServiceUnavailable, "too many listen on this server; come back later")
	}
	defer func() { <-s.listeners.places }()
	w.Header()["Content-Type"] = eventStream
	w.Header()["X-Accel-Buffering"] = notBuffered
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		s.tellListener(w, r, id, tip)
	}
	return nil
}

// tellListener writes to a listener until either side ends it.
func (s *Server) tellListener(w http.ResponseWriter, r *http.Request, app uuid.UUID, after events.Position) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	type news struct {
		webhooks.Heard
		err error
	}
	heard := make(chan news)
	go func() {
		defer close(heard)
		for one, err := range s.Webhooks.Listen(ctx, app, after) {
			select {
			case heard <- news{one, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	out := listenerOutlet{w, http.NewResponseController(w), s.Limits.Write}
	beat := time.NewTicker(s.Limits.Heartbeat)
	defer beat.Stop()
	err := out.write(": listening\n\n")
	for err == nil {
		select {
		case <-ctx.Done():
			return
		case <-s.listeners.leaving:
			_ = out.end("shutdown") // who does not take it has left
			return
		case <-beat.C:
			if s.tokenEnded(r) {
				_ = out.end("token")
				return
			}
			err = out.write(": listening\n\n")
		case one, open := <-heard:
			if !open || one.err != nil {
				_ = out.end("unavailable")
				return
			}
			err = out.tell(one.Heard)
		}
	}
}

// tokenEnded tells whether the request's token is not accepted any more.
func (s *Server) tokenEnded(r *http.Request) bool {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	_, err := s.verify(r.Context(), strings.TrimSpace(token))
	return err != nil
}

// listenerOutlet writes server-sent events.
type listenerOutlet struct {
	w          http.ResponseWriter
	connection *http.ResponseController
	patience   time.Duration
}

func (o listenerOutlet) write(text string) error {
	if err := o.connection.SetWriteDeadline(time.Now().Add(o.patience)); err != nil {
		return err
	}
	if _, err := o.w.Write([]byte(text)); err != nil {
		return err
	}
	return o.connection.Flush()
}

func (o listenerOutlet) tell(one webhooks.Heard) error {
	data, err := json.Marshal(one)
	if err != nil {
		return err
	}
	return o.write(fmt.Sprintf("event: delivery\nid: %d\ndata: %s\n\n", one.Position, data))
}

func (o listenerOutlet) end(reason string) error {
	return o.write("event: end\ndata: {\"reason\":\"" + reason + "\"}\n\n")
}
