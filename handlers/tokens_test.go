package handlers_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/handlers"
	"parley/handlers/handlertest"
)

func TestIssueToken(t *testing.T) {
	h := handlertest.Open(t)
	ada := h.Person("ada")
	operator := h.Scoped(handlers.Operator)
	var issued handlers.Token

	operator.Post("/v1/tokens", `{"userId":"`+ada.User.ID.String()+`","ttl":60}`).Want(201).Into(&issued)
	if want := handlertest.Began.Add(time.Minute); !issued.ExpiresAt.Equal(want) {
		t.Errorf("it expires at %v, want %v", issued.ExpiresAt, want)
	}
	h.With(issued.Token).Get("/v1/conversations").Want(200)
	h.Clock.Advance(time.Minute)
	h.With(issued.Token).Get("/v1/conversations").Refused(401, "expired")

	operator.Post("/v1/tokens", `{"subject":"carla","scope":"auditor analyst"}`).Want(201).Into(&issued)
	carla := h.With(issued.Token)
	carla.Get("/v1/growth").Want(200)
	carla.Get("/v1/audit/events").Want(200)
	carla.Post("/v1/tokens", `{"scope":"operator"}`).Refused(403, "scope")

	for body, field := range map[string]string{
		`{}`:                                    "body.subject",
		`{"scope":"root"}`:                      "body.scope",
		`{"scope":"analyst","ttl":-1}`:          "body.ttl",
		`{"scope":"analyst","ttl":1e300}`:       "body",
		`{"scope":"analyst","ttl":99999999999}`: "body.ttl",
		`{"userId":"` + uuid.NewString() + `"}`: "body.userId",
		`{"userId":"` + ada.User.ID.String() + `","subject":"x"}`: "body.subject",
		`{"subject":"a\u0007b"}`:                                  "body.subject",
		`{"subject":"` + strings.Repeat("s", 201) + `"}`:          "body.subject",
	} {
		operator.Post("/v1/tokens", body).Refused(422, field)
	}
}

func TestIssuingIsRepeatedWithAKey(t *testing.T) {
	h := handlertest.Open(t)
	operator := h.Scoped(handlers.Operator)
	answers := make([]string, 8)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			answers[i] = string(operator.Post("/v1/tokens", `{"scope":"analyst"}`, "Idempotency-Key", "k").Want(201).Body)
		})
	}
	all.Wait()
	for _, answer := range answers {
		if answer != answers[0] {
			t.Errorf("answered %s and %s", answers[0], answer)
		}
	}
	h.Clock.Advance(time.Hour)
	if later := string(operator.Post("/v1/tokens", `{"scope":"analyst"}`, "Idempotency-Key", "k").Want(201).Body); later != answers[0] {
		t.Errorf("an hour later it answered %s, and %s before", later, answers[0])
	}
	operator.Post("/v1/tokens", `{"scope":"auditor"}`, "Idempotency-Key", "k").Refused(422, "Idempotency-Key")

	var log struct {
		Events []struct {
			ID   uuid.UUID          `json:"id"`
			Data events.TokenIssued `json:"data"`
		} `json:"events"`
	}
	h.Scoped(handlers.Auditor).Get("/v1/audit/events?type=TokenIssued").Want(200).Into(&log)
	var issued handlers.Token
	if err := json.Unmarshal([]byte(answers[0]), &issued); err != nil {
		t.Fatal(err)
	}
	caller, err := h.Tokens.Verify(issued.Token)
	if err != nil || len(log.Events) != 1 || log.Events[0].ID.String() != caller.Token || log.Events[0].Data.Subject != "analyst" {
		t.Errorf("the log has %+v of the token %+v, %v", log.Events, caller, err)
	}
}

func TestTheSigningKeyIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.key")
	now := func() time.Time { return handlertest.Began }
	opened := make([]*handlers.Tokens, 8)
	var all sync.WaitGroup
	for i := range opened {
		all.Go(func() {
			var err error
			if opened[i], err = handlers.OpenTokens(path, now); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	token, err := opened[0].Issue("x", []handlers.Scope{handlers.Analyst}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, tokens := range opened {
		caller, err := tokens.Verify(token.Token)
		if err != nil || caller.Subject != "x" || !caller.Has(handlers.Analyst) || caller.Has(handlers.Operator) {
			t.Errorf("verified as %+v, %v", caller, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".key-*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestAnUnfitSigningKeyIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.key")
	now := func() time.Time { return handlertest.Began }
	if _, err := handlers.OpenTokens(path, now); err != nil {
		t.Fatal(err)
	}
	refused := func(hint string) {
		t.Helper()
		if _, err := handlers.OpenTokens(path, now); err == nil || !strings.Contains(err.Error(), hint) || !strings.Contains(err.Error(), path) {
			t.Errorf("the error is %v, want one with %q and the file", err, hint)
		}
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	refused("chmod 600")
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range [][]byte{nil, []byte("no key"), bytes.Replace(text, []byte("M"), []byte("A"), 1)} {
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		refused("")
	}
}

func TestTokensAreChecked(t *testing.T) {
	tokens, err := handlers.OpenTokens(filepath.Join(t.TempDir(), "k"), func() time.Time { return handlertest.Began })
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"", " ", "a\nb", strings.Repeat("s", 201), "\xff"} {
		if _, err := tokens.Issue(subject, nil, time.Hour); err == nil {
			t.Errorf("a token for %q was issued", subject)
		}
	}
	for _, ttl := range []time.Duration{0, -1, handlers.MaxTTL + 1} {
		if _, err := tokens.Issue("x", nil, ttl); err == nil {
			t.Errorf("a token for %v was issued", ttl)
		}
	}
}

func FuzzVerify(f *testing.F) {
	tokens, err := handlers.OpenTokens(filepath.Join(f.TempDir(), "k"), func() time.Time { return handlertest.Began })
	if err != nil {
		f.Fatal(err)
	}
	good, err := tokens.Issue("x", []handlers.Scope{handlers.Auditor}, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{good.Token, "", "..", "a.b.c", strings.Repeat(".", 9)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if caller, err := tokens.Verify(token); err == nil && token != good.Token {
			t.Errorf("%q is accepted as %+v", token, caller)
		}
	})
}
