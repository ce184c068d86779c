package wire

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// DefaultTessdata is where Debian keeps trained data.
const DefaultTessdata = "/usr/share/tesseract-ocr/5/tessdata"

// ErrTrainedData: a model is missing, or cannot be loaded.
var ErrTrainedData = errors.New("trained data is missing or broken")

// Languages splits a model in Tesseract's notation, such as khm+eng or script/Khmer, and finds the file of each in the folder, which
// has its name and .traineddata. It fails with ErrTrainedData where one is missing or empty. Debian lays script models beside the
// languages, upstream in a folder script. Tesseract must not be the first to miss one: the binding catches its message in a
// buffer of 512 bytes and writes beyond it.
func Languages(model, folder string) ([]string, error) {
	languages := strings.Split(model, "+")
	for i, language := range languages {
		found := false
		for _, name := range []string{language, strings.TrimPrefix(language, "script/")} {
			if !filepath.IsLocal(name) {
				continue
			}
			if file, err := os.Stat(filepath.Join(folder, name+".traineddata")); err == nil && file.Mode().IsRegular() && file.Size() > 0 {
				languages[i], found = name, true
				break
			}
		}
		if !found {
			return nil, fmt.Errorf("find model %q: %w", language, ErrTrainedData)
		}
	}
	return languages, nil
}
