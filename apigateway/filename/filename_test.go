package filename

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/openplp/khocr/api/v1alpha1"
)

func TestClean(t *testing.T) {
	for name, c := range map[string]struct{ given, want string }{
		"a plain name":                         {"document.pdf", "document.pdf"},
		"a Khmer name with zero-width spaces":  {"របាយការណ៍\u200bប្រចាំឆ្នាំ.pdf", "របាយការណ៍\u200bប្រចាំឆ្នាំ.pdf"},
		"a path":                               {"/home/sok/a b.pdf", "a b.pdf"},
		"a path of Windows":                    {`C:\Users\សុខ\a.pdf`, "a.pdf"},
		"a way out":                            {"../../etc/passwd", "passwd"},
		"nothing but a way out":                {"..", ""},
		"a folder":                             {"folder/", ""},
		"line breaks and other controls":       {"a\r\nb\x00\x1b[31m.pdf", "ab[31m.pdf"},
		"a name that reads backwards":          {"a\u202Efdp.exe", "afdp.exe"},
		"bytes that are no text":               {"a\xff\xfe.pdf", "a\uFFFD.pdf"},
		"spaces around":                        {"  a.pdf ", "a.pdf"},
		"255 bytes":                            {strings.Repeat("a", 255), strings.Repeat("a", 255)},
		"256 bytes":                            {strings.Repeat("a", 256), strings.Repeat("a", 255)},
		"a long Khmer name, cut between runes": {strings.Repeat("ក", 100), strings.Repeat("ក", 85)},
		"a cut within a rune":                  {"a" + strings.Repeat("ក", 100), "a" + strings.Repeat("ក", 84)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Clean(c.given); got != c.want {
				t.Errorf("Clean(%q) = %q, want %q", c.given, got, c.want)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"a.pdf", "ឯកសារ.pdf", "../x", `a\b`, "\xff", strings.Repeat("ក", 90), " . "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		name := Clean(given)
		switch {
		case !utf8.ValidString(name):
			t.Error("the name is no text")
		case len(name) > maxBytes:
			t.Errorf("the name has %d bytes", len(name))
		case strings.ContainsAny(name, `/\`), name == ".", name == "..":
			t.Errorf("the name %q is a path", name)
		case strings.IndexFunc(name, unicode.IsControl) >= 0:
			t.Errorf("the name %q has control characters", name)
		case Clean(name) != name:
			t.Errorf("the name %q is not clean", name)
		}
	})
}

func TestOf(t *testing.T) {
	for address, want := range map[string]string{
		"https://example.test/a/b/%E1%9E%80.pdf?token=1": "ក.pdf",
		"https://example.test":                           "",
		"https://example.test/":                          "",
	} {
		if got := Of(&v1alpha1.DocumentSource{URL: address}); got != want {
			t.Errorf("Of(%s) = %q, want %q", address, got, want)
		}
	}
}
