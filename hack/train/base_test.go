package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openplp/khocr/internal/score"
)

// The shipped model, whose weights have 8 bits, reads the same when they are floating-point numbers.
func TestABaseReadsLikeTheModelThatItIsMadeOf(t *testing.T) {
	for _, program := range []string{"combine_tessdata", "tesseract"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs the package tesseract-ocr:", err)
		}
	}
	folder := t.TempDir()
	if err := makeBase("../../worker/tessdata/khocr.traineddata", folder); err != nil {
		t.Fatal(err)
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
	before, after := read("../../worker/tessdata", "khocr"), read(folder, "base")
	if compared := score.Compare(before, after); len(before) < 500 || compared.Characters.Rate() > 0.01 {
		t.Errorf("%q became %q", before, after)
	}
}

func TestToFloatSaysWhatItCannotRead(t *testing.T) {
	record := func(kind string) []byte {
		var out bytes.Buffer
		out.WriteByte(0)
		_ = binary.Write(&out, binary.LittleEndian, uint32(len(kind)))
		out.WriteString(kind)
		out.Write(make([]byte, 2+4*4+4))
		return out.Bytes()
	}
	for name, test := range map[string]struct {
		network []byte
		want    string
	}{
		"nothing":                 {nil, "EOF"},
		"an unknown layer":        {record("Telepathy"), "Telepathy"},
		"a layer cut off":         {record("Softmax"), "EOF"},
		"weights of another kind": {append(record("Softmax"), make([]byte, 20)...), "8 bits"},
		"a text of two billion":   {[]byte{0, 255, 255, 255, 127}, "2147483647 bytes"},
	} {
		if _, err := toFloat(test.network); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestMean(t *testing.T) {
	lstm := func(rows uint32, weight int8, scale float64) []byte {
		var out bytes.Buffer
		for _, value := range []any{
			uint8(0), uint32(7), []byte("Softmax"), make([]byte, 2+4*4+4), // no flags, sizes and name
			uint8(modeInt8), rows, uint32(1), uint8(0), slices.Repeat([]int8{weight}, int(rows)), rows, slices.Repeat([]float64{scale}, int(rows)),
			uint32(0), int32(trainingInt8), []byte("the rest"),
		} {
			_ = binary.Write(&out, binary.LittleEndian, value)
		}
		return out.Bytes()
	}
	same := lstm(2, 3, 0.5)
	want, err := toFloat(same)
	if err != nil {
		t.Fatal(err)
	}
	// 1.5 is half of 1 and 2, and of itself.
	for name, lstms := range map[string][][]byte{"of one": {same}, "of two": {lstm(2, 4, 0.25), lstm(2, 1, 2)}} {
		if got, err := mean(lstms); err != nil || !bytes.Equal(got, want) {
			t.Errorf("the mean %s is %v, %v", name, got, err)
		}
	}
	for name, other := range map[string][]byte{"more rows": lstm(3, 3, 0.5), "no network": nil} {
		if _, err := mean([][]byte{same, other}); err == nil || !strings.Contains(err.Error(), "recogniser 2") {
			t.Errorf("%s: %v", name, err)
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
