// Package seal protects small secrets that have to be kept or handed out: what is sealed can be read, and what is signed can
// have been made, only by a process that has the platform's key.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// MinKeyBytes is the least that a platform key has.
const MinKeyBytes = 32

// ErrForged: what is to be opened was not sealed by this key for this place.
var ErrForged = errors.New("not sealed by this key for this place")

// Key is the platform's key.
type Key struct{ secret []byte }

// NewKey makes a key of random bytes, at least MinKeyBytes of them.
func NewKey(secret []byte) (*Key, error) {
	if len(secret) < MinKeyBytes {
		return nil, fmt.Errorf("the platform's key has %d bytes: it needs %d", len(secret), MinKeyBytes)
	}
	return &Key{secret: secret}, nil
}

// derive gives each purpose a key of its own (RFC 5869).
func (k *Key) derive(purpose string) []byte {
	derived, err := hkdf.Key(sha256.New, k.secret, nil, "khocr/"+purpose, sha256.Size)
	if err != nil {
		panic(fmt.Errorf("derive a key: %w", err)) // only for a length that no hash gives
	}
	return derived
}

func (k *Key) box() cipher.AEAD {
	block, err := aes.NewCipher(k.derive("seal"))
	if err != nil {
		panic(fmt.Errorf("make a cipher: %w", err)) // only for a length that no key has
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(fmt.Errorf("make a cipher: %w", err))
	}
	return box
}

// Seal encrypts a secret with AES-256-GCM for one place, such as the key that it is stored under.
func (k *Key) Seal(place string, secret []byte) []byte {
	return k.box().Seal(nil, nil, secret, []byte(place))
}

// Open decrypts what was sealed for the place, or fails with ErrForged.
func (k *Key) Open(place string, sealed []byte) ([]byte, error) {
	secret, err := k.box().Open(nil, nil, sealed, []byte(place))
	if err != nil {
		return nil, ErrForged
	}
	return secret, nil
}

// Sign makes a code for a message (HMAC-SHA256), under a key of the purpose's own.
func (k *Key) Sign(purpose, message string) []byte {
	mac := hmac.New(sha256.New, k.derive("sign/"+purpose))
	mac.Write([]byte(message))
	return mac.Sum(nil)
}

// Signed tells in constant time whether a code was made for the message and the purpose.
func (k *Key) Signed(purpose, message string, code []byte) bool {
	return hmac.Equal(code, k.Sign(purpose, message))
}

// Random is a fresh key's bytes.
func Random() []byte {
	secret := make([]byte, MinKeyBytes)
	_, _ = rand.Read(secret) // never fails
	return secret
}
