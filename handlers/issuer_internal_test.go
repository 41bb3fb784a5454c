package handlers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

const fuzzedIssuer = "https://issuer.example"

// documents are what an issuer answers, by path.
type documents map[string]string

func (d documents) RoundTrip(r *http.Request) (*http.Response, error) {
	body, found := d[r.URL.Path]
	answer := &http.Response{StatusCode: http.StatusOK, Header: make(http.Header), Body: io.NopCloser(strings.NewReader(body)), Request: r}
	if !found {
		answer.StatusCode = http.StatusNotFound
	}
	return answer, nil
}

// FuzzIssuer has an issuer answer anything, and presents anything as its token:
// it is refused in one of the known ways, or is the subject's that the issuer
// has signed for.
func FuzzIssuer(f *testing.F) {
	now := time.Date(2015, time.March, 25, 17, 0, 0, 0, time.UTC)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.NewChaCha8([32]byte{1}))
	if err != nil {
		f.Fatal(err)
	}
	published, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		f.Fatal(err)
	}
	honest := `{"issuer":"` + fuzzedIssuer + `","jwks_uri":"` + fuzzedIssuer + `/keys","id_token_signing_alg_values_supported":["ES256"]}`
	token := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": fuzzedIssuer, "aud": "parley", "sub": "ada", "scope": []string{"analyst", "poet"}, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	token.Header["kid"] = "k"
	signed, err := token.SignedString(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(honest, string(published), signed)
	f.Add(honest, string(published), signed[:len(signed)-4])
	f.Add(honest, `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`, signed)
	f.Add(honest, `{"keys":[{"kty":"oct","k":"AA","alg":"HS256"}]}`, signed)
	f.Add(honest, `{"keys":null}`, "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIn0.")
	f.Add(`{"issuer":"`+fuzzedIssuer+`","jwks_uri":":"}`, `[]`, signed)
	f.Add(`{"issuer":1}`, ``, ``)
	f.Fuzz(func(t *testing.T, discovery, keys, presented string) {
		i := NewIssuer(IssuerOptions{
			URL: fuzzedIssuer, Audience: "parley", Now: func() time.Time { return now },
			Transport: documents{"/.well-known/openid-configuration": discovery, "/keys": keys},
		})
		i.issued(presented)
		caller, err := i.verify(t.Context(), presented)
		switch {
		case err == nil && caller.User != ExternalUser(fuzzedIssuer, "ada"):
			t.Errorf("it is the token of %+v", caller)
		case err != nil && !errors.Is(err, ErrTokenExpired) && !errors.Is(err, ErrTokenInvalid) && !errors.Is(err, ErrIssuerAway):
			t.Errorf("refused with %v", err)
		}
		if presented == signed && discovery == honest && keys == string(published) && (err != nil || !slices.Equal(caller.Scopes, []Scope{Analyst})) {
			t.Errorf("the issuer's own token is of %+v, %v", caller, err)
		}
	})
}
