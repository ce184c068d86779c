package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestADocumentIsReadInTurnsWithOtherPrograms(t *testing.T) {
	if _, err := scriptModel(t.Context()); err != nil {
		t.Skip("needs the packages tesseract-ocr and tesseract-ocr-script-khmr:", err)
	}
	data := t.TempDir()
	image, err := filepath.Abs(filepath.Join("..", "..", "test", "testdata", "image.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(image, filepath.Join(data, "image.png")); err != nil {
		t.Fatal(err)
	}
	out, errs, err := bench(t, "speed", "--data", data, "--engine", buildEngine(t))
	if err != nil {
		t.Fatalf("%v; %s", err, errs)
	}
	for _, want := range []string{
		`(?m)^1 pages of 1 documents, in turns`,
		`(?m)^  khocr +[0-9.]*[1-9][0-9.]* `,
		`(?m)^  tesseract --psm 6 +[0-9.]*[1-9][0-9.]* +\S+  \d+\.\d+$`,
		`(?m)^1 pages of 1 documents, images bound to one`,
		`(?m)^  two engines +\S+ +\S+  \d+\.\d+ times as fast$`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("nothing matches %s in\n%s", want, out)
		}
	}
}
