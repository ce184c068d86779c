package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Headers of the Standard Webhooks specification.
const (
	headerID        = "webhook-id"
	headerTimestamp = "webhook-timestamp"
	headerSignature = "webhook-signature"
)

const (
	secretPrefix = "whsec_"
	// Bounds of a secret in bytes.
	minSecret, maxSecret = 24, 64
)

// parseSecret reads a symmetric secret: whsec_ and 24 to 64 bytes in base64. The error never repeats it.
func parseSecret(text string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(strings.TrimSpace(text), secretPrefix)
	if !ok {
		return nil, errors.New("it does not begin with " + secretPrefix)
	}
	secret, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("it is no base64")
	}
	if len(secret) < minSecret || len(secret) > maxSecret {
		return nil, errors.New("it has not 24 to 64 bytes")
	}
	return secret, nil
}

// signature of a message, version 1: HMAC-SHA256 of id, time in seconds and body.
func signature(secret []byte, id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
