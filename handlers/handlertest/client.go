package handlertest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"parley/handlers"
	"parley/projections"
)

// Client asks a house with one token, or with none.
type Client struct {
	house *House
	Token string
	// User is who the client acts for; zero if that is no user.
	User projections.User
}

// Answer is what a client was answered.
type Answer struct {
	house   *House
	request string
	Status  int
	Header  http.Header
	Body    []byte
}

// Nobody is a client without a token.
func (h *House) Nobody() *Client { return &Client{house: h} }

// With is a client with the token given.
func (h *House) With(token string) *Client { return &Client{house: h, Token: token} }

// Scoped is a client whose token has the scopes and whose subject is no user.
func (h *House) Scoped(scopes ...handlers.Scope) *Client {
	h.Helper()
	token, err := h.Tokens.Issue("somebody", scopes, handlers.DefaultTTL)
	h.must(err)
	return h.With(token.Token)
}

// Person registers a user and is their client.
func (h *House) Person(handle string) *Client {
	h.Helper()
	var registered struct {
		User  projections.User `json:"user"`
		Token string           `json:"token"`
	}
	h.Scoped(handlers.Operator).
		Post("/v1/users", map[string]string{"handle": handle, "displayName": "The " + handle}).
		Want(http.StatusCreated).Into(&registered)
	return &Client{house: h, Token: registered.Token, User: registered.User}
}

// Start starts a conversation of the client with others.
func (c *Client) Start(kind string, others ...*Client) uuid.UUID {
	c.house.Helper()
	ids := make([]uuid.UUID, len(others))
	for i, other := range others {
		ids[i] = other.User.ID
	}
	var started projections.Conversation
	answer := c.Post("/v1/conversations", map[string]any{"kind": kind, "participants": ids})
	answer.Into(&started)
	return started.ID
}

// Say posts a text and returns the answer, which must be 201.
func (c *Client) Say(conversation uuid.UUID, text string) *Answer {
	c.house.Helper()
	return c.Post("/v1/conversations/"+conversation.String()+"/messages", map[string]string{"text": text}).Want(http.StatusCreated)
}

// Get asks for a path. Headers are pairs of name and value.
func (c *Client) Get(path string, headers ...string) *Answer {
	c.house.Helper()
	return c.Do(http.MethodGet, path, nil, headers...)
}

// Post posts a body: a string as it is, anything else as JSON.
func (c *Client) Post(path string, body any, headers ...string) *Answer {
	c.house.Helper()
	return c.Do(http.MethodPost, path, body, headers...)
}

// Do makes any request.
func (c *Client) Do(method, path string, body any, headers ...string) *Answer {
	c.house.Helper()
	request, err := http.NewRequest(method, c.house.URL+path, bodyOf(c.house, body))
	c.house.must(err)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	c.house.must(err)
	defer response.Body.Close()
	var content []byte
	if response.Header.Get("Content-Type") != "text/event-stream" { // which has no end
		content, err = io.ReadAll(response.Body)
		c.house.must(err)
	}
	return &Answer{c.house, method + " " + path, response.StatusCode, response.Header, content}
}

func bodyOf(h *House, body any) io.Reader {
	switch body := body.(type) {
	case nil:
		return nil
	case string:
		return strings.NewReader(body)
	}
	encoded, err := json.Marshal(body)
	h.must(err)
	return strings.NewReader(string(encoded))
}

// Want fails the test unless the status is as given.
func (a *Answer) Want(status int) *Answer {
	a.house.Helper()
	if a.Status != status {
		a.house.Fatalf("%s: status %d, want %d; body: %.500s", a.request, a.Status, status, a.Body)
	}
	return a
}

// Into decodes the body.
func (a *Answer) Into(value any) *Answer {
	a.house.Helper()
	if err := json.Unmarshal(a.Body, value); err != nil {
		a.house.Fatalf("%s: %v; body: %.500s", a.request, err, a.Body)
	}
	return a
}

// Position is the Parley-Position of a write.
func (a *Answer) Position() string {
	a.house.Helper()
	position := a.Header.Get("Parley-Position")
	if position == "" || position == "0" {
		a.house.Fatalf("%s: no Parley-Position; status %d", a.request, a.Status)
	}
	return position
}

// Refused fails the test unless the answer is a problem with the status that
// names the field: in its detail, or as the location of an error.
func (a *Answer) Refused(status int, field string) *Answer {
	a.house.Helper()
	a.Want(status)
	if media := a.Header.Get("Content-Type"); media != "application/problem+json" {
		a.house.Fatalf("%s: a problem of type %q; body: %.500s", a.request, media, a.Body)
	}
	var problem huma.ErrorModel
	a.Into(&problem)
	if problem.Status != status || problem.Title == "" {
		a.house.Errorf("%s: problem %+v, want status %d and a title", a.request, problem, status)
	}
	if !strings.Contains(string(a.Body), field) {
		a.house.Errorf("%s: the problem does not name %q: %s", a.request, field, a.Body)
	}
	return a
}
