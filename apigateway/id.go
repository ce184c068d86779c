package apigateway

import (
	"crypto/rand"
	"encoding/hex"
)

// RandomID makes up the id of a job, or of a document: 48 random bits as 12 lowercase hexadecimal digits.
func RandomID() string {
	var random [6]byte
	_, _ = rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:])
}
