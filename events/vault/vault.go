// Package vault keeps one key for each person, so that a log that never
// changes can forget a person: what was sealed under a destroyed key is noise.
//
// The keys lie in an SQLite file, or in a PostgreSQL database that several
// servers share, each wrapped by a master key that is kept elsewhere (see
// LoadMaster). What seal.go, file.go and database.go say of bytes and tables
// is the stored format.
package vault

import (
	"context"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"parley/events"
)

var (
	// ErrWrongMaster: the vault was made with another master key.
	ErrWrongMaster = errors.New("the master key is not the one this vault was made with")
	// ErrDamaged: a sealed value or a wrapped key is not what was stored, or a
	// sealed value belongs to another person or event.
	ErrDamaged = errors.New("damaged or misplaced")
	// ErrClosed: the vault was closed.
	ErrClosed = errors.New("the vault is closed")
)

// Options are what a vault may be given; the zero value is ready for use.
type Options struct {
	// Random is where keys and nonces come from: crypto/rand if nil. It is
	// read by many goroutines at a time.
	Random io.Reader
	// Now is time.Now if nil.
	Now func() time.Time
	// Cached bounds the keys held ready in memory, about 1 KB each: 32,768
	// if 0.
	Cached int
	// Staleness bounds for how long a key that another process destroyed can
	// still be used by this one: one second if 0.
	Staleness time.Duration
	// Outage bounds the same while the vault's database cannot be asked: until
	// then keys that are in memory are used, so that writes go on. Nobody can
	// destroy a key in a database that nobody reaches; one that only this
	// process does not reach is why there is a bound. Ten minutes if 0.
	Outage time.Duration
}

func (o Options) withDefaults() Options {
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Cached == 0 {
		o.Cached = 32_768
	}
	if o.Staleness == 0 {
		o.Staleness = time.Second
	}
	if o.Outage == 0 {
		o.Outage = 10 * time.Minute
	}
	return o
}

// Place is where a vault is kept: a File or a Database. Several processes may
// have the same place open.
type Place interface {
	fmt.Stringer
	// open connects, and makes an empty file if there is none.
	open(ctx context.Context) (*store, error)
}

// Vault is events.Keys in a place.
type Vault struct {
	store      *store
	master     Master
	options    Options
	pseudonyms []byte // key of the HMAC; never changes

	// ready holds keys unwrapped; a nil AEAD stands for a person who was
	// forgotten.
	ready *lru.Cache[uuid.UUID, cipher.AEAD]
	// forgettings counts what was dropped from ready because of a Forget. A
	// key that was loaded while it rose may be one that is gone.
	forgettings uint64     // guarded by mu
	mu          sync.Mutex // held while keys enter or leave ready

	refreshing sync.Mutex
	seen       int64                     // the last forgetting known here; guarded by refreshing
	refreshed  atomic.Pointer[time.Time] // when seen was read
	failed     atomic.Pointer[time.Time] // when it could not be read since, or zero

	wanted chan want // taken by the minter
	minter sync.WaitGroup
	close  context.CancelFunc
	closed <-chan struct{}
}

var _ events.Keys = (*Vault)(nil)

// Open opens the vault in a place, or makes it there. The context bounds the
// opening only; Close ends the vault.
//
// Errors: ErrWrongMaster, postgres.ErrUnavailable, and those of a vault that is
// damaged, in use or of a newer format; all name the place.
func Open(ctx context.Context, place Place, master Master, options Options) (*Vault, error) {
	options = options.withDefaults()
	v, err := open(ctx, place, master, options)
	if err != nil {
		return nil, fmt.Errorf("opening the vault %s: %w", place, err)
	}
	return v, nil
}

func open(ctx context.Context, place Place, master Master, options Options) (*Vault, error) {
	if master.aead == nil {
		return nil, errors.New("no master key was given")
	}
	ready, err := lru.New[uuid.UUID, cipher.AEAD](options.Cached)
	if err != nil {
		return nil, err
	}
	store, err := place.open(ctx)
	if err != nil {
		return nil, err
	}
	v := &Vault{store: store, master: master, options: options, ready: ready, wanted: make(chan want, mintAtOnce)}
	if v.pseudonyms, err = v.openPseudonyms(ctx); err != nil {
		return nil, errors.Join(err, store.close())
	}
	// A process that died while it forgot somebody has left what it overwrote.
	if err := store.scrub(ctx, store.db); err != nil && !errors.Is(err, ErrBusy) {
		return nil, errors.Join(err, store.close())
	}
	v.refreshed.Store(new(time.Time))
	v.failed.Store(new(time.Time))
	running, stop := context.WithCancel(context.Background())
	v.close, v.closed = stop, running.Done()
	v.minter.Go(func() { v.mint(running) })
	return v, nil
}

