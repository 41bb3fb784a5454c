package vault

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"github.com/google/uuid"
)

// WrappedKey is one key of a vault on its way to another that has the same
// master key. Nobody without the master key can use it.
type WrappedKey struct {
	// Owner is whose key it is, or uuid.Nil for the key of the pseudonyms.
	Owner uuid.UUID `json:"owner"`
	// Key is wrapped under the master key; it is empty for a person who was
	// forgotten.
	Key []byte `json:"key,omitempty"`
}

// ErrOtherVault: the vault has keys of its own that differ from those that it
// is to take.
var ErrOtherVault = errors.New("the vault belongs to another log")

// Travellers yields every key of the vault, the pseudonyms' first.
func (v *Vault) Travellers(ctx context.Context) iter.Seq2[WrappedKey, error] {
	return func(yield func(WrappedKey, error) bool) {
		var pseudonyms []byte
		if err := v.store.db.QueryRowContext(ctx, getValue, pseudonymsName).Scan(&pseudonyms); err != nil {
			yield(WrappedKey{}, err)
			return
		}
		if !yield(WrappedKey{Key: pseudonyms}, nil) {
			return
		}
		rows, err := v.store.db.QueryContext(ctx, allKeys)
		if err != nil {
			yield(WrappedKey{}, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			var owner, wrapped []byte
			err := rows.Scan(&owner, &wrapped)
			key := WrappedKey{Key: wrapped}
			if err == nil {
				key.Owner, err = uuid.FromBytes(owner)
			}
			if !yield(key, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(WrappedKey{}, err)
		}
	}
}

// Adopt puts keys into the vault in a place, which it makes if there is none:
// all of them, or none. Keys that are there already stay; it returns how many
// there were to take. Nobody may have the vault open.
//
// Errors: ErrWrongMaster for keys of another master key, ErrOtherVault, and
// those of the sequence and the place.
func Adopt(ctx context.Context, place Place, master Master, keys iter.Seq2[WrappedKey, error]) (taken int, err error) {
	store, err := place.open(ctx)
	if err != nil {
		return 0, fmt.Errorf("opening the vault %s: %w", place, err)
	}
	defer func() { err = errors.Join(err, store.close()) }()
	err = store.write(ctx, func(tx *sql.Tx) error {
		if err := store.define(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, setValue, "format", []byte(format)); err != nil {
			return err
		}
		for key, err := range keys {
			if err != nil {
				return err
			}
			if err := adopt(ctx, tx, master, key); err != nil {
				return err
			}
			taken++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("filling the vault %s: %w", place, err)
	}
	return taken, nil
}

func adopt(ctx context.Context, tx *sql.Tx, master Master, key WrappedKey) error {
	if key.Owner == uuid.Nil {
		return adoptPseudonyms(ctx, tx, master, key.Key)
	}
	if len(key.Key) == 0 {
		_, err := tx.ExecContext(ctx, bury, key.Owner[:])
		return err
	}
	plain, err := unwrapKey(master, key.Key, key.Owner[:])
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, addKey, key.Owner[:], key.Key); err != nil {
		return err
	}
	var found []byte
	if err := tx.QueryRowContext(ctx, getKey, key.Owner[:]).Scan(&found); err != nil || found == nil {
		return err // a tombstone stays a tombstone
	}
	return same(master, found, plain, key.Owner[:])
}

// adoptPseudonyms also takes the place of the pseudonyms of a vault that has
// been opened, but has no person's key yet.
func adoptPseudonyms(ctx context.Context, tx *sql.Tx, master Master, wrapped []byte) error {
	plain, err := unwrapKey(master, wrapped, pseudonymsLabel)
	if err != nil {
		return err
	}
	const replace = `
		INSERT INTO vault (name, value) VALUES ('pseudonyms', $1)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value
		WHERE NOT EXISTS (SELECT 1 FROM person_keys)`
	if _, err := tx.ExecContext(ctx, replace, wrapped); err != nil {
		return err
	}
	var found []byte
	if err := tx.QueryRowContext(ctx, getValue, pseudonymsName).Scan(&found); err != nil {
		return err
	}
	return same(master, found, plain, pseudonymsLabel)
}

func unwrapKey(master Master, wrapped, place []byte) ([]byte, error) {
	plain, err := openValue(master.aead, wrapped, place)
	if errors.Is(err, ErrDamaged) {
		return nil, fmt.Errorf("%w, or the key is damaged", ErrWrongMaster)
	}
	return plain, err
}

// same compares a stored key with the one to be taken: wrapped anew, a key
// looks different.
func same(master Master, stored, plain, place []byte) error {
	found, err := unwrapKey(master, stored, place)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(found, plain) != 1 {
		return fmt.Errorf("%w: the key of %x differs", ErrOtherVault, place)
	}
	return nil
}
