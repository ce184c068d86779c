package wire

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestLanguages(t *testing.T) {
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "script"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"khm": "k", "eng": "e", "Khmer": "K", "script/Latin": "L", "empty": ""} {
		if err := os.WriteFile(filepath.Join(folder, name+".traineddata"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for model, want := range map[string][]string{
		"khm": {"khm"}, "khm+eng": {"khm", "eng"}, "script/Khmer": {"Khmer"}, "script/Latin+Khmer": {"script/Latin", "Khmer"},
	} {
		if got, err := Languages(model, folder); err != nil || !slices.Equal(got, want) {
			t.Errorf("model %q is %v, %v; want %v", model, got, err, want)
		}
	}
	for _, model := range []string{"", "../khm", "/etc/khm", "khm+../../eng", "khm+lao", "Latin", "script", "empty", "khm+empty"} {
		if got, err := Languages(model, folder); !errors.Is(err, ErrTrainedData) {
			t.Errorf("model %q is %v, %v", model, got, err)
		}
	}
}
