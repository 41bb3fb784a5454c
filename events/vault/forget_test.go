package vault

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

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

func TestForgottenForGood(t *testing.T) {
	path := newPath(t)
	v := openVault(t, path, Options{})
	hers, his := seal(t, v, alice, event, "hers"), seal(t, v, bob, event, "his")

	forget(t, v, alice)
	forget(t, v, alice)
	again := openVault(t, path, Options{})
	for _, v := range []*Vault{v, again} {
		mustFail(t, events.ErrForgotten, v, alice, event, hers)
		mustRefuse(t, v, alice)
		mustOpen(t, v, bob, event, his, "his")
	}
}

func TestForgottenIsTold(t *testing.T) {
	v := openVault(t, newPath(t), Options{})
	seal(t, v, alice, event, "hers")
	seal(t, v, bob, event, "his")
	forget(t, v, alice)
	for owner, want := range map[uuid.UUID]bool{alice: true, bob: false, uuid.New(): false} {
		if got, err := v.Forgotten(t.Context(), owner); got != want || err != nil {
			t.Errorf("forgotten is %t, %v; want %t", got, err, want)
		}
	}
}

// A process that dies between storing the tombstone and emptying the
// write-ahead log leaves the key there, until the vault is opened.
func TestOpeningEmptiesTheWriteAheadLog(t *testing.T) {
	path := newPath(t)
	dying := openVault(t, path, Options{})
	seal(t, dying, alice, event, "hers")
	found, err := dying.store.load(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	if err := dying.store.forget(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	openVault(t, path, Options{})
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

func TestForgettingWhomNobodyKnew(t *testing.T) {
	v := openVault(t, newPath(t), Options{})
	forget(t, v, alice)
	mustRefuse(t, v, alice)
}

func TestOtherProcessesForgetWithinTheBound(t *testing.T) {
	path := newPath(t)
	clock := &clock{now: time.Unix(1_000_000, 0)}
	options := Options{Now: clock.Now, Staleness: time.Second}
	here, there := openVault(t, path, options), openVault(t, path, options)
	for round := range 3 {
		owner := uuid.New()
		sealed := seal(t, there, owner, event, "hello")
		forget(t, here, owner)

		mustOpen(t, there, owner, event, sealed, "hello") // round's key is still held there
		clock.advance(time.Second)
		mustFail(t, events.ErrForgotten, there, owner, event, sealed)
		mustRefuse(t, there, owner)
		if there.seen != int64(round+1) {
			t.Fatalf("after %d forgettings, %d were seen", round+1, there.seen)
		}
	}
}

// A key that was read before its owner was forgotten must not be kept after.
func TestForgetBeatsALoadUnderWay(t *testing.T) {
	v := openVault(t, newPath(t), Options{})
	seal(t, v, alice, event, "hello")
	v.ready.Remove(alice)

	before := v.forgettings
	found, err := v.store.load(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := v.unwrap(alice, found.wrapped)
	if err != nil {
		t.Fatal(err)
	}
	forget(t, v, alice)
	if v.keep(alice, aead, before) {
		t.Error("a destroyed key was kept")
	}
	mustRefuse(t, v, alice)
}

func TestNothingOfAForgottenKeyIsLeftInTheFiles(t *testing.T) {
	path := newPath(t)
	v := openVault(t, path, Options{})
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
