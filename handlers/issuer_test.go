package handlers_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"parley/handlers"
	"parley/handlers/handlertest"
)

// issuer is an OpenID Connect issuer of the test's own.
type issuer struct {
	*httptest.Server
	t    *testing.T
	away atomic.Bool
	key  atomic.Pointer[ecdsa.PrivateKey]
	// asked counts requests for the keys.
	asked atomic.Int64
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{t: t}
	i.rotate()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.answer(w, map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.asked.Add(1)
		key := i.key.Load()
		i.answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: keyID(key), Algorithm: "ES256", Use: "sig"}}})
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) answer(w http.ResponseWriter, body any) {
	if i.away.Load() {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if err := json.NewEncoder(w).Encode(body); err != nil {
		i.t.Error(err)
	}
}

func (i *issuer) rotate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	i.key.Store(key)
}

func keyID(key *ecdsa.PrivateKey) string { return key.X.String()[:8] }

// token signs claims, which are completed with what every token has.
func (i *issuer) token(h *handlertest.House, claims jwt.MapClaims) string {
	h.Helper()
	now := h.Clock.Now()
	all := jwt.MapClaims{"iss": i.URL, "aud": "parley", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": uuid.NewString()}
	maps.Copy(all, claims)
	token := jwt.NewWithClaims(jwt.SigningMethodES256, all)
	token.Header["kid"] = keyID(i.key.Load())
	signed, err := token.SignedString(i.key.Load())
	if err != nil {
		h.Fatal(err)
	}
	return signed
}

func (i *issuer) trusted(o *handlers.Options) {
	o.Issuer = handlers.NewIssuer(handlers.IssuerOptions{URL: i.URL, Audience: "parley", ScopeClaim: "roles", Now: o.Now})
}

func TestAnIssuersTokens(t *testing.T) {
	i := newIssuer(t)
	h := handlertest.Open(t, i.trusted)
	user := handlers.ExternalUser(i.URL, "auth|ada")
	ada := h.With(i.token(h, jwt.MapClaims{"sub": "auth|ada"}))

	var answered struct {
		User  struct{ ID uuid.UUID }
		Token string
	}
	ada.Post("/v1/users", `{"handle":"ada","displayName":"Ada"}`).Want(201).Into(&answered)
	if answered.User.ID != user || answered.Token != "" {
		t.Errorf("registered as %v with token %q, want %v with none", answered.User.ID, answered.Token, user)
	}
	ada.Post("/v1/users", `{"handle":"ada2","displayName":"Ada"}`).Refused(409, "registered")
	ada.Post("/v1/conversations", `{"kind":"group","participants":[]}`).Want(201)
	ada.Get("/v1/growth").Refused(403, "scope")
	h.With(i.token(h, jwt.MapClaims{"sub": user.String()})).Get("/v1/conversations").Want(200)

	boss := h.With(i.token(h, jwt.MapClaims{"sub": "auth|boss", "roles": []string{"staff", "operator", "analyst"}}))
	boss.Get("/v1/growth").Want(200)
	boss.Post("/v1/tokens", `{"scope":"analyst"}`).Refused(409, i.URL)
	boss.Post("/v1/users", `{"handle":"bob","displayName":"Bob"}`).Want(201)
	h.With(i.token(h, jwt.MapClaims{"sub": "auth|words", "roles": "openid analyst"})).Get("/v1/growth").Want(200)
	h.Scoped(handlers.Analyst).Get("/v1/growth").Want(200)

	ada.Post(revocations, `{}`).Want(204)
	ada.Get("/v1/conversations").Refused(401, "revoked")
}

func TestAnIssuersTokensAreChecked(t *testing.T) {
	i, other := newIssuer(t), newIssuer(t)
	h := handlertest.Open(t, i.trusted)
	forged := other.token(h, jwt.MapClaims{"iss": i.URL, "sub": "auth|ada"})
	for name, token := range map[string]string{
		"another audience": i.token(h, jwt.MapClaims{"sub": "auth|ada", "aud": "elsewhere"}),
		"another issuer":   other.token(h, jwt.MapClaims{"sub": "auth|ada"}),
		"another's key":    forged,
		"no subject":       i.token(h, jwt.MapClaims{}),
		"no text":          i.token(h, jwt.MapClaims{"sub": 7}),
	} {
		if answer := h.With(token).Get("/v1/conversations"); answer.Status != 401 {
			t.Errorf("%s: status %d: %s", name, answer.Status, answer.Body)
		}
	}
	h.With(i.token(h, jwt.MapClaims{"sub": "auth|ada", "exp": h.Clock.Now().Add(-time.Second).Unix()})).Get("/v1/conversations").Refused(401, "expired")

	asked := i.asked.Load()
	for range 10 {
		h.With(forged).Get("/v1/conversations").Refused(401, "")
	}
	if now := i.asked.Load(); now != asked {
		t.Errorf("forged tokens made %d requests to the issuer", now-asked)
	}
}

func TestAnIssuerThatIsAway(t *testing.T) {
	i := newIssuer(t)
	i.away.Store(true)
	h := handlertest.Open(t, i.trusted)
	ada := h.With(i.token(h, jwt.MapClaims{"sub": "auth|ada"}))
	if answer := ada.Get("/v1/conversations"); answer.Status != 503 || answer.Header.Get("Retry-After") == "" {
		t.Errorf("while the issuer is away: status %d, %s", answer.Status, answer.Body)
	}
	h.Scoped(handlers.Analyst).Get("/v1/growth").Want(200)
	i.away.Store(false)
	h.Clock.Advance(10 * time.Second)
	ada.Get("/v1/conversations").Want(200)

	i.rotate()
	h.Clock.Advance(10 * time.Second)
	i.away.Store(true)
	ada.Get("/v1/conversations").Want(200)
	rotated := h.With(i.token(h, jwt.MapClaims{"sub": "auth|ada"}))
	if answer := rotated.Get("/v1/conversations"); answer.Status != 503 {
		t.Errorf("with a key that cannot be fetched: status %d, %s", answer.Status, answer.Body)
	}
	i.away.Store(false)
	rotated.Get("/v1/conversations").Want(200)
}
