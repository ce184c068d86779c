package seal

import (
	"bytes"
	"errors"
	"testing"
)

func key(t *testing.T, fill byte) *Key {
	t.Helper()
	key, err := NewKey(bytes.Repeat([]byte{fill}, MinKeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestWhatIsSealedOpensInItsPlaceOnly(t *testing.T) {
	k := key(t, 1)
	sealed := k.Seal("here", []byte("secret"))
	if bytes.Contains(sealed, []byte("secret")) || bytes.Equal(sealed, k.Seal("here", []byte("secret"))) {
		t.Error("the seal shows what it holds")
	}
	if secret, err := k.Open("here", sealed); err != nil || string(secret) != "secret" {
		t.Errorf("opened %q, %v", secret, err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another place": func() ([]byte, error) { return k.Open("there", sealed) },
		"another key":   func() ([]byte, error) { return key(t, 2).Open("here", sealed) },
		"changed":       func() ([]byte, error) { return k.Open("here", changed) },
		"cut short":     func() ([]byte, error) { return k.Open("here", sealed[:5]) },
		"nothing":       func() ([]byte, error) { return k.Open("here", nil) },
	} {
		if secret, err := open(); !errors.Is(err, ErrForged) {
			t.Errorf("%s: opened %q, %v", name, secret, err)
		}
	}
}

func TestACodeIsGoodForItsMessageAndPurpose(t *testing.T) {
	k := key(t, 1)
	code := k.Sign("events", "message")
	if !k.Signed("events", "message", code) {
		t.Error("the code is refused")
	}
	if k.Signed("events", "another", code) || k.Signed("other", "message", code) || key(t, 2).Signed("events", "message", code) || k.Signed("events", "message", nil) {
		t.Error("a forged code is taken")
	}
}

func TestAShortKeyIsRefused(t *testing.T) {
	if _, err := NewKey(make([]byte, MinKeyBytes-1)); err == nil {
		t.Error("it is taken")
	}
	if _, err := NewKey(Random()); err != nil {
		t.Error(err)
	}
}
