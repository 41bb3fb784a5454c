package vault

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"parley/events"
	"parley/events/postgres"
)

// key returns a person's key ready for use. If there is none it is made, or
// else the person is a forgotten one.
func (v *Vault) key(ctx context.Context, owner uuid.UUID, create bool) (cipher.AEAD, error) {
	if err := v.refresh(ctx); err != nil {
		return nil, fmt.Errorf("looking for forgotten people: %w", err)
	}
	for {
		aead, known := v.ready.Get(owner)
		if !known {
			var kept bool
			var err error
			if aead, kept, err = v.load(ctx, owner, create); err != nil {
				return nil, err
			}
			if !kept {
				continue
			}
		}
		if aead == nil {
			return nil, events.ErrForgotten
		}
		return aead, nil
	}
}

// load brings a key from the store into memory. It is not kept if somebody was
// forgotten meanwhile, since that may have been its owner.
func (v *Vault) load(ctx context.Context, owner uuid.UUID, create bool) (cipher.AEAD, bool, error) {
	v.mu.Lock()
	before := v.forgettings
	v.mu.Unlock()

	found, err := v.store.load(ctx, owner)
	if errors.Is(err, errNoKey) {
		if !create {
			return nil, false, events.ErrForgotten
		}
		found, err = v.order(ctx, owner)
	}
	if err != nil {
		return nil, false, fmt.Errorf("the key of %s: %w", owner, err)
	}
	var aead cipher.AEAD
	if !found.forgotten() {
		if aead, err = v.unwrap(owner, found.wrapped); err != nil {
			return nil, false, err
		}
	}
	return aead, v.keep(owner, aead, before), nil
}

// keep holds a key ready, unless somebody was forgotten since before was read.
func (v *Vault) keep(owner uuid.UUID, aead cipher.AEAD, before uint64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.forgettings != before {
		return false
	}
	v.ready.Add(owner, aead)
	return true
}

// drop takes people's keys out of memory.
func (v *Vault) drop(owners ...uuid.UUID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.forgettings += uint64(len(owners))
	for _, owner := range owners {
		v.ready.Remove(owner)
	}
}

// refresh learns, at most once in Options.Staleness, whom other processes have
// forgotten. It fails rather than go on with keys that may be gone, but for
// Options.Outage.
func (v *Vault) refresh(ctx context.Context) error {
	if v.fresh() || v.excused() {
		return nil
	}
	if !v.refreshing.TryLock() {
		if v.bridges() && !v.failed.Load().IsZero() {
			return nil // one is asking already, of a database that was away
		}
		v.refreshing.Lock()
	}
	defer v.refreshing.Unlock()
	if v.fresh() || v.excused() {
		return nil
	}
	began := v.options.Now()
	owners, last, err := v.store.forgottenAfter(ctx, v.seen)
	if errors.Is(err, postgres.ErrUnavailable) && v.bridges() {
		now := v.options.Now()
		v.failed.Store(&now)
		return nil
	}
	if err != nil {
		return err
	}
	if len(owners) > 0 {
		v.drop(owners...)
		v.seen = last
	}
	v.failed.Store(new(time.Time))
	v.refreshed.Store(&began)
	return nil
}

func (v *Vault) fresh() bool {
	return v.options.Now().Sub(*v.refreshed.Load()) < v.options.Staleness
}

// bridges tells whether keys in memory may be used though nobody can be asked.
func (v *Vault) bridges() bool {
	return v.options.Now().Sub(*v.refreshed.Load()) < v.options.Outage
}

// excused tells whether the database was away just now.
func (v *Vault) excused() bool {
	return v.bridges() && v.options.Now().Sub(*v.failed.Load()) < v.options.Staleness
}

// mintAtOnce bounds how many new keys share one commit.
const mintAtOnce = 512

// want is one caller's wish for a person's new key.
type want struct {
	owner uuid.UUID
	reply chan<- minted // takes one answer without waiting
}

type minted struct {
	stored
	err error
}

// order has the minter make a key, and returns what is stored then, which may
// be the key that another process made first.
func (v *Vault) order(ctx context.Context, owner uuid.UUID) (stored, error) {
	reply := make(chan minted, 1)
	select {
	case v.wanted <- want{owner, reply}:
	case <-ctx.Done():
		return stored{}, ctx.Err()
	case <-v.closed:
		return stored{}, ErrClosed
	}
	select {
	case answer := <-reply:
		return answer.stored, answer.err
	case <-ctx.Done():
		return stored{}, ctx.Err()
	case <-v.closed:
		return stored{}, ErrClosed
	}
}

// mint makes new keys until its context ends. All wishes that wait are granted
// in one commit, so that many people can come at once.
func (v *Vault) mint(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-v.wanted:
			v.grant(context.WithoutCancel(ctx), v.gather(first))
		}
	}
}

func (v *Vault) gather(first want) []want {
	wants := []want{first}
	for len(wants) < mintAtOnce {
		select {
		case next := <-v.wanted:
			wants = append(wants, next)
		default:
			return wants
		}
	}
	return wants
}

func (v *Vault) grant(ctx context.Context, wants []want) {
	keys, err := v.store.add(ctx, wants, func(owner uuid.UUID) ([]byte, error) {
		key, wrapped, err := v.newKey(owner[:])
		clear(key)
		return wrapped, err
	})
	for _, want := range wants {
		want.reply <- minted{keys[want.owner], err}
	}
}
