package main

import (
	"bytes"
	"math"
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
	texts := map[int]string{}
	for _, width := range []int{0, 300} {
		folder := t.TempDir()
		if err := makeBase("../../worker/tessdata/khocr.traineddata", folder, width); err != nil {
			t.Fatal(err)
		}
		after := read(folder, "base")
		texts[width] = after
		if compared := score.Compare(before, after); len(before) < 500 || compared.Characters.Rate() > 0.01 {
			t.Errorf("with a last layer of %d, %q became %q", width, before, after)
		}
	}
	if texts[300] != texts[0] {
		t.Errorf("what nothing listens to made %q of %q", texts[300], texts[0])
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
	nested := append(record("Series"), 1, 0, 0, 0)
	for name, test := range map[string]struct {
		network []byte
		want    string
	}{
		"nothing":                  {nil, "EOF"},
		"an unknown layer":         {record("Telepathy"), "Telepathy"},
		"a layer cut off":          {record("Softmax"), "EOF"},
		"weights of another kind":  {append(record("Softmax"), make([]byte, 20)...), "8 bits"},
		"scales of another kind":   {append(record("Softmax"), append([]byte{modeInt8}, make([]byte, 20)...)...), "a scale of 64"},
		"layers without an end":    {bytes.Repeat(nested, 100), "more than 32 layers"},
		"a text of two billion":    {[]byte{0, 255, 255, 255, 127}, "2147483647 bytes"},
		"a matrix without columns": {append(record("Softmax"), modeInt8|modeDouble, 1, 0, 0, 0, 0, 0, 0, 0, 0), "1 x 0"},
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

func TestWiden(t *testing.T) {
	gate := func() *matrix { return &matrix{modeDouble, 4, []float64{1, 2, 3, 4, 5, 6, 7, 8}} } // an input, two outputs, a constant
	lstm := &layer{kind: "LSTM", name: "Lfx2", sizes: sizes{1, 2, 32}, geometry: []int32{3}, matrices: []*matrix{gate(), gate(), gate(), gate()}}
	characters := &layer{kind: "Softmax", sizes: sizes{2, 1, 3}, matrices: []*matrix{{modeDouble, 3, []float64{1, 2, 3}}}}
	r := &recogniser{
		network: &layer{kind: "Series", sizes: sizes{1, 1, 35}, children: []*layer{lstm, characters}},
		spec:    "[1,36,0,1 Lfx2 Lrx2 Lfx2 O1c1]",
	}
	if err := r.widen(3); err != nil {
		t.Fatal(err)
	}
	if want := "[1,36,0,1 Lfx2 Lrx2 Lfx3 O1c1]"; r.spec != want || lstm.name != "Lfx3" {
		t.Errorf("it is called %s and %s", r.spec, lstm.name)
	}
	if lstm.sizes != (sizes{1, 3, 60}) || lstm.geometry[0] != 4 || characters.sizes != (sizes{3, 1, 4}) || r.network.sizes != (sizes{1, 1, 64}) {
		t.Errorf("sizes are %v and %v, %v and %v", lstm.sizes, lstm.geometry, characters.sizes, r.network.sizes)
	}
	for _, m := range lstm.matrices {
		// The old outputs do not listen to the new one.
		if want := []float64{1, 2, 3, 0, 4, 5, 6, 7, 0, 8}; m.columns != 5 || m.rows() != 3 || !slices.Equal(m.weights[:10], want) {
			t.Errorf("weights of the layer are %v", m.weights)
		}
		if slices.Contains(m.weights[10:], 0) || slices.ContainsFunc(m.weights[10:], func(w float64) bool { return math.Abs(w) > newWeight }) {
			t.Errorf("weights of the new output are %v", m.weights[10:])
		}
	}
	if want := []float64{1, 2, 0, 3}; !slices.Equal(characters.matrices[0].weights, want) {
		t.Errorf("weights of the characters are %v", characters.matrices[0].weights)
	}
}

func TestWidenSaysWhatItCannotWiden(t *testing.T) {
	series := func(outputs int32) *recogniser {
		lstm := &layer{kind: "LSTM", sizes: sizes{Outputs: outputs}, matrices: []*matrix{{columns: 1, weights: []float64{1}}}}
		return &recogniser{network: &layer{kind: "Series", children: []*layer{lstm, softmax(1, 1).network}}}
	}
	for name, test := range map[string]struct {
		recogniser *recogniser
		want       string
	}{
		"no LSTM":           {softmax(1, 1), "does not end in an LSTM"},
		"one that is wider": {series(3), "3 outputs"},
		"an LSTM that lies": {series(1), "has 1 x 1 weights"},
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
