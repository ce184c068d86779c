package apigateway

import (
	"strings"
	"testing"
)

func TestShownCutsLongWords(t *testing.T) {
	if got, want := shown("colour"), `"colour"`; got != want {
		t.Errorf("shown = %s, want %s", got, want)
	}
	if got := shown(strings.Repeat("ក", 1000)); len(got) > 80 || !strings.HasSuffix(got, "…") {
		t.Errorf("shown = %s", got)
	}
}
