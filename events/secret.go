package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// Secret is a personal value: plain text in memory, sealed under its owner's
// key wherever the log goes. It cannot be marshalled before it is sealed, so
// no plain value reaches the log by mistake.
type Secret struct {
	// Plain is the value in the open; it is empty after decoding until the
	// Journal has opened the fact.
	Plain string
	// Forgotten says that the owner's key was destroyed and the value with it.
	Forgotten bool

	sealed []byte
}

// Private makes a secret of a plain value.
func Private(plain string) Secret { return Secret{Plain: plain} }

// Keys is the vault, as facts need it: it holds one key for each person.
//
// Concurrency: all methods may be called from any number of goroutines.
// Durability: a key that sealed a value is on stable storage before Seal
// returns.
type Keys interface {
	// Seal encrypts a value under the owner's key, making the key if the owner
	// has none, and binds it to an event: it opens with that id only. It fails
	// with ErrForgotten once the owner's key was destroyed.
	Seal(ctx context.Context, owner, event uuid.UUID, plain []byte) ([]byte, error)
	// Open decrypts what Seal made. It fails with ErrForgotten if the owner's
	// key was destroyed or never was.
	Open(ctx context.Context, owner, event uuid.UUID, sealed []byte) ([]byte, error)
	// Pseudonym maps a value to a name that only the vault's holder can
	// compute, always the same one: hex of HMAC-SHA256 under the vault's key.
	Pseudonym(value string) string
	// Forget destroys a person's key for good, also one that is made later.
	// When it returns, the destruction is on stable storage; it may be repeated.
	Forget(ctx context.Context, owner uuid.UUID) error
	// Forgotten tells whether a person's key was destroyed by Forget.
	Forgotten(ctx context.Context, owner uuid.UUID) (bool, error)
}

// ErrForgotten: the key a value was sealed under does not exist any more.
var ErrForgotten = errors.New("the owner of this value has been forgotten")

var errPlain = errors.New("a personal value must be sealed before it is stored")

// MarshalJSON gives the sealed form, base64 as encoding/json writes bytes.
func (s Secret) MarshalJSON() ([]byte, error) {
	if s.sealed == nil {
		return nil, errPlain
	}
	return json.Marshal(s.sealed)
}

// UnmarshalJSON takes the sealed form.
func (s *Secret) UnmarshalJSON(data []byte) error {
	*s = Secret{}
	return json.Unmarshal(data, &s.sealed)
}

func seal(ctx context.Context, keys Keys, event uuid.UUID, fact Fact) error {
	for _, secret := range fact.secrets() {
		sealed, err := keys.Seal(ctx, secret.owner, event, []byte(secret.Plain))
		if err != nil {
			return fmt.Errorf("sealing a value of %s: %w", secret.owner, err)
		}
		secret.sealed = sealed
	}
	return nil
}

func open(ctx context.Context, keys Keys, event uuid.UUID, fact Fact) error {
	for _, secret := range fact.secrets() {
		if secret.sealed == nil {
			continue
		}
		plain, err := keys.Open(ctx, secret.owner, event, secret.sealed)
		if errors.Is(err, ErrForgotten) {
			secret.Forgotten = true
			continue
		}
		if err != nil {
			return fmt.Errorf("opening a value of %s: %w", secret.owner, err)
		}
		secret.Plain = string(plain)
	}
	return nil
}

// IsPersonal tells whether a fact has personal values.
func IsPersonal(fact Fact) bool { return len(fact.secrets()) > 0 }

// Hush empties the personal values of one person in a fact, as they are when
// the person's key was destroyed.
func Hush(fact Fact, owner uuid.UUID) {
	for _, secret := range fact.secrets() {
		if secret.owner == owner {
			secret.Plain, secret.Forgotten = "", true
		}
	}
}
