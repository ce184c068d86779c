package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/score"
	"github.com/openplp/khocr/worker"
)

// page of a result that took a tenth of a second and its number in megabytes.
func page(number int, text string) readPage {
	return readPage{
		&document.Page{Number: number, Text: text, Source: document.SourceOCR, Reason: "no_text_layer"},
		worker.Cost{CPU: 100 * time.Millisecond, PeakMemory: int64(number) * 1e6},
	}
}

func TestAResultIsComparedWithTheTruthsThereAre(t *testing.T) {
	// Edits of a line, or -1 where it is not scored, and characters that it has too many where nothing is to be read.
	type found struct {
		page, edits, invented int
		refused               bool
	}
	truth, empty := "កខ", " \n"
	for name, test := range map[string]struct {
		result result
		want   []found
	}{
		"an image": {
			result{sample: sample{truth: &truth}, read: []readPage{page(1, "កគ")}},
			[]found{{page: 1, edits: 1}},
		},
		"pages and the whole of them": {
			result{sample: sample{truth: &truth}, read: []readPage{page(1, "ក"), page(2, "ខ")}},
			[]found{{page: 1, edits: -1}, {page: 2, edits: -1}, {page: 0, edits: 0}},
		},
		"single pages": {
			result{sample: sample{pages: map[int]string{2: "ក"}}, read: []readPage{page(1, "x"), page(2, "ខ")}},
			[]found{{page: 1, edits: -1}, {page: 2, edits: 1}},
		},
		"pages that were not read": {
			result{sample: sample{pages: map[int]string{2: "ក", 7: "កក", 9: "ក"}, only: []int{2, 7}}, read: []readPage{page(2, "ក")}},
			[]found{{page: 2, edits: 0}, {page: 7, edits: 2}},
		},
		"an image without text": {
			result{sample: sample{truth: &empty}, read: []readPage{page(1, "ក x\n")}},
			[]found{{page: 1, edits: -1, invented: 2}},
		},
		"a document without text": {
			result{sample: sample{truth: &empty}, read: []readPage{page(1, ""), page(2, "x")}},
			[]found{{page: 1, edits: -1}, {page: 2, edits: -1, invented: 1}},
		},
		"a page without text": {
			result{sample: sample{pages: map[int]string{2: "", 3: "ក"}}, read: []readPage{page(2, "x"), page(3, "ក")}},
			[]found{{page: 2, edits: -1, invented: 1}, {page: 3}},
		},
		"a document without text that was refused": {
			result{sample: sample{truth: &empty}, read: []readPage{page(1, "x")}, refused: errors.New("damaged")},
			[]found{{page: 1, edits: -1, invented: 1}, {page: 0, edits: -1, refused: true}},
		},
		"no truth": {
			result{read: []readPage{page(1, "x")}},
			[]found{{page: 1, edits: -1}},
		},
		"a document that was refused": {
			result{sample: sample{truth: &truth}, refused: errors.New("damaged")},
			[]found{{page: 0, edits: 2, refused: true}},
		},
		"a document without a truth that was refused": {
			result{refused: errors.New("damaged")},
			[]found{{page: 0, edits: -1, refused: true}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			lines := test.result.lines()
			if len(lines) != len(test.want) {
				t.Fatalf("%d lines, want %d: %+v", len(lines), len(test.want), lines)
			}
			for i, line := range lines {
				got := found{page: line.Page, edits: -1, refused: line.Refused != ""}
				if line.Score != nil {
					got.edits = line.Score.Characters.Edits
				}
				if line.Invented != nil {
					got.invented = *line.Invented
				}
				if got != test.want[i] {
					t.Errorf("line %d = %+v, want %+v", i, got, test.want[i])
				}
			}
		})
	}
}

