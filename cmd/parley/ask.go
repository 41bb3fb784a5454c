package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"parley/events/node"
	"parley/handlers"
)

// api asks Parley's HTTP API on behalf of a command of this machine: of the
// server that owns the data directory, if one runs, and else of a house that
// is opened for the occasion. So a command answers as the API does, whether
// the server runs or not.
type api struct {
	address string
	token   string
	send    func(*http.Request) (*http.Response, error)
	close   func() error
}

// openAPI opens the API for a scope. Close it.
func openAPI(ctx context.Context, c *config, scope handlers.Scope) (*api, error) {
	quiet := *c
	if quiet.logLevel == "info" {
		quiet.logLevel = "warn"
	}
	h, err := open(ctx, &quiet, quiet.logger())
	if errors.Is(err, node.ErrInUse) {
		return remoteAPI(ctx, c, scope, err)
	}
	if err != nil {
		return nil, err
	}
	return localAPI(ctx, h, scope)
}

func remoteAPI(ctx context.Context, c *config, scope handlers.Scope, inUse error) (*api, error) {
	if _, err := os.Stat(c.controlSocket()); err != nil {
		return nil, inUse
	}
	tokens, err := c.openTokensAlone(ctx)
	if err != nil {
		return nil, err
	}
	token, err := tokens.Issue(string(scope), []handlers.Scope{scope}, time.Minute)
	if err != nil {
		return nil, err
	}
	client := c.controlClient()
	return &api{
		address: controlAddress,
		token:   token.Token,
		send:    client.Do,
		close:   func() error { client.CloseIdleConnections(); return nil },
	}, nil
}

func localAPI(ctx context.Context, h *house, scope handlers.Scope) (_ *api, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if err := h.views.CatchUp(ctx); err != nil {
		return nil, err
	}
	handler, err := h.handler()
	if err != nil {
		return nil, err
	}
	token, err := h.tokens.Issue(string(scope), []handlers.Scope{scope}, time.Minute)
	if err != nil {
		return nil, err
	}
	return &api{
		address: "http://parley",
		token:   token.Token,
		send:    inProcess(handler),
		close:   h.close,
	}, nil
}

// inProcess answers requests by calling a handler.
func inProcess(handler http.Handler) func(*http.Request) (*http.Response, error) {
	return func(request *http.Request) (*http.Response, error) {
		answer := &answer{header: make(http.Header), status: http.StatusOK}
		handler.ServeHTTP(answer, request)
		return &http.Response{
			StatusCode: answer.status,
			Header:     answer.header,
			Body:       io.NopCloser(&answer.body),
			Request:    request,
		}, nil
	}
}

// answer is an http.ResponseWriter that keeps what is written.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header             { return a.header }
func (a *answer) WriteHeader(status int)          { a.status = status }
func (a *answer) Write(chunk []byte) (int, error) { return a.body.Write(chunk) }

// get asks for a path and returns the answer's body. A problem that the API
// answers is an error in its words.
func (a *api) get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	return a.ask(ctx, http.MethodGet, path+"?"+query.Encode(), nil)
}

// post sends a value as JSON, and answers as get does.
func (a *api) post(ctx context.Context, path string, value any) ([]byte, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return a.ask(ctx, http.MethodPost, path, bytes.NewReader(body))
}

func (a *api) ask(ctx context.Context, method, path string, body io.Reader) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, a.address+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := a.send(request)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", a.name(), err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the server's answer: %w", err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, problem(response.StatusCode, answer)
	}
	return answer, nil
}

// name tells people whom the API belongs to.
func (a *api) name() string {
	if a.address == controlAddress {
		return "the server that has the data directory"
	}
	return a.address
}

// problem makes an error of an RFC 9457 problem.
func problem(status int, body []byte) error {
	var p struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
		Errors []struct {
			Message  string `json:"message"`
			Location string `json:"location"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &p) != nil || p.Title == "" {
		return fmt.Errorf("the server answered with status %d", status)
	}
	text := p.Title
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	for _, e := range p.Errors {
		if strings.Contains(p.Detail, e.Message) {
			continue // it is said already
		}
		text += fmt.Sprintf("; %s: %s", strings.TrimPrefix(e.Location, "query."), e.Message)
	}
	if status < http.StatusInternalServerError {
		return misuseError{errors.New(text)}
	}
	return errors.New(text)
}

// flagQuery puts the flags that were given into a query.
func flagQuery(values map[string]string) url.Values {
	query := make(url.Values)
	for name, value := range values {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}
