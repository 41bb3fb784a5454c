package vault

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// Copy writes a consistent copy of the vault into a new file, readable by its
// owner alone, while the vault is in use. The master key is not in it.
func (v *Vault) Copy(ctx context.Context, path string) error {
	if err := v.store.copy(ctx, v, path); err != nil {
		return fmt.Errorf("copying the vault to %s: %w", path, err)
	}
	return nil
}

// Knows tells whether there is a key of a person, or was until they were
// forgotten.
func (v *Vault) Knows(ctx context.Context, owner uuid.UUID) (bool, error) {
	_, known, err := v.find(ctx, owner)
	return known, err
}

// Verify unwraps every key, tells each that is damaged to report, and returns
// how many keys there are.
func (v *Vault) Verify(ctx context.Context, report func(finding string)) (keys int, err error) {
	for key, err := range v.Travellers(ctx) {
		if err != nil {
			return keys, err
		}
		keys++
		place := pseudonymsLabel
		if key.Owner != uuid.Nil {
			place = key.Owner[:]
		}
		if len(key.Key) == 0 {
			continue
		}
		if _, err := openValue(v.master.aead, key.Key, place); err != nil {
			report(fmt.Sprintf("vault: the key of %s: %v", key.Owner, err))
		}
	}
	return keys, nil
}
