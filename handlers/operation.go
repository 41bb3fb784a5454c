package handlers

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"parley/projections"
)

// operationRoutes are for those who keep the server running, and for those who
// read about it. They need no token and tell nothing about users.
func (s *Server) operationRoutes(r chi.Router) {
	s.operational(r, "/healthz", "Whether the process answers", s.answers(health{}), func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, health{"ok"})
	})
	readiness := s.answers(readiness{})
	readiness["503"] = &huma.Response{Description: "The log cannot be used, or a view still shows the past", Content: readiness["200"].Content}
	s.operational(r, "/readyz", "Whether the server can be sent requests", readiness, s.ready)
	metrics := promhttp.HandlerFor(s.Metrics, promhttp.HandlerOpts{})
	s.operational(r, "/metrics", "The server's metrics, as Prometheus reads them", sends(huma.TypeString, "text/plain"), metrics.ServeHTTP)
	s.operational(r, "/openapi.json", "This description", sends(huma.TypeObject, "application/openapi+json"), s.describes("application/openapi+json", s.openAPI))
	s.operational(r.With(pages), "/docs", "This description as a page", sends(huma.TypeString, "text/html"), s.describes("text/html; charset=utf-8", s.docs))
}

// operational mounts a GET outside the API's prefix and documents it.
func (s *Server) operational(r chi.Router, path, summary string, responses map[string]*huma.Response, handler http.HandlerFunc) {
	r.Get(path, handler)
	s.config.AddOperation(&huma.Operation{
		OperationID: "get-" + strings.TrimSuffix(path[1:], ".json"),
		Method:      http.MethodGet,
		Path:        path,
		Summary:     summary,
		Tags:        []string{"operation"},
		Responses:   responses,
	})
}

// health is what a process that answers says of itself.
type health struct {
	Status string `json:"status" enum:"ok"`
}

// readiness is whether the server can be sent requests.
type readiness struct {
	Ready bool `json:"ready"`
	// Log is "ok", or what is wrong with it.
	Log         string               `json:"log"`
	Projections []projections.Status `json:"projections"`
}

// ready answers 503 while the log cannot be used, or a view still shows the
// past. A stopped projection does not make the server unready: the others
// serve, and no other server would do better.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	state := readiness{Ready: true, Log: "ok", Projections: []projections.Status{}}
	views, err := s.Views.Status(r.Context())
	if err == nil && s.Health != nil {
		err = s.Health()
	}
	if err != nil {
		requestOf(r.Context()).fault = err
		state.Ready, state.Log = false, "unavailable"
	}
	for _, view := range views {
		if view.State == projections.CatchingUp {
			state.Ready = false
		}
		if view.Failure != nil {
			// The cause can quote the event; it is in the server's log.
			failure := *view.Failure
			failure.Cause = "see the server's log"
			view.Failure = &failure
		}
		state.Projections = append(state.Projections, view)
	}
	status := http.StatusOK
	if !state.Ready {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	answer(w, status, state)
}

//go:embed docs.html
var docsPage string

var docsTemplate = template.Must(template.New("docs").Parse(docsPage))

// endpoint is one row of the rendered documentation.
type endpoint struct {
	*huma.Operation
	Token string
}

// describes answers with what tells of the routes. It is made when it is first
// asked for, since making it takes longer than all else a server does to start.
func (s *Server) describes(mediaType string, render func() ([]byte, error)) http.HandlerFunc {
	rendered := sync.OnceValues(render)
	return func(w http.ResponseWriter, r *http.Request) {
		description, err := rendered()
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write(description) // who does not take the answer has left
	}
}

// openAPI renders the OpenAPI description.
func (s *Server) openAPI() ([]byte, error) {
	description, err := json.Marshal(s.config.OpenAPI)
	if err != nil {
		return nil, fmt.Errorf("the OpenAPI description: %w", err)
	}
	return description, nil
}

// docs renders it as a page.
func (s *Server) docs() ([]byte, error) {
	var endpoints []endpoint
	for _, item := range s.config.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				endpoints = append(endpoints, endpoint{op, tokenOf(op)})
			}
		}
	}
	slices.SortFunc(endpoints, func(a, b endpoint) int {
		return strings.Compare(a.Path+a.Method, b.Path+b.Method)
	})
	var page bytes.Buffer
	err := docsTemplate.Execute(&page, map[string]any{"Info": s.config.Info, "Endpoints": endpoints})
	return page.Bytes(), err
}

func tokenOf(op *huma.Operation) string {
	if len(op.Security) == 0 {
		return "no token needed"
	}
	return "token needed"
}
