package handlers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/events"
	"parley/events/decide"
)

// discard is a ResponseWriter that keeps the status only.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

func (c *chat) ask(b *testing.B, method, body string, want int) {
	request := httptest.NewRequest(method, c.path, strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+c.ada.Token)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	answer := &discard{header: make(http.Header)}
	c.Server.ServeHTTP(answer, request)
	if answer.status != want {
		b.Errorf("status %d, want %d", answer.status, want)
	}
}

// BenchmarkPost is a message over the handler, from 64 clients; its control is
// the command alone.
func BenchmarkPost(b *testing.B) {
	text := strings.Repeat("hello ", 20)
	b.Run("handler", func(b *testing.B) {
		c := openChat(b)
		b.SetParallelism(32)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				c.ask(b, http.MethodPost, `{"text":"`+text+`"}`, http.StatusCreated)
			}
		})
	})
	b.Run("command", func(b *testing.B) {
		c := openChat(b)
		cause := events.Cause{Actor: c.ada.User.ID.String()}
		message := decide.Message{Conversation: c.room, Author: c.ada.User.ID, Text: text}
		b.SetParallelism(32)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := c.Commands.Post(b.Context(), cause, message); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkPage is the newest 50 messages over the handler.
func BenchmarkPage(b *testing.B) {
	c := openChat(b)
	for i := range 60 {
		c.ada.Say(c.room, fmt.Sprint("message ", i, strings.Repeat(" hello", 20)))
	}
	if err := c.Views.CatchUp(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.ask(b, http.MethodGet, "", http.StatusOK)
	}
}
