package handlers

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
)

// Scope is what a token allows beyond acting as its subject.
type Scope string

const (
	// Analyst may read growth.
	Analyst Scope = "analyst"
	// Auditor may read the event log.
	Auditor Scope = "auditor"
	// Operator may register users, change profiles and issue tokens.
	Operator Scope = "operator"
)

// DefaultTTL is how long a token holds if nothing else is asked for, and
// MaxTTL how long one can hold at most.
const (
	DefaultTTL = 30 * 24 * time.Hour
	MaxTTL     = 366 * 24 * time.Hour
)

const (
	// verifiedTokens bounds how many verified tokens are remembered: checking
	// an Ed25519 signature costs as much as all the rest of a request.
	verifiedTokens = 50_000
	maxSubject     = 200
)

// ParseScopes reads scopes as a token's claim has them: separated by spaces.
func ParseScopes(text string) ([]Scope, error) {
	var scopes []Scope
	for _, word := range strings.Fields(text) {
		switch scope := Scope(word); scope {
		case Analyst, Auditor, Operator:
			if !slices.Contains(scopes, scope) {
				scopes = append(scopes, scope)
			}
		default:
			return nil, fmt.Errorf("%q is no scope; there are %s, %s and %s", word, Analyst, Auditor, Operator)
		}
	}
	return scopes, nil
}

// Caller is who presents a token.
type Caller struct {
	// Subject is a user's id, or another name for who acts.
	Subject string
	// User is the subject if that is a user's id, and zero otherwise.
	User uuid.UUID
	// App is the app whose token was presented, and zero otherwise.
	App    uuid.UUID
	Scopes []Scope
	// Token is the id of the token that was presented.
	Token   string
	Issued  time.Time
	Expires time.Time
	// external: the token is one of Options.Issuer.
	external bool
}

// Has tells whether the caller's token has a scope.
func (c *Caller) Has(scope Scope) bool { return c != nil && slices.Contains(c.Scopes, scope) }

// ID is who acts in conversations: the user, or the app.
func (c *Caller) ID() uuid.UUID {
	if c.App != uuid.Nil {
		return c.App
	}
	return c.User
}

// Token is a bearer token and when it ends.
type Token struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// Tokens issues and verifies bearer tokens: JWTs signed with the server's own
// Ed25519 key. Its methods may be called from any number of goroutines.
type Tokens struct {
	key      ed25519.PrivateKey
	now      func() time.Time
	parser   *jwt.Parser
	verified *lru.Cache[[sha256.Size]byte, *Caller]
}

// OpenTokens reads the signing key from a file, which it makes if there is
// none. A key that others could read is refused.
func OpenTokens(path string, now func() time.Time) (*Tokens, error) {
	key, err := openKey(path, rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("the tokens' signing key: %w", err)
	}
	return newTokens(key, now)
}

// ParseTokens is OpenTokens with a signing key in PKCS #8, as SigningKey gives
// it.
func ParseTokens(der []byte, now func() time.Time) (*Tokens, error) {
	key, err := parseKey(der)
	if err != nil {
		return nil, fmt.Errorf("the tokens' signing key: %w", err)
	}
	return newTokens(key, now)
}

func newTokens(key ed25519.PrivateKey, now func() time.Time) (*Tokens, error) {
	verified, err := lru.New[[sha256.Size]byte, *Caller](verifiedTokens)
	if err != nil {
		return nil, err
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithTimeFunc(now),
		jwt.WithStrictDecoding(),
	)
	return &Tokens{key: key, now: now, parser: parser, verified: verified}, nil
}

// claims are what a token says.
type claims struct {
	jwt.RegisteredClaims
	Scope string `json:"scope,omitempty"`
}

// Issue makes a token for a subject that holds for ttl, at most MaxTTL.
func (t *Tokens) Issue(subject string, scopes []Scope, ttl time.Duration) (Token, error) {
	return t.issueAt(t.now(), uuid.NewString(), subject, scopes, ttl)
}

// issueAt is Issue for a moment and a token id: the same arguments give the
// same token.
func (t *Tokens) issueAt(issued time.Time, id, subject string, scopes []Scope, ttl time.Duration) (Token, error) {
	if err := checkSubject(subject); err != nil {
		return Token{}, err
	}
	if ttl <= 0 || ttl > MaxTTL {
		return Token{}, fmt.Errorf("a token holds for more than 0 seconds and at most %d", MaxTTL/time.Second)
	}
	words := make([]string, len(scopes))
	for i, scope := range scopes {
		words[i] = string(scope)
	}
	expires := issued.Add(ttl).UTC().Truncate(time.Second)
	signed, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   subject,
			ID:        id,
			IssuedAt:  jwt.NewNumericDate(issued),
			ExpiresAt: jwt.NewNumericDate(expires),
		},
		Scope: strings.Join(words, " "),
	}).SignedString(t.key)
	if err != nil {
		return Token{}, fmt.Errorf("signing a token: %w", err)
	}
	return Token{signed, expires}, nil
}

func checkSubject(subject string) error {
	switch {
	case strings.TrimSpace(subject) == "":
		return errors.New("a token must name a subject")
	case !utf8.ValidString(subject) || strings.ContainsFunc(subject, unicode.IsControl):
		return errors.New("a token's subject must be text without control characters")
	case len(subject) > maxSubject:
		return fmt.Errorf("a token's subject has at most %d bytes", maxSubject)
	}
	return nil
}

// ErrTokenExpired, ErrTokenInvalid and ErrTokenRevoked are why a token is not
// accepted.
var (
	ErrTokenExpired = errors.New("the token has expired")
	ErrTokenRevoked = errors.New("the token was revoked")
	ErrTokenInvalid = errors.New("the token is not one of this server")
)

// Verify tells who presents a token. It fails with ErrTokenExpired or
// ErrTokenInvalid.
func (t *Tokens) Verify(token string) (*Caller, error) {
	digest := sha256.Sum256([]byte(token))
	if caller, ok := t.verified.Get(digest); ok {
		if !t.now().Before(caller.Expires) {
			return nil, ErrTokenExpired
		}
		return caller, nil
	}
	caller, err := t.verify(token)
	if err != nil {
		return nil, err
	}
	t.verified.Add(digest, caller)
	return caller, nil
}

func (t *Tokens) verify(token string) (*Caller, error) {
	var said claims
	_, err := t.parser.ParseWithClaims(token, &said, func(*jwt.Token) (any, error) {
		return t.key.Public(), nil
	})
	if errors.Is(err, jwt.ErrTokenExpired) {
		return nil, ErrTokenExpired
	}
	if err != nil {
		return nil, ErrTokenInvalid
	}
	scopes, err := ParseScopes(said.Scope)
	if err != nil || checkSubject(said.Subject) != nil {
		return nil, ErrTokenInvalid
	}
	caller := &Caller{Subject: said.Subject, Scopes: scopes, Token: said.ID, Expires: said.ExpiresAt.Time}
	if said.IssuedAt != nil {
		caller.Issued = said.IssuedAt.Time
	}
	if user, err := uuid.Parse(said.Subject); err == nil && user.String() == said.Subject {
		caller.User = user
	}
	return caller, nil
}
