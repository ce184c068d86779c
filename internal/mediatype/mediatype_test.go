package mediatype

import (
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	for name, c := range map[string]struct{ head, want string }{
		"a PDF at the very start":                      {"%PDF-1.7\n", PDF},
		"a PDF behind a byte order mark":               {"\xef\xbb\xbf%PDF-1.4", PDF},
		"a PDF header that ends at byte 1024":          {strings.Repeat(" ", 1019) + "%PDF-", PDF},
		"a PDF header that ends at byte 1025":          {strings.Repeat(" ", 1020) + "%PDF-", ""},
		"a PNG":                                        {"\x89PNG\r\n\x1a\n....", PNG},
		"a PNG whose line ends were rewritten":         {"\x89PNG\n\x1a\n....", ""},
		"a JPEG":                                       {"\xff\xd8\xff\xe0..JFIF", JPEG},
		"a TIFF of little-endian numbers":              {"II*\x00\x08", TIFF},
		"a TIFF of big-endian numbers":                 {"MM\x00*\x00", TIFF},
		"a BigTIFF is none":                            {"II+\x00\x08", ""},
		"an image stays one though it speaks of a PDF": {"\x89PNG\r\n\x1a\n%PDF-1.7", PNG},
		"a web page":                                   {"<!DOCTYPE html>", ""},
		"a Word document":                              {"PK\x03\x04", ""},
		"nothing":                                      {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Detect([]byte(c.head)); got != c.want {
				t.Errorf("Detect = %q, want %q", got, c.want)
			}
		})
	}
}

func FuzzDetect(f *testing.F) {
	f.Add([]byte("%PDF-1.7"))
	f.Add([]byte("II*\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		got := Detect(content)
		switch got {
		case "", PDF, PNG, JPEG, TIFF:
		default:
			t.Fatalf("Detect = %q, which the platform does not take", got)
		}
		if len(content) > HeadBytes && got != Detect(content[:HeadBytes]) {
			t.Fatal("bytes beyond the head changed the answer")
		}
	})
}
