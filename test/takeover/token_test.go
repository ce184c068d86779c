package takeover

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
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
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return "", fmt.Errorf("the API server's key is a %T", parsed)
	}
	signed := parts[0] + "." + base64.RawURLEncoding.EncodeToString(content)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		return "", fmt.Errorf("signing the token: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
