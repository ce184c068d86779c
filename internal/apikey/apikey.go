// Package apikey makes API keys, and the entries by which manifests name them. It never stores or prints a key.
package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
)

// Prefix of every key, so that people and secret scanners tell what it is.
const Prefix = "khocr_"

// entropyBytes is 160 bits: far beyond guessing, and a whole number of base32 digits.
const entropyBytes = 20

// The lowercase alphabet of RFC 4648 base32: no two digits that are mistaken for each other, nothing a shell or a URL
// needs quoted, and one double click selects it.
var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Generate makes a new key: Prefix and 32 digits that carry 160 random bits.
func Generate() string {
	var random [entropyBytes]byte
	// Read never fails: where the system cannot give random bytes it ends the process.
	_, _ = rand.Read(random[:])
	return Prefix + encoding.EncodeToString(random[:])
}

// Hash is the SHA-256 of the whole key, Prefix included, in lowercase hexadecimal digits. A plain digest is enough,
// because a key has more entropy than any dictionary can cover.
func Hash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}
