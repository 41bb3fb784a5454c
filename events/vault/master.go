package vault

import (
	"context"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// MasterVariable is the environment variable that can hold the master key.
const MasterVariable = "PARLEY_MASTER_KEY"

// The files in a vault's directory.
const (
	// FileName is the vault itself.
	FileName = "vault.db"
	// MasterFileName is the master key, if the environment does not hold it.
	MasterFileName = "master.key"
)

// Master is the key that wraps all others. It shows itself to nobody.
type Master struct{ aead cipher.AEAD }

// Format prints no secret, whatever the verb.
func (Master) Format(f fmt.State, _ rune) { io.WriteString(f, "master key") }

// ParseMaster reads a master key: 32 bytes in hex or base64. Its errors do not
// repeat the text.
func ParseMaster(text string) (Master, error) {
	key, err := decodeKey(strings.TrimSpace(text))
	if err != nil {
		return Master{}, err
	}
	defer clear(key)
	aead, err := newAEAD(key)
	return Master{aead}, err
}

func decodeKey(text string) ([]byte, error) {
	if key, err := hex.DecodeString(text); err == nil && len(key) == keySize {
		return key, nil
	}
	unpadded := strings.TrimRight(text, "=")
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		key, err := encoding.DecodeString(unpadded)
		if err != nil {
			continue
		}
		if len(key) != keySize {
			return nil, fmt.Errorf("a master key is %d bytes in base64 or hex, but this has another length", keySize)
		}
		return key, nil
	}
	return nil, fmt.Errorf("a master key is %d bytes in base64 or hex, and this is neither", keySize)
}

// LoadMaster finds the master key of the vault in a directory: in the value of
// MasterVariable if that is not empty, or else in the directory's file
// MasterFileName, which it makes with a random key (mode 0600, synced) if
// there is neither the file nor a vault.
//
// Errors: a key that cannot be read, a file that others may read, and a vault
// whose key is missing; each says what to do.
func LoadMaster(directory, environment string, random io.Reader) (Master, error) {
	return loadMaster(directory, environment, random, func() (string, error) {
		_, err := os.Stat(filepath.Join(directory, FileName))
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return "the vault in " + directory, err
	})
}

// LoadMaster is the function LoadMaster for a vault in a database. The file is
// looked for in the directory, and made there only if the database has no
// vault yet.
func (d Database) LoadMaster(ctx context.Context, directory, environment string, random io.Reader) (Master, error) {
	return loadMaster(directory, environment, random, func() (string, error) {
		made, err := d.Exists(ctx)
		if err != nil || !made {
			return "", err
		}
		return "the vault " + d.String(), nil
	})
}

// loadMaster makes no key for what made names: the vault that is there.
func loadMaster(directory, environment string, random io.Reader, made func() (string, error)) (Master, error) {
	if environment != "" {
		master, err := ParseMaster(environment)
		if err != nil {
			return Master{}, fmt.Errorf("%s: %w", MasterVariable, err)
		}
		return master, nil
	}
	path := filepath.Join(directory, MasterFileName)
	// A vault is made after its key, so it must be looked for first.
	vault, lookErr := made()
	master, err := readMaster(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return master, err
	}
	if lookErr != nil {
		return Master{}, lookErr
	}
	if vault != "" {
		return Master{}, fmt.Errorf("%s needs the master key it was made with: restore %s or set %s", vault, path, MasterVariable)
	}
	if err := makeMaster(path, random); err != nil {
		return Master{}, fmt.Errorf("making the master key %s: %w", path, err)
	}
	return readMaster(path)
}

// maxMasterFile is more than any encoding of a key needs.
const maxMasterFile = 1 << 10

func readMaster(path string) (Master, error) {
	file, err := os.Open(path)
	if err != nil {
		return Master{}, fmt.Errorf("reading the master key: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Master{}, fmt.Errorf("reading the master key: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Master{}, fmt.Errorf("the master key %s is open to others (mode %04o): run chmod 600 %s", path, mode, path)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxMasterFile))
	if err != nil {
		return Master{}, fmt.Errorf("reading the master key: %w", err)
	}
	defer clear(text)
	master, err := ParseMaster(string(text))
	if err != nil {
		return Master{}, fmt.Errorf("%s: %w", path, err)
	}
	return master, nil
}

// makeMaster makes the file whole or not at all. If another process makes it
// at the same time, the first one's stays.
func makeMaster(path string, random io.Reader) error {
	directory := filepath.Dir(path)
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	draft, err := os.CreateTemp(directory, ".master-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	if err := errors.Join(writeKey(draft, random), draft.Close()); err != nil {
		return err
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return errors.Join(syncDirectory(directory), syncDirectory(filepath.Dir(directory)))
}

func writeKey(file *os.File, random io.Reader) error {
	key := make([]byte, keySize)
	defer clear(key)
	if _, err := io.ReadFull(random, key); err != nil {
		return fmt.Errorf("drawing a key: %w", err)
	}
	line := append(base64.StdEncoding.AppendEncode(nil, key), '\n')
	defer clear(line)
	if _, err := file.Write(line); err != nil {
		return err
	}
	return file.Sync()
}

// syncDirectory makes the entries of a directory durable.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
