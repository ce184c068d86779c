package takeover

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/util/keyutil"
)

// redate signs a token of a service account once more, as the API server would have for another time of its end.
func redate(token, keyFile string, end time.Time) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errors.New("the token has no three parts")
	}
	content, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", fmt.Errorf("decoding the claims: %w", err)
	}
	var claims map[string]any
	if err := json.Unmarshal(content, &claims); err != nil {
		return "", fmt.Errorf("decoding the claims: %w", err)
	}
	begin := end.Add(-10 * time.Minute).Unix()
	claims["exp"], claims["iat"], claims["nbf"] = end.Unix(), begin, begin
	if content, err = json.Marshal(claims); err != nil {
		return "", fmt.Errorf("encoding the claims: %w", err)
	}
	pem, err := os.ReadFile(keyFile)
	if err != nil {
		return "", fmt.Errorf("reading the API server's key: %w", err)
	}
	parsed, err := keyutil.ParsePrivateKeyPEM(pem)
	if err != nil {
		return "", fmt.Errorf("parsing the API server's key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return "", fmt.Errorf("the API server's key is a %T, not one of ES256", parsed)
	}
	signed := parts[0] + "." + base64.RawURLEncoding.EncodeToString(content)
	digest := sha256.Sum256([]byte(signed))
	r, v, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		return "", fmt.Errorf("signing the token: %w", err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
