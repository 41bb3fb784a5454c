package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// stranger is somebody outside who knows Parley's address and HTTP.
type stranger struct {
	t       *testing.T
	address string
	id      string
	token   string
}

// reply is an answer with the fields that these tests read of any shape.
type reply struct {
	status     int
	position   string
	retryAfter string
	raw        string

	ID            string                      `json:"id"`
	User          struct{ ID, Handle string } `json:"user"`
	Token         string                      `json:"token"`
	Title         string                      `json:"title"`
	Number        uint64                      `json:"number"`
	Text          string                      `json:"text"`
	MessageCount  uint64                      `json:"messageCount"`
	Unread        uint64                      `json:"unread"`
	Users         uint64                      `json:"users"`
	Messages      []talkLine                  `json:"messages"`
	Conversations []listed                    `json:"conversations"`
	Events        []recorded                  `json:"events"`
	Next          *string                     `json:"next"`
}

type talkLine struct {
	Number uint64 `json:"number"`
	Author string `json:"author"`
	Text   string `json:"text"`
}

type listed struct {
	ID           string    `json:"id"`
	MessageCount uint64    `json:"messageCount"`
	Unread       uint64    `json:"unread"`
	LastMessage  *talkLine `json:"lastMessage"`
}

type recorded struct {
	Position uint64 `json:"position"`
	Revision uint64 `json:"revision"`
	ID       string `json:"id"`
}

// exchange asks and answers what came; an error is the network's.
func (s *stranger) exchange(method, path string, body any, headers ...string) (reply, error) {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return reply{}, err
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.address+path, content)
	if err != nil {
		return reply{}, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	answered, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{
		status:     response.StatusCode,
		position:   response.Header.Get("Parley-Position"),
		retryAfter: response.Header.Get("Retry-After"),
		raw:        string(answered),
	}
	if strings.Contains(response.Header.Get("Content-Type"), "json") {
		err = json.Unmarshal(answered, &r)
	}
	return r, err
}

// ask wants a status.
func (s *stranger) ask(status int, method, path string, body any, headers ...string) reply {
	s.t.Helper()
	r, err := s.exchange(method, path, body, headers...)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	if r.status != status {
		s.t.Fatalf("%s %s: status %d, want %d: %s", method, path, r.status, status, r.raw)
	}
	return r
}

// register makes a user of somebody new.
func register(t *testing.T, address, handle string) *stranger {
	t.Helper()
	s := &stranger{t: t, address: address}
	r := s.ask(http.StatusCreated, "POST", "/v1/users", map[string]string{"handle": handle, "displayName": strings.ToUpper(handle)})
	s.id, s.token = r.User.ID, r.Token
	if s.id == "" || s.token == "" || r.User.Handle != handle {
		t.Fatalf("registering answered %s", r.raw)
	}
	return s
}

// begin starts a group with others and returns its id.
func (s *stranger) begin(title string, others ...*stranger) string {
	s.t.Helper()
	ids := make([]string, len(others))
	for i, other := range others {
		ids[i] = other.id
	}
	return s.ask(http.StatusCreated, "POST", "/v1/conversations",
		map[string]any{"kind": "group", "title": title, "participants": ids}).ID
}

func (s *stranger) say(room, text string, headers ...string) reply {
	s.t.Helper()
	return s.ask(http.StatusCreated, "POST", "/v1/conversations/"+room+"/messages", map[string]string{"text": text}, headers...)
}

// transcript is all messages of a conversation from the first on, read page
// by page.
func (s *stranger) transcript(room string, headers ...string) []talkLine {
	s.t.Helper()
	var lines []talkLine
	for path := fmt.Sprintf("/v1/conversations/%s/messages?after=-1&limit=200", room); ; {
		page := s.ask(http.StatusOK, "GET", path, nil, headers...)
		lines = append(lines, page.Messages...)
		if page.Next == nil {
			return lines
		}
		path = *page.Next
	}
}

// holder is somebody with a token of the command line.
func holder(t *testing.T, address, data string, args ...string) *stranger {
	t.Helper()
	printed := finish(t, append([]string{"token", "--data", data}, args...)...)
	if strings.Count(printed, "\n") != 1 || strings.Count(printed, ".") != 2 {
		t.Fatalf("parley token printed %q, want a token alone on one line", printed)
	}
	return &stranger{t: t, address: address, token: strings.TrimSpace(printed)}
}
