package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"

	"github.com/google/uuid"
)

// A sealed value, and a wrapped key alike:
//
//	byte 0    version, 1
//	1–12      nonce, random
//	13–       AES-256-GCM ciphertext and 16-byte tag
//
// Bound to it, but not in it, is where it belongs: owner and event (16 bytes
// each) for a value, the owner for a wrapped key, pseudonymsLabel for the key
// of the pseudonyms, secretsLabel and a name for a secret. These differ in
// length, so none passes for another.
const (
	sealVersion = 1
	nonceSize   = 12
	headerSize  = 1 + nonceSize
	tagSize     = 16
	keySize     = 32
)

// pseudonymsName is what the key of the pseudonyms is stored under, and
// secretsPrefix begins the names of secrets.
const (
	pseudonymsName = "pseudonyms"
	secretsPrefix  = "secret "
	secretsLabel   = "a secret that all servers have in common: "
)

var pseudonymsLabel = []byte(pseudonymsName)

func place(owner, event uuid.UUID) []byte {
	return append(append(make([]byte, 0, 32), owner[:]...), event[:]...)
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func sealValue(random io.Reader, aead cipher.AEAD, plain, place []byte) ([]byte, error) {
	sealed := make([]byte, headerSize, headerSize+len(plain)+tagSize)
	sealed[0] = sealVersion
	nonce := sealed[1:headerSize]
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, fmt.Errorf("drawing a nonce: %w", err)
	}
	return aead.Seal(sealed, nonce, plain, place), nil
}

// openValue fails with ErrDamaged if the value is not what sealValue made for
// that place under that key.
func openValue(aead cipher.AEAD, sealed, place []byte) ([]byte, error) {
	if len(sealed) < headerSize+tagSize {
		return nil, fmt.Errorf("%w: %d bytes are too few", ErrDamaged, len(sealed))
	}
	if sealed[0] != sealVersion {
		return nil, fmt.Errorf("%w: unknown version %d", ErrDamaged, sealed[0])
	}
	plain, err := aead.Open(nil, sealed[1:headerSize], sealed[headerSize:], place)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return plain, nil
}

// newKey draws a key and wraps it for its place.
func (v *Vault) newKey(place []byte) (key, wrapped []byte, err error) {
	key = make([]byte, keySize)
	if _, err := io.ReadFull(v.options.Random, key); err != nil {
		return nil, nil, fmt.Errorf("drawing a key: %w", err)
	}
	wrapped, err = sealValue(v.options.Random, v.master.aead, key, place)
	return key, wrapped, err
}

// unwrap makes a person's stored key ready for use.
func (v *Vault) unwrap(owner uuid.UUID, wrapped []byte) (cipher.AEAD, error) {
	key, err := openValue(v.master.aead, wrapped, owner[:])
	if err != nil {
		return nil, fmt.Errorf("the stored key of %s: %w", owner, err)
	}
	defer clear(key)
	return newAEAD(key)
}
