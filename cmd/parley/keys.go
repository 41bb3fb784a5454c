package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"parley/events/vault"
	"parley/handlers"
)

// The keys of personal values, and the key that signs tokens, are below the
// data directory, or in PostgreSQL if the views are there: what several servers
// share is in one place.

// signingKey names the key that signs tokens among the vault's secrets.
const signingKey = "token.key"

// openVault opens the vault of a house. Close it.
func openVault(ctx context.Context, c *config) (*vault.Vault, error) {
	if isPostgres(c.views) {
		return openSharedVault(ctx, c)
	}
	dir := c.vaultDir()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the vault's directory: %w", err)
	}
	master, err := vault.LoadMaster(dir, os.Getenv(vault.MasterVariable), rand.Reader)
	if err != nil {
		return nil, err
	}
	return vault.Open(ctx, c.vaultPlace(), master, vault.Options{})
}

// vaultPlace is where the house keeps its keys.
func (c *config) vaultPlace() vault.Place {
	if isPostgres(c.views) {
		return vault.Database(c.views)
	}
	return vault.File(filepath.Join(c.vaultDir(), vault.FileName))
}

// openSharedVault opens the vault in PostgreSQL. It makes none beside one in
// the data directory, whose keys would not be found any more.
func openSharedVault(ctx context.Context, c *config) (*vault.Vault, error) {
	place := vault.Database(c.views)
	made, err := place.Exists(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for the vault %s: %w", place, err)
	}
	file := filepath.Join(c.vaultDir(), vault.FileName)
	if _, err := os.Stat(file); !made && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("the keys of this data directory are in %s, and PostgreSQL has none yet: "+
			"bring them there first with: parley copy --from-keys %s --to-keys 'postgres://…'", file, c.data), err)
	}
	master, err := place.LoadMaster(ctx, c.vaultDir(), os.Getenv(vault.MasterVariable), rand.Reader)
	if err != nil {
		return nil, err
	}
	keys, err := vault.Open(ctx, place, master, vault.Options{})
	if errors.Is(err, vault.ErrWrongMaster) {
		return nil, fmt.Errorf("%w: all servers need the same %s", err, vault.MasterVariable)
	}
	return keys, err
}

// openTokens is what issues and verifies tokens in a house with that vault.
func (c *config) openTokens(ctx context.Context, keys *vault.Vault) (*handlers.Tokens, error) {
	if !isPostgres(c.views) {
		return handlers.OpenTokens(c.tokenKey(), time.Now)
	}
	// The first server brings the key of its data directory along, if it has
	// one, so that tokens go on to hold.
	der, err := keys.Secret(ctx, signingKey, func() ([]byte, error) {
		return handlers.SigningKey(c.tokenKey(), rand.Reader)
	})
	if err != nil {
		return nil, err
	}
	defer clear(der)
	return handlers.ParseTokens(der, time.Now)
}

// openTokensAlone is openTokens for a command that opens no house.
func (c *config) openTokensAlone(ctx context.Context) (_ *handlers.Tokens, err error) {
	if err := c.makeData(); err != nil {
		return nil, err
	}
	if !isPostgres(c.views) {
		return c.openTokens(ctx, nil)
	}
	keys, err := openVault(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	return c.openTokens(ctx, keys)
}
