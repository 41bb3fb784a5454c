package handlers_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"parley/events"
	"parley/handlers"
	"parley/handlers/handlertest"
	"parley/projections"
)

func openly(o *handlers.Options) { o.OpenRegistration = true }

type registered struct {
	User  projections.User
	Token string
}

func TestRegister(t *testing.T) {
	h := handlertest.Open(t)
	operator := h.Scoped(handlers.Operator)
	var ada registered
	answer := operator.Post("/v1/users", `{"handle":"Ada","displayName":"Ada Lovelace"}`).Want(201).Into(&ada)

	var seen projections.User
	h.With(ada.Token).Get("/v1/users/"+ada.User.ID.String(), "Parley-Position", answer.Position()).Want(200).Into(&seen)
	want := projections.User{ID: ada.User.ID, Handle: "Ada", DisplayName: "Ada Lovelace", Product: "messenger", RegisteredAt: handlertest.Began}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, ada.User); diff != "" {
		t.Errorf("answered (-want +got):\n%s", diff)
	}
	var me projections.User
	h.With(ada.Token).Get("/v1/users/me").Want(200).Into(&me)
	if me.ID != ada.User.ID {
		t.Errorf("ada's token is of %+v", me)
	}
	operator.Post("/v1/users", `{"handle":"aDA","displayName":"Another"}`).Refused(409, "body.handle")
	operator.Post("/v1/users", `{"handle":"two words","displayName":"A"}`).Refused(422, "body.handle")
	operator.Post("/v1/users", `{"handle":"b","displayName":""}`).Refused(422, "body.displayName")
	operator.Post("/v1/users", `{"handle":"b"}`).Refused(422, "body.displayName")
	operator.Post("/v1/users", `{"handle":"b","displayName":"B","product":"No Product"}`).Refused(422, "body.product")
	operator.Get("/v1/users/"+uuid.NewString()).Refused(404, "")
	var found struct{ Users []projections.User }
	operator.Get("/v1/users?handle=aDa", "Parley-Position", answer.Position()).Want(200).Into(&found)
	if len(found.Users) != 1 || found.Users[0].ID != ada.User.ID {
		t.Errorf("ada is found as %+v", found.Users)
	}
	operator.Get("/v1/users?handle=nobody").Want(200).Into(&found)
	if len(found.Users) != 0 {
		t.Errorf("nobody is found as %+v", found.Users)
	}
	operator.Get("/v1/users").Refused(422, "query.handle")
	operator.Get("/v1/users/nobody").Refused(422, "path.id")
}

func TestChangeProfile(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	path := "/v1/users/" + ada.User.ID.String()
	var changed, seen projections.User
	answer := ada.Do("PATCH", path, `{"displayName":"Countess"}`).Want(200).Into(&changed)
	ada.Get(path, "Parley-Position", answer.Position()).Want(200).Into(&seen)
	want := ada.User
	want.DisplayName = "Countess"
	if diff := cmp.Diff([]projections.User{want, want}, []projections.User{changed, seen}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	h.Scoped(handlers.Operator).Do("PATCH", "/v1/users/"+uuid.NewString(), `{"displayName":"N"}`).Refused(404, "")
}

func TestOpenRegistration(t *testing.T) {
	h := handlertest.Open(t, openly)
	var ada registered
	h.Nobody().Post("/v1/users", `{"handle":"ada","displayName":"Ada"}`).Want(201).Into(&ada)
	h.With(ada.Token).Get("/v1/conversations").Want(200)
	h.With("no token").Post("/v1/users", `{"handle":"eve","displayName":"Eve"}`).Refused(401, "")
}

func TestOpenRegistrationIsRepeatedWithARandomKeyOnly(t *testing.T) {
	h := handlertest.Open(t, openly)
	const body = `{"handle":"ada","displayName":"Ada"}`
	for _, guessable := range []string{"1", "ada", uuid.NewSHA1(uuid.Nil, nil).String(), uuid.Nil.String()} {
		h.Nobody().Post("/v1/users", body, "Idempotency-Key", guessable).Refused(400, "Idempotency-Key")
	}
	key := uuid.NewString()
	first := h.Nobody().Post("/v1/users", body, "Idempotency-Key", key).Want(201)
	h.Clock.Advance(time.Hour)
	repeat := h.Nobody().Post("/v1/users", body, "Idempotency-Key", key).Want(201)
	if string(first.Body) != string(repeat.Body) || first.Position() == "" {
		t.Errorf("the repeat was answered\n%s, the first\n%s", repeat.Body, first.Body)
	}
	h.Nobody().Post("/v1/users", `{"handle":"ada","displayName":"Eve"}`, "Idempotency-Key", key).Refused(422, "Idempotency-Key")
	h.Nobody().Post("/v1/users", body, "Idempotency-Key", uuid.NewString()).Refused(409, "body.handle")
}

func TestOneOfManyGetsAHandle(t *testing.T) {
	h := handlertest.Open(t, openly)
	statuses := make([]int, 16)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() {
			handle := []string{"ada", "ADA", "Ada"}[i%3]
			statuses[i] = h.Nobody().Post("/v1/users", `{"handle":"`+handle+`","displayName":"A"}`).Status
		})
	}
	all.Wait()
	count := map[int]int{}
	for _, status := range statuses {
		count[status]++
	}
	if diff := cmp.Diff(map[int]int{201: 1, 409: len(statuses) - 1}, count); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestRepeatedRegistrationAnswersAsTheFirstDid(t *testing.T) {
	h := handlertest.Open(t)
	operator := h.Scoped(handlers.Operator)
	const body = `{"handle":"ada","displayName":"Ada"}`
	first := operator.Post("/v1/users", body, "Idempotency-Key", "k").Want(201)
	repeat := operator.Post("/v1/users", body, "Idempotency-Key", "k").Want(201)
	if string(first.Body) != string(repeat.Body) || first.Position() != repeat.Position() {
		t.Errorf("the repeat was answered %s, the first %s", repeat.Body, first.Body)
	}
	operator.Post("/v1/users", body, "Idempotency-Key", strings.Repeat("k", 256)).Refused(400, "Idempotency-Key")
	operator.Post("/v1/users", body, "Idempotency-Key", "a b").Refused(400, "Idempotency-Key")
}

func TestPersonalValuesStaySealedInTheLog(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada.lovelace")
	room := ada.Start("group")
	ada.Say(room, "a secret remark")
	for recorded, err := range h.Node.ReadAll(t.Context(), events.Beginning, events.Forwards, 0) {
		if err != nil {
			t.Fatal(err)
		}
		stored := strings.ToLower(string(recorded.Data) + string(recorded.Metadata) + recorded.Stream)
		if strings.Contains(stored, "lovelace") || strings.Contains(stored, "remark") {
			t.Errorf("event %d of %s shows a personal value: %s", recorded.Revision, recorded.Stream, stored)
		}
	}
}
