package content

import (
	"maps"
	"slices"
	"testing"
)

func TestParseLdd(t *testing.T) {
	const output = `	linux-vdso.so.1 (0x00007ffd4b5f2000)
	libtesseract.so.5 => /lib/x86_64-linux-gnu/libtesseract.so.5 (0x00007f1b2c000000)
	libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f1b2b000000)
	/lib64/ld-linux-x86-64.so.2 (0x00007f1b2d000000)
`
	got, err := parseLdd(output)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libtesseract.so.5", "/lib64/ld-linux-x86-64.so.2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseLddRefusesAMissingLibrary(t *testing.T) {
	if got, err := parseLdd("\tlibtesseract.so.5 => not found\n"); err == nil {
		t.Errorf("got %q, want an error", got)
	}
}

func TestParseSearch(t *testing.T) {
	const output = `diversion by dash from: /bin/sh
libc6:amd64: /lib/x86_64-linux-gnu/libc.so.6
libstdc++6:amd64: /usr/lib/x86_64-linux-gnu/libstdc++.so.6
libc6:amd64: /lib/x86_64-linux-gnu/libm.so.6
`
	want := map[string]string{
		"/lib/x86_64-linux-gnu/libc.so.6": "libc6", "/lib/x86_64-linux-gnu/libm.so.6": "libc6",
		"/usr/lib/x86_64-linux-gnu/libstdc++.so.6": "libstdc++6",
	}
	if got := parseSearch(output); !maps.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
