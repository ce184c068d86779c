package internalport

import (
	"testing"

	"github.com/openplp/khocr/internal/document"
)

// FuzzReadPage has a hostile worker store a page. What is kept is the page that it is kept for, in a form that is taken again
// and no other one than the first time; package document fuzzes what is in it.
func FuzzReadPage(f *testing.F) {
	for _, seed := range []string{
		`{"page":2,"source":"ocr","text":"a"}`, `{"page":2,"source":"ocr","secret":"x","lines":[{"words":null}],"error":{"code":"page_crashed","stack":"/usr"}}`,
		`{"page":3,"source":"ocr"}`, `{"page":2,"page":3,"source":"ocr"}`, `{"page":2,"PAGE":7,"source":"native"}`, `{"page":2,"source":"guess"}`, `{"page":2.0,"source":"none"}`,
		`{"page":2,"source":"ocr"}{"page":2}`, `{"page":2,"source":"ocr","width":-1}`, `{"page":2,"source":"mixed","confidence":1e300}`, ``, `null`,
	} {
		f.Add([]byte(seed), 2)
	}
	f.Fuzz(func(t *testing.T, content []byte, number int) {
		page, err := readPage(content, number)
		if err != nil {
			return
		}
		if page.Number != number {
			t.Fatalf("page %d is kept as %d", page.Number, number)
		}
		kept, err := document.EncodePage(page)
		if err != nil {
			t.Fatalf("it is taken, and cannot be kept: %v", err)
		}
		again, err := readPage(kept, number)
		if err != nil {
			t.Fatalf("what is kept is not taken: %v", err)
		}
		if twice, err := document.EncodePage(again); err != nil || string(twice) != string(kept) {
			t.Errorf("kept as %s, and then as %s (%v)", kept, twice, err)
		}
	})
}
