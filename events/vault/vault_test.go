package vault

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"parley/events"
)

var (
	alice   = uuid.MustParse("018f0000-0000-7000-8000-00000000a11c")
	bob     = uuid.MustParse("018f0000-0000-7000-8000-000000000b0b")
	event   = uuid.MustParse("018f0000-0000-7000-8000-0000000e0001")
	another = uuid.MustParse("018f0000-0000-7000-8000-0000000e0002")
)

const masterText = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// seeded is a source of known bytes for any number of goroutines.
type seeded struct {
	mu     sync.Mutex
	stream *rand.ChaCha8
}

func newSeeded() *seeded { return &seeded{stream: rand.NewChaCha8([32]byte{7})} }

func (s *seeded) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stream.Read(p)
}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func master(t testing.TB, text string) Master {
	t.Helper()
	m, err := ParseMaster(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func openVault(t testing.TB, place Place, options Options) *Vault {
	t.Helper()
	v, err := Open(t.Context(), place, master(t, masterText), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "vault", FileName) }

func seal(t testing.TB, v *Vault, owner, event uuid.UUID, plain string) []byte {
	t.Helper()
	sealed, err := v.Seal(context.Background(), owner, event, []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func mustOpen(t testing.TB, v *Vault, owner, event uuid.UUID, sealed []byte, want string) {
	t.Helper()
	plain, err := v.Open(context.Background(), owner, event, sealed)
	if err != nil {
		t.Fatal(err)
	}
	if string(plain) != want {
		t.Fatalf("opened %q, sealed %q", plain, want)
	}
}

func mustFail(t testing.TB, want error, v *Vault, owner, event uuid.UUID, sealed []byte) {
	t.Helper()
	if plain, err := v.Open(context.Background(), owner, event, sealed); !errors.Is(err, want) {
		t.Fatalf("Open gave %q, %v; want %v", plain, err, want)
	}
}

func TestSealedFormatIsGolden(t *testing.T) {
	v := openVault(t, File(newPath(t)), Options{Random: newSeeded()})
	sealed := seal(t, v, alice, event, "Grüße, Bob")

	golden, err := os.ReadFile("testdata/sealed.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(sealed); got != strings.TrimSpace(string(golden)) {
		t.Errorf("sealed bytes are %s, stored ones %s", got, golden)
	}
}

func TestSealedFormatIsAsDescribed(t *testing.T) {
	v := openVault(t, File(newPath(t)), Options{Random: newSeeded()})
	sealed := seal(t, v, alice, event, "Grüße, Bob")

	drawn := newSeeded()
	pseudonyms, wrapNonce, key, keyNonce, nonce := make([]byte, 32), make([]byte, 12), make([]byte, 32), make([]byte, 12), make([]byte, 12)
	for _, part := range [][]byte{pseudonyms, wrapNonce, key, keyNonce, nonce} {
		drawn.Read(part)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	bound := append(append([]byte{}, alice[:]...), event[:]...)
	want := append([]byte{1}, nonce...)
	want = append(want, gcm.Seal(nil, nonce, []byte("Grüße, Bob"), bound)...)
	if !bytes.Equal(sealed, want) {
		t.Errorf("sealed\n%x, by hand\n%x", sealed, want)
	}
}

func TestNothingOpensButWhatWasSealed(t *testing.T) {
	v := openVault(t, File(newPath(t)), Options{})
	sealed := seal(t, v, alice, event, "hello")
	seal(t, v, bob, event, "so that bob has a key")

	for bit := range len(sealed) * 8 {
		changed := bytes.Clone(sealed)
		changed[bit/8] ^= 1 << (bit % 8)
		mustFail(t, ErrDamaged, v, alice, event, changed)
	}
	for length := range sealed {
		mustFail(t, ErrDamaged, v, alice, event, sealed[:length])
	}
	mustFail(t, ErrDamaged, v, bob, event, sealed)
	mustFail(t, ErrDamaged, v, alice, another, sealed)
	mustFail(t, events.ErrForgotten, v, uuid.New(), event, sealed)
	mustOpen(t, v, alice, event, sealed, "hello")
}

func TestForeignFilesAreRefused(t *testing.T) {
	damaged := newPath(t)
	openVault(t, File(damaged), Options{}).Close()
	if err := os.WriteFile(damaged, bytes.Repeat([]byte("not a database. "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := newPath(t)
	v := openVault(t, File(newer), Options{})
	if _, err := v.store.db.Exec(`UPDATE vault SET value = $1 WHERE name = 'format'`, []byte("2")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{damaged, newer} {
		if _, err := Open(t.Context(), File(path), master(t, masterText), Options{}); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("opening %s gave %v", path, err)
		}
	}
}

func TestOnlyTheOwnerOfTheFilesCanReadThem(t *testing.T) {
	path := newPath(t)
	v := openVault(t, File(path), Options{})
	seal(t, v, alice, event, "hello")
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", name, mode)
		}
	}
}

func TestNewKeysShareACommit(t *testing.T) {
	v := &Vault{wanted: make(chan want, mintAtOnce)}
	for range 9 {
		v.wanted <- want{owner: uuid.New()}
	}
	if got := len(v.gather(want{owner: alice})); got != 10 {
		t.Errorf("gathered %d of 10 wishes", got)
	}
}

func TestClosedVaultMakesNoKeys(t *testing.T) {
	v, err := Open(t.Context(), File(newPath(t)), master(t, masterText), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Seal(t.Context(), alice, event, nil); err == nil {
		t.Error("a closed vault sealed")
	}
	if _, err := v.order(t.Context(), alice); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed vault was asked for a key: %v", err)
	}
}

func TestSealEndsWithItsContext(t *testing.T) {
	v := openVault(t, File(newPath(t)), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Seal(ctx, alice, event, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Seal gave %v", err)
	}
}

func TestVaultAndMasterShowNothing(t *testing.T) {
	v := openVault(t, File(newPath(t)), Options{Random: newSeeded()})
	key := make([]byte, 32)
	newSeeded().Read(key)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		shown := fmt.Sprintf(verb+verb+verb, v, v.master, struct{ M any }{v.master})
		for _, secret := range [][]byte{key[:4], {0, 1, 2, 3}} {
			for _, form := range []string{"%x", "%X", "%d", "%v", "%s"} {
				text := strings.Trim(fmt.Sprintf(form, secret), "[]")
				if strings.Contains(shown, text) {
					t.Errorf("%s shows %q", verb, shown)
				}
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	v := openVault(f, File(newPath(f)), Options{Random: newSeeded()})
	sealed := seal(f, v, alice, event, "hello")
	f.Add(sealed)
	f.Add([]byte{})
	f.Add([]byte{sealVersion})
	f.Fuzz(func(t *testing.T, data []byte) {
		plain, err := v.Open(context.Background(), alice, event, data)
		switch {
		case bytes.Equal(data, sealed):
			if err != nil || string(plain) != "hello" {
				t.Errorf("the sealed value gave %q, %v", plain, err)
			}
		case !errors.Is(err, ErrDamaged):
			t.Errorf("%x gave %q, %v", data, plain, err)
		}
	})
}
