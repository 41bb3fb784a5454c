package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
)

// prefix is where the router of the API is mounted.
const prefix = "/v1"

const apiDescription = `Conversations between people, kept as immutable events.

Every write answers with the header Parley-Position; a read that carries it
waits until it shows that write. Every POST takes an Idempotency-Key: a repeat
writes nothing and answers as the first did. Errors are problems as RFC 9457
has them; their errors name the field at fault.`

// unwrap gives the request and the writer behind huma's context.
func unwrap(ctx huma.Context) (*http.Request, http.ResponseWriter) { return humachi.Unwrap(ctx) }

// adapter mounts huma's operations on the router of the API. Where serve is
// set it mounts that in their place, and huma only documents them.
type adapter struct {
	router chi.Router
	serve  http.HandlerFunc
}

// Handle implements huma.Adapter.
func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	serve := a.serve
	if serve == nil {
		serve = func(w http.ResponseWriter, r *http.Request) { handler(humachi.NewContext(op, r, w)) }
	}
	a.router.Method(op.Method, strings.TrimPrefix(op.Path, prefix), serve)
}

// ServeHTTP implements huma.Adapter.
func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.router.ServeHTTP(w, r) }

func apiConfig(version string) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Parley", Version: version, Description: apiDescription},
			Components: &huma.Components{
				Schemas: newSchemas(),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {
					Type: "http", Scheme: "bearer", BearerFormat: "JWT",
					Description: "A token of parley token or POST /v1/tokens. Its scope may hold analyst, auditor and operator.",
				}},
			},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{clarify},
	}
}

// register mounts an operation that huma serves.
func register[I, O any](s *Server, who access, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	describe(&op, who)
	op.Middlewares = append(op.Middlewares, s.gate(who))
	if op.MaxBodyBytes > 0 {
		op.Middlewares = append(op.Middlewares, s.bounded(op.MaxBodyBytes))
		op.MaxBodyBytes++       // huma's bound is the first size it refuses
		op.BodyReadTimeout = -1 // the body was read before
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, s.fail(ctx, err)
		}
		return out, nil
	})
}

// serve mounts an operation that is served by a handler of its own, for speed
// or to stream, and documents it by the input and output it would have.
func serve[I, O any](s *Server, who access, op huma.Operation, handler http.HandlerFunc) {
	describe(&op, who)
	mounted := huma.NewAPI(s.config, adapter{router: s.routes, serve: s.guard(who, handler)})
	huma.Register(mounted, op, func(context.Context, *I) (*O, error) { return nil, nil })
}

// describe completes an operation's documentation.
func describe(op *huma.Operation, who access) {
	op.Errors = append(op.Errors, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	if op.Method == http.MethodPost { // which takes an Idempotency-Key
		op.Errors = append(op.Errors, http.StatusBadRequest)
	}
	if op.MaxBodyBytes > 0 {
		op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	// A token that is not accepted is refused on public routes too.
	op.Errors = append(op.Errors, http.StatusUnauthorized)
	if !who.public {
		op.Security = []map[string][]string{{"token": {}}}
		op.Errors = append(op.Errors, http.StatusForbidden)
	}
	if who.linked {
		op.Security = append(op.Security, map[string][]string{})
	}
	if who.scope != "" {
		op.Description = strings.TrimSpace(fmt.Sprintf("Scope: %s. %s", who.scope, op.Description))
	}
	slices.Sort(op.Errors)
	op.Errors = slices.Compact(op.Errors)
}

// documentStatus adds an answer that an operation gives besides its usual one;
// a nil body has none.
func (s *Server) documentStatus(path, method string, status int, description string, body any) {
	response := &huma.Response{Description: description}
	if body != nil {
		response.Content = map[string]*huma.MediaType{"application/json": {Schema: s.schema(body)}}
	}
	item := s.config.Paths[path]
	for _, op := range []*huma.Operation{item.Get, item.Post} {
		if op != nil && op.Method == method {
			op.Responses[strconv.Itoa(status)] = response
		}
	}
}

// answers documents a body that a handler sends itself.
func (s *Server) answers(body any) map[string]*huma.Response {
	return map[string]*huma.Response{"200": {
		Description: http.StatusText(http.StatusOK),
		Content:     map[string]*huma.MediaType{"application/json": {Schema: s.schema(body)}},
	}}
}

// sends documents a body that is not one of the API's values, by its type in
// JSON Schema's terms and the media types it is sent as.
func sends(kind string, mediaTypes ...string) map[string]*huma.Response {
	content := map[string]*huma.MediaType{}
	for _, mediaType := range mediaTypes {
		content[mediaType] = &huma.MediaType{Schema: &huma.Schema{Type: kind}}
	}
	return map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK), Content: content}}
}

// schema is the schema of a value's type.
func (s *Server) schema(value any) *huma.Schema {
	t := reflect.TypeOf(value)
	return s.config.Components.Schemas.Schema(t, true, t.Name())
}

// answer sends a value as JSON.
func answer(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil { // read models are made of strings, numbers and times
		panic(err)
	}
	send(w, status, body)
}

// send sends JSON that is ready. A client that does not take it has left,
// which is no fault of anybody's.
func send(w http.ResponseWriter, status int, body []byte) {
	w.Header()["Content-Type"] = jsonType
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

var jsonType = []string{"application/json"}
