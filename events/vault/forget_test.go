package vault

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/google/uuid"

	"parley/events"
)

func forget(t *testing.T, v *Vault, owner uuid.UUID) {
	t.Helper()
	if err := v.Forget(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
}

func mustRefuse(t *testing.T, v *Vault, owner uuid.UUID) {
	t.Helper()
	if _, err := v.Seal(t.Context(), owner, event, []byte("new")); !errors.Is(err, events.ErrForgotten) {
		t.Fatalf("Seal for a forgotten person gave %v", err)
	}
}

// A process that dies between storing the tombstone and emptying the
// write-ahead log leaves the key there, until the vault is opened.
func TestOpeningEmptiesTheWriteAheadLog(t *testing.T) {
	path := newPath(t)
	dying := openVault(t, File(path), Options{})
	seal(t, dying, alice, event, "hers")
	found, err := dying.store.load(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	if err := dying.store.forget(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	openVault(t, File(path), Options{})
	for _, name := range []string{path, path + "-wal"} {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, found.wrapped[headerSize:]) {
			t.Errorf("%s still holds the key", name)
		}
	}
}

func TestNothingOfAForgottenKeyIsLeftInTheFiles(t *testing.T) {
	path := newPath(t)
	v := openVault(t, File(path), Options{})
	wrapped := make(map[uuid.UUID][]byte)
	for i := range 400 {
		owner := uuid.New()
		seal(t, v, owner, event, "hello")
		if i%2 == 0 {
			found, err := v.store.load(t.Context(), owner)
			if err != nil {
				t.Fatal(err)
			}
			wrapped[owner] = found.wrapped[headerSize:]
		}
	}
	for owner := range wrapped {
		forget(t, v, owner)
	}
	for _, name := range []string{path, path + "-wal"} {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for owner, key := range wrapped {
			if bytes.Contains(content, key) {
				t.Errorf("%s still holds the key of %s", name, owner)
			}
		}
	}
}