// openPseudonyms reads the pseudonyms' key, or makes it in a new vault. Being
// the first thing that the master key unwraps, it is also what a wrong master
// key is known by.
func (v *Vault) openPseudonyms(ctx context.Context) ([]byte, error) {
	_, wrapped, err := v.newKey(pseudonymsLabel)
	if err != nil {
		return nil, err
	}
	if wrapped, err = v.store.setUp(ctx, wrapped); err != nil {
		return nil, err
	}
	key, err := openValue(v.master.aead, wrapped, pseudonymsLabel)
	if errors.Is(err, ErrDamaged) {
		return nil, ErrWrongMaster
	}
	return key, err
}

// Close ends the vault. Keys that are being made are made to the end; whoever
// asks for more gets an error.
func (v *Vault) Close() error {
	v.close()
	v.minter.Wait()
	return v.store.close()
}

// Format prints no secret, whatever the verb.
func (v *Vault) Format(f fmt.State, _ rune) { io.WriteString(f, "vault") }

// Seal is events.Keys.Seal.
func (v *Vault) Seal(ctx context.Context, owner, event uuid.UUID, plain []byte) ([]byte, error) {
	aead, err := v.key(ctx, owner, true)
	if err != nil {
		return nil, err
	}
	return sealValue(v.options.Random, aead, plain, place(owner, event))
}

// Open is events.Keys.Open. A value that was changed, or is not the one of
// that owner and event, gives ErrDamaged.
func (v *Vault) Open(ctx context.Context, owner, event uuid.UUID, sealed []byte) ([]byte, error) {
	aead, err := v.key(ctx, owner, false)
	if err != nil {
		return nil, err
	}
	plain, err := openValue(aead, sealed, place(owner, event))
	if err != nil {
		return nil, fmt.Errorf("the sealed value of %s in event %s: %w", owner, event, err)
	}
	return plain, nil
}

// Pseudonym is events.Keys.Pseudonym.
func (v *Vault) Pseudonym(value string) string {
	mac := hmac.New(sha256.New, v.pseudonyms)
	io.WriteString(mac, value)
	return hex.EncodeToString(mac.Sum(nil))
}

// Forgotten is events.Keys.Forgotten.
func (v *Vault) Forgotten(ctx context.Context, owner uuid.UUID) (bool, error) {
	found, known, err := v.find(ctx, owner)
	return known && found.forgotten(), err
}

// find returns what is stored for a person, if anything is.
func (v *Vault) find(ctx context.Context, owner uuid.UUID) (found stored, known bool, err error) {
	found, err = v.store.load(ctx, owner)
	if errors.Is(err, errNoKey) {
		return stored{}, false, nil
	}
	if err != nil {
		return stored{}, false, fmt.Errorf("looking for %s: %w", owner, err)
	}
	return found, true, nil
}

// Secret is a value that all who share the vault have in common, such as the
// key that signs tokens. Who asks for it first makes it; it is kept wrapped
// under the master key.
func (v *Vault) Secret(ctx context.Context, name string, make func() ([]byte, error)) ([]byte, error) {
	place := []byte(secretsLabel + name)
	wrapped, err := v.store.value(ctx, secretsPrefix+name, func() ([]byte, error) {
		secret, err := make()
		if err != nil {
			return nil, err
		}
		defer clear(secret)
		return sealValue(v.options.Random, v.master.aead, secret, place)
	})
	if err != nil {
		return nil, fmt.Errorf("the vault's secret %s: %w", name, err)
	}
	secret, err := openValue(v.master.aead, wrapped, place)
	if err != nil {
		return nil, fmt.Errorf("the vault's secret %s: %w", name, err)
	}
	return secret, nil
}

// Forget destroys a person's key for good and keeps a tombstone, so that no
// new key can be made for them. Once it returns, Seal and Open of this vault
// give ErrForgotten, and so do those of other processes after at most their
// Options.Staleness, or Options.Outage if they cannot ask; what they seal until
// then opens nowhere afterwards. This vault drops the key from memory first,
// so that it does not use it any more even if it cannot be destroyed now.
//
// The old key is overwritten where it was stored, and the database lets go of
// it: see File and Database. An error that says otherwise comes after the
// tombstone is stored; Forget may be repeated.
func (v *Vault) Forget(ctx context.Context, owner uuid.UUID) error {
	v.drop(owner)
	if err := v.store.forget(ctx, owner); err != nil {
		return fmt.Errorf("forgetting %s: %w", owner, err)
	}
	v.drop(owner)
	if err := v.store.scrub(ctx, v.store.db); err != nil {
		return fmt.Errorf("%s is forgotten, but what was overwritten may still be stored: %w", owner, err)
	}
	return nil
}
