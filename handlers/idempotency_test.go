package handlers_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"

	"parley/events"
	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

// TestConcurrentRepeatsHappenOnce holds for every POST: whoever comes first,
// all are answered the same, and the log grows as by one.
func TestConcurrentRepeatsHappenOnce(t *testing.T) {
	h := handlertest.Open(t, openly)
	ada, bob, eve := h.Person("ada"), h.Person("bob"), h.Person("eve")
	room := ada.Start("group", bob).String()
	for _, post := range []struct {
		name   string
		who    *handlertest.Client
		path   string
		body   string
		status int
		events int
	}{
		{"registration by an operator", h.Scoped(handlers.Operator), "/v1/users", `{"handle":"one","displayName":"One"}`, 201, 2},
		{"registration by nobody", h.Nobody(), "/v1/users", `{"handle":"two","displayName":"Two"}`, 201, 2},
		{"group", ada, "/v1/conversations", `{"kind":"group","participants":[]}`, 201, 1},
		{"direct", ada, "/v1/conversations", fmt.Sprintf(`{"kind":"direct","participants":[%q]}`, bob.User.ID), 201, 1},
		{"participant", ada, "/v1/conversations/" + room + "/participants", fmt.Sprintf(`{"userId":%q}`, eve.User.ID), 204, 1},
		{"message", ada, "/v1/conversations/" + room + "/messages", `{"text":"once"}`, 201, 1},
	} {
		before, key := count(t, h), uuid.NewString()
		answers := make([]*handlertest.Answer, 12)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = post.who.Post(post.path, post.body, "Idempotency-Key", key) })
		}
		all.Wait()
		for _, answer := range answers {
			if answer.Status != post.status || string(answer.Body) != string(answers[0].Body) || answer.Position() != answers[0].Position() {
				t.Errorf("%s: answered %d %s at %s, and %d %s at %s", post.name, answers[0].Status, answers[0].Body, answers[0].Position(),
					answer.Status, answer.Body, answer.Position())
			}
		}
		if written := count(t, h) - before; written != post.events {
			t.Errorf("%s: %d events were written, want %d", post.name, written, post.events)
		}
	}
}

func count(t *testing.T, h *handlertest.House) (n int) {
	t.Helper()
	for _, err := range h.Node.ReadAll(t.Context(), events.Beginning, events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestAKeyIsOfOneActorAndOneRequest(t *testing.T) {
	c := openChat(t)
	other := c.ada.Start("group", c.bob).String()
	c.ada.Post(c.path, `{"text":"a"}`, "Idempotency-Key", "k").Want(http.StatusCreated)
	c.bob.Post(c.path, `{"text":"b"}`, "Idempotency-Key", "k").Want(http.StatusCreated)
	c.ada.Post(c.path, `{"text":"a","replyTo":0}`, "Idempotency-Key", "k").Refused(422, "Idempotency-Key")
	// Ids are remembered by stream, so that a key counts within a conversation.
	messages := "/v1/conversations/" + other + "/messages"
	said := c.ada.Post(messages, `{"text":"a"}`, "Idempotency-Key", "k").Want(http.StatusCreated)
	var page projections.Page
	c.ada.Get(messages, "Parley-Position", said.Position()).Want(http.StatusOK).Into(&page)
	if len(page.Messages) != 1 {
		t.Errorf("the other conversation shows %+v", page.Messages)
	}
}
