package apikey

import (
	"regexp"
	"testing"
)

func TestGeneratedKeysHaveThePrefixAnd160RandomBits(t *testing.T) {
	form := regexp.MustCompile(`^khocr_[a-z2-7]{32}$`)
	seen := map[string]bool{}
	for range 1000 {
		key := Generate()
		if !form.MatchString(key) {
			t.Fatalf("Generate() = %q, want it to match %s", key, form)
		}
		if seen[key] {
			t.Fatalf("Generate() made %q twice", key)
		}
		seen[key] = true
	}
}

func TestHashIsTheSHA256OfTheWholeKey(t *testing.T) {
	// printf %s khocr_your_key | sha256sum
	const want = "23901b17b67efec04f80e822f0b1fe29d16d0951cc42466b490ef62b4b4e357e"
	if got := Hash("khocr_your_key"); got != want {
		t.Errorf("Hash = %s, want %s", got, want)
	}
}
