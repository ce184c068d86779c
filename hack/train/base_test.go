package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/score"
)

// The shipped model, whose weights have 8 bits, reads the same when they are floating-point numbers, and when it has more.
func TestABaseReadsLikeTheModelThatItIsMadeOf(t *testing.T) {
	for _, program := range []string{"combine_tessdata", "tesseract"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs the package tesseract-ocr:", err)
		}
	}
	read := func(tessdata, model string) string {
		command := exec.Command("tesseract", "../../test/testdata/image.png", "-", "--psm", "6", "--tessdata-dir", tessdata, "-l", model)
		command.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
		text, err := command.Output()
		if err != nil {
			t.Fatalf("%s: %v", model, err)
		}
		return string(text)
	}
	before := read("../../worker/tessdata", "khocr")
	for _, width := range []int{0, 256} {
		folder := t.TempDir()
		if err := makeBase("../../worker/tessdata/khocr.traineddata", folder, width); err != nil {
			t.Fatal(err)
		}
		after := read(folder, "base")
		if compared := score.Compare(before, after); len(before) < 500 || compared.Characters.Rate() > 0.01 {
			t.Errorf("with a last layer of %d, %q became %q", width, before, after)
		}
	}
}

func TestReadFloatSaysWhatItCannotRead(t *testing.T) {
	record := func(kind string) []byte {
		var out writer
		out.write(uint8(0))
		out.text(kind)
		out.write(make([]byte, 2+4*4+4))
		return out.Bytes()
	}
	for name, test := range map[string]struct {
		network []byte
		want    string
	}{
		"nothing":                  {nil, "EOF"},
		"an unknown layer":         {record("Telepathy"), "Telepathy"},
		"a layer cut off":          {record("Softmax"), "EOF"},
		"weights of another kind":  {append(record("Softmax"), make([]byte, 20)...), "8 bits"},
		"a text of two billion":    {[]byte{0, 255, 255, 255, 127}, "2147483647 bytes"},
		"a matrix without columns": {append(record("Softmax"), 1, 1, 0, 0, 0, 0, 0, 0, 0, 0), "1 x 0"},
	} {
		if _, err := readFloat(test.network); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// softmax is a recogniser of so many characters, with one weight each.
func softmax(rows int, weight float64) *recogniser {
	return &recogniser{network: &layer{
		kind:     "Softmax",
		matrices: []*matrix{{mode: modeDouble, columns: 1, weights: slices.Repeat([]float64{weight}, rows)}},
	}}
}

func TestMean(t *testing.T) {
	want := softmax(2, 1.5).bytes()
	for name, recognisers := range map[string][]*recogniser{"of one": {softmax(2, 1.5)}, "of two": {softmax(2, 1), softmax(2, 2)}} {
		if got, err := mean(recognisers); err != nil || !bytes.Equal(got.bytes(), want) {
			t.Errorf("the mean %s is %v, %v", name, got, err)
		}
	}
	if _, err := mean([]*recogniser{softmax(2, 1), softmax(3, 1)}); err == nil || !strings.Contains(err.Error(), "recogniser 2") {
		t.Errorf("one of another shape: %v", err)
	}
}

func TestWidenSaysWhatItCannotWiden(t *testing.T) {
	series := func(outputs int32) *recogniser {
		lstm := &layer{kind: "LSTM", sizes: sizes{Outputs: outputs}}
		return &recogniser{network: &layer{kind: "Series", children: []*layer{lstm, softmax(1, 1).network}}}
	}
	for name, test := range map[string]struct {
		recogniser *recogniser
		want       string
	}{
		"no LSTM":           {softmax(1, 1), "does not end in an LSTM"},
		"one that is wider": {series(3), "3 outputs"},
	} {
		if err := test.recogniser.widen(2); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestExtend(t *testing.T) {
	set, err := os.ReadFile(unpackedUnicharset(t))
	if err != nil {
		t.Fatal(err)
	}
	larger, count, err := extend(string(set))
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]int{}
	for line := range strings.Lines(larger) {
		character, _, _ := strings.Cut(line, " ")
		has[character]++
	}
	for _, character := range []string{"ក", "្ក", "្ឡ", "ឮ", "៛", "0", "០", "A", "é"} {
		if has[character] != 1 {
			t.Errorf("%s is there %d times", character, has[character])
		}
	}
	if again, same, err := extend(larger); err != nil || again != larger || same != count {
		t.Errorf("extending once more gave %d characters instead of %d, %v", same, count, err)
	}
	if got := len(recoder(count)); got != 4+count*9 {
		t.Errorf("the recoder has %d bytes for %d characters", got, count)
	}
	if _, _, err := extend("7\nNULL 0\n"); err == nil {
		t.Error("a set that lacks lines was taken")
	}
}

func unpackedUnicharset(t *testing.T) string {
	t.Helper()
	prefix := filepath.Join(t.TempDir(), "khocr.")
	if output, err := exec.Command("combine_tessdata", "-u", "../../worker/tessdata/khocr.traineddata", prefix).CombinedOutput(); err != nil {
		t.Skipf("needs the package tesseract-ocr: %v: %s", err, output)
	}
	return prefix + "lstm-unicharset"
}
