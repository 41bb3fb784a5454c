package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"parley/events/commands"
)

// issuerPatience bounds how long an issuer may take to answer.
const issuerPatience = 5 * time.Second

// externalSpace is the UUIDv5 namespace of the ids of users whom an external
// issuer knows.
var externalSpace = uuid.MustParse("5b0c1a52-8c8e-5a0b-9d53-0f7f3c0e6a11")

// ErrIssuerAway: the external issuer has not answered yet, so that its tokens
// cannot be checked.
var ErrIssuerAway = errors.New("the issuer of tokens does not answer")

// IssuerOptions say which external issuer's tokens are accepted.
type IssuerOptions struct {
	// URL is the issuer's, as its tokens' claim iss has it, below which
	// OpenID Connect Discovery 1.0 finds its keys.
	URL string
	// Audience must be among a token's claim aud.
	Audience string
	// UserClaim names the claim that tells the user: sub if it is empty. Its
	// value is a Parley user's id, or any text, which stands for the user
	// ExternalUser gives.
	UserClaim string
	// ScopeClaim names the claim with the scopes, a list or words separated by
	// spaces: scope if it is empty. Words that are no scopes of Parley's are
	// passed over.
	ScopeClaim string
	Now        func() time.Time
	// Transport is http.DefaultTransport if it is nil.
	Transport http.RoundTripper
}

// Issuer verifies the tokens of an external issuer, by OpenID Connect
// Discovery and the keys (JWKS) it leads to. An issuer that is away when the
// server starts is asked again when a token of it is presented.
type Issuer struct {
	IssuerOptions
	client    *http.Client
	transport *issuerTransport

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier // nil until discovered; guarded by mu
	tried    time.Time             // guarded by mu
}

// NewIssuer makes the verifier of an issuer's tokens.
func NewIssuer(options IssuerOptions) *Issuer {
	if options.UserClaim == "" {
		options.UserClaim = "sub"
	}
	if options.ScopeClaim == "" {
		options.ScopeClaim = "scope"
	}
	if options.Transport == nil {
		options.Transport = http.DefaultTransport
	}
	transport := &issuerTransport{next: options.Transport, now: options.Now, recent: make(map[string]issuerAnswer)}
	return &Issuer{
		IssuerOptions: options,
		client:        &http.Client{Timeout: issuerPatience, Transport: transport},
		transport:     transport,
	}
}

// ExternalUser is the id of the user whom an issuer knows by a subject that is
// no Parley user's id: the same each time, so that users can register
// themselves with the issuer's token.
func ExternalUser(issuer, subject string) uuid.UUID {
	return uuid.NewSHA1(externalSpace, []byte(issuer+"\x00"+subject))
}

// issued tells whether a token says it is the issuer's; nothing is verified.
func (i *Issuer) issued(token string) bool {
	var said jwt.RegisteredClaims
	_, _, err := jwt.NewParser().ParseUnverified(token, &said)
	return err == nil && said.Issuer == i.URL
}

// verify tells who presents a token of the issuer. It fails with
// ErrTokenExpired, ErrTokenInvalid or ErrIssuerAway.
func (i *Issuer) verify(ctx context.Context, token string) (*Caller, error) {
	verifier, err := i.discovered(ctx)
	if err != nil {
		return nil, err
	}
	verified, err := verifier.Verify(ctx, token)
	if expired := (*oidc.TokenExpiredError)(nil); errors.As(err, &expired) {
		return nil, ErrTokenExpired
	}
	if outage := i.transport.outage(); err != nil && outage != nil {
		return nil, fmt.Errorf("%w: %w", ErrIssuerAway, outage)
	}
	if err != nil {
		return nil, ErrTokenInvalid
	}
	return i.caller(verified, token)
}

// discovered returns what verifies the issuer's tokens, and asks the issuer if
// it was not reached so far. Those who come while it is asked wait for the
// answer; those who come soon after a failure are refused.
func (i *Issuer) discovered(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.verifier != nil {
		return i.verifier, nil
	}
	if !i.tried.IsZero() && i.Now().Sub(i.tried) < issuerPatience {
		return nil, ErrIssuerAway
	}
	i.tried = i.Now()
	// The provider keeps the context for the keys it fetches later.
	provider, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), i.client), i.URL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIssuerAway, err)
	}
	i.verifier = provider.Verifier(&oidc.Config{ClientID: i.Audience, Now: i.Now})
	return i.verifier, nil
}

func (i *Issuer) caller(verified *oidc.IDToken, token string) (*Caller, error) {
	var said map[string]json.RawMessage
	if verified.Claims(&said) != nil {
		return nil, ErrTokenInvalid
	}
	subject := textClaim(said, i.UserClaim)
	if checkSubject(subject) != nil {
		return nil, ErrTokenInvalid
	}
	user, err := uuid.Parse(subject)
	if err != nil || user.String() != subject {
		user = ExternalUser(i.URL, subject)
	}
	return &Caller{
		Subject: user.String(),
		User:    user,
		Scopes:  knownScopes(said[i.ScopeClaim]),
		Token:   i.tokenID(said, token),
		Issued:  verified.IssuedAt,
		Expires: verified.Expiry,

		external: true,
	}, nil
}

// textClaim is empty if the claim is no text.
func textClaim(said map[string]json.RawMessage, name string) string {
	var text string
	if json.Unmarshal(said[name], &text) != nil {
		return ""
	}
	return text
}

func knownScopes(claim json.RawMessage) []Scope {
	var words []string
	var text string
	if json.Unmarshal(claim, &text) == nil {
		words = strings.Fields(text)
	} else if json.Unmarshal(claim, &words) != nil {
		return nil
	}
	var scopes []Scope
	for _, word := range words {
		if scope, err := ParseScopes(word); err == nil {
			scopes = append(scopes, scope...)
		}
	}
	return scopes
}

// tokenID names a token for its revocation: by its claim jti, or else by its
// digest.
func (i *Issuer) tokenID(said map[string]json.RawMessage, token string) string {
	if id := textClaim(said, "jti"); id != "" {
		return i.URL + "#" + id
	}
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// verify tells who presents a token, be it one of this server or of the
// external issuer, unless it was revoked.
func (s *Server) verify(ctx context.Context, token string) (*Caller, error) {
	if commands.IsAppToken(token) {
		return s.verifyApp(ctx, token)
	}
	caller, err := s.identify(ctx, token)
	if err != nil {
		return nil, err
	}
	return caller, s.holds(ctx, caller)
}

// holds refuses a caller whose token was revoked.
func (s *Server) holds(ctx context.Context, caller *Caller) error {
	revoked, err := s.Views.Revocations.Revoked(ctx, s.Limits.Wait, caller.Token, caller.Subject, caller.Issued)
	if err == nil && revoked {
		err = ErrTokenRevoked
	}
	return err
}

// verifyApp takes an app's token, which ends by rotation and suspension.
func (s *Server) verifyApp(ctx context.Context, token string) (*Caller, error) {
	app, accepted, err := s.Commands.AppOf(ctx, token)
	if err == nil && !accepted {
		err = ErrTokenInvalid
	}
	if err != nil {
		return nil, err
	}
	return &Caller{Subject: commands.AppActor(app), App: app}, nil
}

func (s *Server) identify(ctx context.Context, token string) (*Caller, error) {
	if s.Issuer != nil && s.Issuer.issued(token) {
		return s.Issuer.verify(ctx, token)
	}
	return s.Tokens.Verify(token)
}
