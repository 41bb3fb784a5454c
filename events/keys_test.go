package events_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"parley/events"
)

// fixedKeys derives each person's key from their id, so that what it seals is
// the same on every run. A forgotten person has none.
type fixedKeys struct{ forgotten []uuid.UUID }

func (k fixedKeys) aead(owner uuid.UUID) (cipher.AEAD, error) {
	if slices.Contains(k.forgotten, owner) {
		return nil, events.ErrForgotten
	}
	key := sha256.Sum256(owner[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (k fixedKeys) Seal(_ context.Context, owner, event uuid.UUID, plain []byte) ([]byte, error) {
	aead, err := k.aead(owner)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, event[:aead.NonceSize()], plain, event[:]), nil
}

func (k fixedKeys) Open(_ context.Context, owner, event uuid.UUID, sealed []byte) ([]byte, error) {
	aead, err := k.aead(owner)
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, event[:aead.NonceSize()], sealed, event[:])
}

func (fixedKeys) Forget(context.Context, uuid.UUID) error { return errors.ErrUnsupported }

func (k fixedKeys) Forgotten(_ context.Context, owner uuid.UUID) (bool, error) {
	return slices.Contains(k.forgotten, owner), nil
}

func (fixedKeys) Pseudonym(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

var (
	ada  = uuid.MustParse("00000000-0000-7000-8000-00000000000a")
	bob  = uuid.MustParse("00000000-0000-7000-8000-00000000000b")
	room = uuid.MustParse("00000000-0000-7000-8000-0000000000aa")
)

// counter gives the ids 1, 2, 3, … in the shape of a UUIDv7.
func counter() func() uuid.UUID {
	id := uuid.MustParse("00000000-0000-7000-8000-000000000000")
	return func() uuid.UUID {
		id[15]++
		if id[15] == 0 {
			id[14]++
		}
		return id
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