func TestSumsAreOfSetsAndOfAll(t *testing.T) {
	scored := func(edits, length int) *rates {
		return &rates{score.Score{Characters: score.Errors{Edits: edits, Length: length}, Clusters: score.Errors{Edits: edits, Length: length}}}
	}
	r := report{Lines: []line{
		{Set: "b", Document: "b-1", Page: 1, Source: "ocr", Reason: "no_text_layer", CPUSeconds: 1, PeakMemoryMB: 50, Score: scored(1, 10)},
		{Set: "a", Document: "a-1", Page: 1, Source: "native", Reason: "native_text_ok", CPUSeconds: 3, PeakMemoryMB: 90},
		{Set: "b", Document: "b-2", Page: 1, Source: "ocr", Reason: "no_text_layer", CPUSeconds: 2, PeakMemoryMB: 40, Score: scored(2, 90)},
		{Set: "b", Document: "b-3", Refused: "damaged", Score: scored(5, 5)},
	}}
	r.sum()
	if len(r.Sets) != 2 || r.Sets[0].Set != "a" || r.Sets[0].Score != nil {
		t.Fatalf("sets = %+v", r.Sets)
	}
	b := r.Sets[1]
	if b.Pages != 2 || b.Truths != 3 || b.CPUSeconds != 1.5 || b.PeakMemoryMB != 50 || b.Sources["ocr no_text_layer"] != 2 {
		t.Errorf("sums of a set = %+v", b)
	}
	if got := b.Score.Characters; got.Edits != 8 || got.Length != 105 {
		t.Errorf("errors of a set = %+v", got)
	}
	if r.All.Pages != 3 || r.All.CPUSeconds != 2 || len(r.All.Sources) != 2 {
		t.Errorf("sums of all = %+v", r.All)
	}

	var encoded bytes.Buffer
	if err := r.encode(&encoded); err != nil {
		t.Fatal(err)
	}
	var decoded struct {
		All struct {
			Score struct {
				CER float64 `json:"cer_percent"`
			}
		}
	}
	if err := json.Unmarshal(encoded.Bytes(), &decoded); err != nil || math.Abs(decoded.All.Score.CER-100*8.0/105) > 1e-9 {
		t.Errorf("CER in JSON = %v, %v", decoded.All.Score.CER, err)
	}
	var printed strings.Builder
	r.print(&printed)
	if last := strings.Fields(printed.String()[strings.LastIndex(printed.String(), "ALL"):]); last[3] != "7.62" || last[5] != "2.000" {
		t.Errorf("last line = %q", last)
	}
}

func TestPagesWithoutTextAreSummedByThemselves(t *testing.T) {
	invented := func(count int) *int { return &count }
	r := report{Lines: []line{
		{Set: "a", Document: "a-1", Page: 1, Source: "ocr", Score: &rates{score.Compare("កខ", "កគ")}},
		{Set: "blank", Document: "blank-1", Page: 1, Source: "ocr", Invented: invented(0)},
		{Set: "blank", Document: "blank-2", Page: 1, Source: "ocr", Invented: invented(7)},
		{Set: "blank", Document: "blank-2", Page: 2, Source: "ocr"},
	}}
	r.sum()
	if a := r.Sets[0]; a.Blank != nil || a.Truths != 1 {
		t.Errorf("sums of a set with text = %+v", a)
	}
	want := blank{Pages: 2, MeanInvented: 3.5, MostInvented: 7}
	if b := r.Sets[1]; b.Blank == nil || *b.Blank != want || b.Truths != 0 || b.Score != nil {
		t.Errorf("sums of a set without = %+v", b)
	}
	if all := r.All; *all.Blank != want || all.Truths != 1 || all.Score.Characters != (score.Errors{Edits: 1, Length: 2}) {
		t.Errorf("sums of all = %+v", all)
	}

	var printed, encoded strings.Builder
	for _, line := range r.Lines {
		printLine(&printed, line)
	}
	r.print(&printed)
	for _, want := range []string{
		`(?m)^blank-1 +1 +- +- .*, 0 characters where there are none$`,
		`(?m)^blank-2 +1 +- +- .*, 7 characters where there are none$`,
		`(?m)^blank +2 +3\.5 +7\nALL +2 +3\.5 +7$`,
	} {
		if !regexp.MustCompile(want).MatchString(printed.String()) {
			t.Errorf("nothing matches %s in\n%s", want, printed.String())
		}
	}
	if err := r.encode(&encoded); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(encoded.String(), `"invented_characters"`); got != 2 {
		t.Errorf("%d lines in JSON have invented characters, want 2, one of them 0:\n%s", got, encoded.String())
	}
}
