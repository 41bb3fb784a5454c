package handlers_test

import (
	"testing"
	"time"

	"parley/handlers"
	"parley/handlers/handlertest"
)

const revocations = "/v1/tokens/revocations"

func TestARevokedTokenHoldsNoMore(t *testing.T) {
	h := handlertest.Open(t)
	ada, eve := h.Person("ada"), h.Person("eve")
	issue := func() *handlertest.Client {
		t.Helper()
		h.Clock.Advance(time.Minute)
		token, err := h.Tokens.Issue(ada.User.ID.String(), nil, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return h.With(token.Token)
	}
	first, second, third := issue(), issue(), issue()

	first.Post(revocations, `{}`).Want(204).Position()
	first.Get("/v1/conversations").Refused(401, "revoked")
	second.Get("/v1/conversations").Want(200)

	again := eve.Post(revocations, map[string]string{"token": second.Token}).Want(204).Position()
	second.Get("/v1/conversations").Refused(401, "revoked")
	if repeat := eve.Post(revocations, map[string]string{"token": second.Token}).Want(204).Position(); repeat != again {
		t.Errorf("revoking twice was written at %s and %s", again, repeat)
	}

	all := map[string]string{"userId": ada.User.ID.String()}
	eve.Post(revocations, all).Refused(403, "operator")
	third.Get("/v1/conversations").Want(200)
	h.Scoped(handlers.Operator).Post(revocations, all, "Idempotency-Key", "once").Want(204)
	third.Get("/v1/conversations").Refused(401, "revoked")
	ada.Get("/v1/conversations").Refused(401, "revoked")
	fresh := issue()
	h.Scoped(handlers.Operator).Post(revocations, all, "Idempotency-Key", "once").Want(204)
	fresh.Get("/v1/conversations").Want(200)

	eve.Post(revocations, `{"token":"nonsense"}`).Refused(422, "body.token")
	eve.Post(revocations, map[string]string{"token": eve.Token, "userId": eve.User.ID.String()}).Refused(422, "not several")
	h.Nobody().Post(revocations, map[string]string{"token": eve.Token}).Refused(401, "")
}
