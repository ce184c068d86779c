package document

import (
	"strings"
	"testing"
)

func TestSplittingTextAtFormFeedsGivesThePages(t *testing.T) {
	texts := []string{"first\nof two\n", "", "a\fb\x00\r\nc\u2028d\te\n\n\n", "ចុងក្រោយ", "\n", "\ufffe\xff"}
	want := []string{"first\nof two\n", "", "a\nb\nc\nd\te\n", "ចុងក្រោយ\n", "", "\ufffd\n"}
	pages := make([]*Page, len(texts))
	for i, text := range texts {
		pages[i] = &Page{Number: i + 1, Text: text}
	}
	got := strings.Split(string(rendered(t, FormatText, Info{Pages: len(pages)}, pages)), "\f")
	if len(got) != len(want) {
		t.Fatalf("%d pages, want %d: %q", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("page %d is %q, want %q", i+1, got[i], want[i])
		}
	}
}
