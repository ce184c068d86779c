package score

import (
	"slices"
	"strings"
	"testing"
)

func TestParts(t *testing.T) {
	for name, test := range map[string]struct{ truth, texts, want string }{
		"all right":                     {"ក ខ គ ឃ", "កខ|គឃ", "កខ|គឃ"},
		"a mistake at a beginning":      {"កខគឃ", "កខ|ងឃ", "កខ|គឃ"},
		"a mistake at an end":           {"កខគឃ", "កង|គឃ", "កខ|គឃ"},
		"missing between":               {"កខគឃង", "កខ|ឃង", "កខគ|ឃង"},
		"missing before all":            {"កខគឃ", "គ|ឃ", "កខគ|ឃ"},
		"missing behind all":            {"កខគឃ", "ក|ខ", "ក|ខគឃ"},
		"a text that stands for none":   {"កខ", "ក|ចចច|ខ", "ក||ខ"},
		"a text that is all mistakes":   {"កខគឃង", "ក|ចឆជ|ង", "ក|ខគឃ|ង"},
		"more mistakes than characters": {"កខ", "ចឆជឈញ|ខ", "ក|ខ"},
		"nothing read":                  {"កខ", "|", "កខ|"},
		"no truth":                      {"", "ក|ខ", "|"},
	} {
		if got := Parts(test.truth, strings.Split(test.texts, "|")); !slices.Equal(got, strings.Split(test.want, "|")) {
			t.Errorf("%s: %q stand for %q, want %q", name, test.texts, got, test.want)
		}
	}
	if got := Parts("ក", nil); len(got) != 0 {
		t.Errorf("no texts stand for %q", got)
	}
}
