package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bench runs the program and returns what it wrote.
func bench(t *testing.T, arguments ...string) (out, errs string, err error) {
	t.Helper()
	var outBuffer, errBuffer bytes.Buffer
	root := rootCommand()
	root.SetArgs(arguments)
	root.SetOut(&outBuffer)
	root.SetErr(&errBuffer)
	err = root.ExecuteContext(t.Context())
	return outBuffer.String(), errBuffer.String(), err
}

func buildEngine(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "engine")
	build := exec.Command("go", "build", "-o", path, "github.com/openplp/khocr/cmd/engine")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the engine: %v\n%s", err, output)
	}
	if output, err := exec.Command("../tessdata.sh", filepath.Join(filepath.Dir(path), "tessdata")).CombinedOutput(); err != nil {
		t.Fatalf("laying out trained data: %v\n%s", err, output)
	}
	return path
}

// The pages carry their text, so no model is needed.
func TestAFolderIsReadAndScored(t *testing.T) {
	engine, data := buildEngine(t), t.TempDir()
	testdata := filepath.Join("..", "..", "test", "testdata")
	for to, from := range map[string]string{"a-1.pdf": "native.pdf", "a-1.txt": "native.txt", "a-1-p001.txt": "native.txt", "b.pdf": "not-a-pdf.txt", "b.txt": "native.txt"} {
		content, err := os.ReadFile(filepath.Join(testdata, from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, to), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	results := filepath.Join(t.TempDir(), "results")
	out, errs, err := bench(t, "accuracy", "--data", data, "--engine", engine, "--out", results, "--per-page", "--json", "--jobs", "2")
	if err == nil || !strings.Contains(err.Error(), "1 of 2 documents could not be read") {
		t.Errorf("error = %v; %s", err, errs)
	}

	var r struct {
		Lines []struct {
			Document, Source, Reason, Refused string
			Page                              int
			CPUSeconds                        float64                     `json:"cpu_seconds"`
			PeakMemoryMB                      float64                     `json:"peak_memory_mb"`
			Score                             struct{ Edits, Length int } `json:"score"`
		}
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if len(r.Lines) != 3 {
		t.Fatalf("lines = %+v, want a page, its document and the one that was refused", r.Lines)
	}
	page, whole, refused := r.Lines[0], r.Lines[1], r.Lines[2]
	if page.Page != 1 || page.Source != "native" || page.CPUSeconds <= 0 || page.PeakMemoryMB <= 1 || page.Score.Edits != 0 || page.Score.Length == 0 {
		t.Errorf("page = %+v", page)
	}
	if whole.Page != 0 || whole.Score.Edits != 0 || whole.Score.Length != page.Score.Length {
		t.Errorf("document = %+v", whole)
	}
	if refused.Document != "b" || !strings.Contains(refused.Refused, "UnsupportedDocument") || refused.Score.Edits != refused.Score.Length || refused.Score.Length == 0 {
		t.Errorf("refused = %+v", refused)
	}

	written := make(map[string]bool)
	for _, name := range []string{"a-1.txt", "a-1-p001.txt", "b.txt"} {
		content, err := os.ReadFile(filepath.Join(results, name))
		if err != nil {
			t.Error(err)
		}
		written[name] = len(content) > 100
	}
	if want := map[string]bool{"a-1.txt": true, "a-1-p001.txt": true, "b.txt": false}; !maps.Equal(written, want) {
		t.Errorf("text was written of %v, want %v", written, want)
	}
}

// One image twice, with its text and without any: each of its words is right once at most.
func TestWordsAreJudgedAndPagesWithoutTextCounted(t *testing.T) {
	engine, data := buildEngine(t), t.TempDir()
	testdata := filepath.Join("..", "..", "test", "testdata")
	image, err := os.ReadFile(filepath.Join(testdata, "image.png"))
	if err != nil {
		t.Fatal(err)
	}
	sample, err := os.ReadFile(filepath.Join(testdata, "sample.txt"))
	if err != nil {
		t.Fatal(err)
	}
	shown := strings.Join(strings.SplitAfter(string(sample), "\n")[:5], "")
	if err := files("text-1.png", string(image), "text-1.txt", shown, "blank-1.png", string(image), "blank-1.txt", "\n")(data); err != nil {
		t.Fatal(err)
	}
	out, errs, err := bench(t, "accuracy", "--data", data, "--engine", engine, "--json")
	if err != nil {
		t.Fatalf("%v; %s", err, errs)
	}
	var r struct {
		Lines []struct {
			Invented *int `json:"invented_characters"`
		}
		All struct {
			Truths int
			Score  struct{ Length int }
			Blank  struct {
				Pages int
				Most  int `json:"most_invented_characters"`
			}
		}
		Reliability []struct {
			Words int
			Right float64 `json:"right_percent"`
		}
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in\n%s", err, out)
	}
	if len(r.Lines) != 2 || r.Lines[0].Invented == nil || *r.Lines[0].Invented < 100 || r.Lines[1].Invented != nil {
		t.Errorf("lines = %+v, want characters that are too many on the first only", r.Lines)
	}
	if r.All.Truths != 1 || r.All.Score.Length < 100 || r.All.Blank.Pages != 1 || r.All.Blank.Most < 100 {
		t.Errorf("sums = %+v", r.All)
	}
	words, right := 0, 0.0
	for _, row := range r.Reliability {
		words += row.Words
		right += float64(row.Words) * row.Right / 100
	}
	if share := right / float64(max(words, 1)); share < 0.25 || share > 0.5 {
		t.Errorf("%v of %d words are right, want most of a half: %+v", right, words, r.Reliability)
	}
}

func TestACommandThatCannotBeDoneSaysWhy(t *testing.T) {
	data := t.TempDir()
	if err := files("a.png", "")(data); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		arguments []string
		want      string
	}{
		"no folder":        {[]string{}, `required flag(s) "data"`},
		"no such folder":   {[]string{"--data", data + "/none"}, "no such file"},
		"no such engine":   {[]string{"--data", data, "--engine", data + "/none"}, "make build"},
		"every none":       {[]string{"--data", data, "--every", "0"}, "--every is 0"},
		"a stray argument": {[]string{"--data", data, "law"}, "unknown command"},
		"no such flag":     {[]string{"--data", data, "--pages", "3"}, "unknown flag"},
	} {
		for _, command := range []string{"accuracy", "speed"} {
			t.Run(command+"/"+name, func(t *testing.T) {
				_, _, err := bench(t, slices.Concat([]string{command}, test.arguments)...)
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error = %v, want one with %q", err, test.want)
				}
			})
		}
	}
	if _, _, err := bench(t, "accuracy", "--data", data, "--engine", os.Args[0], "--jobs", "0"); err == nil || !strings.Contains(err.Error(), "--jobs is 0") {
		t.Errorf("no jobs: error = %v", err)
	}
}
