package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestCheckRefusesWhatTheSchemaDoes(t *testing.T) {
	for name, damage := range map[string]func(*Page){
		"no number":                  func(p *Page) { p.Number = 0 },
		"a negative width":           func(p *Page) { p.Width = -1 },
		"a height that is no number": func(p *Page) { p.Height = math.NaN() },
		"a width without end":        func(p *Page) { p.Width = math.Inf(1) },
		"a rotation of 45":           func(p *Page) { p.Rotation = 45 },
		"an unknown source":          func(p *Page) { p.Source = "guessed" },
		"a negative resolution":      func(p *Page) { p.DPI = -1 },
		"too much confidence":        func(p *Page) { p.Confidence = 100.5 },
		"no time at all":             func(p *Page) { p.Milliseconds = -1 },
		"the year 10000":             func(p *Page) { p.ProcessedAt = time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -3600)) },
		"an error without a code":    func(p *Page) { p.Error = &PageError{Message: "no idea"} },
		"a box without end":          func(p *Page) { p.Lines[0].Box[2] = math.Inf(-1) },
		"a line's confidence":        func(p *Page) { p.Lines[0].Confidence = math.NaN() },
		"negative type":              func(p *Page) { p.Lines[0].FontSize = -12 },
		"a negative paragraph":       func(p *Page) { p.Lines[0].Paragraph = -1 },
		"a word's box":               func(p *Page) { p.Lines[0].Words[0].Box[0] = math.NaN() },
		"a word's confidence":        func(p *Page) { p.Lines[0].Words[0].Confidence = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			page := samplePages()[0]
			if err := page.Check(); err != nil {
				t.Fatal(err)
			}
			damage(page)
			if page.Check() == nil {
				t.Error("it was taken")
			}
		})
	}
}

func TestDecodeRefusesListsThatTakeMoreMemoryThanTheirLength(t *testing.T) {
	for name, element := range map[string]string{
		"of empty objects": "{}", "of nothing": "null", "of numbers": "0", "of lists": "[]", "of long numbers": "0.000000000000000000000",
	} {
		for _, list := range []string{`{"lines":[%s]}`, `{"lines":[{"words":[%s]}]}`, `[%s]`} {
			content := fmt.Sprintf(list, strings.Repeat(element+",", 1000)+element)
			if err := Decode([]byte(content), new(Page)); !errors.Is(err, ErrUnreasonable) {
				t.Errorf("a list %s in %s: %v", name, list, err)
			}
		}
	}
	shortest := &Page{Number: 1, Lines: make([]Line, 1000)}
	for i := range shortest.Lines {
		shortest.Lines[i].Words = make([]Word, i%3)
	}
	for _, page := range append(samplePages(), densePage(1), shortest, new(Page)) {
		content, err := EncodePage(page)
		if err != nil {
			t.Fatal(err)
		}
		if err := Decode(content, new(Page)); err != nil {
			t.Errorf("page of %d lines: %v", len(page.Lines), err)
		}
	}
}

// FuzzDecode has pages come from a process in the hands of a stranger. What is taken keeps to the schema in the format that
// clients get, says the same when it is read again, and can be delivered in all formats; and nothing takes much memory.
func FuzzDecode(f *testing.F) {
	for _, page := range append(samplePages(), unusualPages()...) {
		content, err := EncodePage(page)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	for _, seed := range []string{
		``, `{}`, `null`, `[]`, `{"page":1,"source":"ocr"}`, `{"page":1e0,"source":"ocr"}`, `{"page":-1}`, `{"page":1,"source":"none","error":{}}`,
		`{"page":1,"source":"ocr","text":"\ud800\udfff\udc00 \u0000\u202e\u2066\ufffe"}`, "{\"page\":1,\"source\":\"ocr\",\"text\":\"\xff\xed\xa0\x80\"}",
		`{"page":1,"source":"ocr","width":1e308,"height":5e-324,"lines":[{"text":"a","box":[-1e308,1e308,1e308,-1e308],"font_size":1e308}]}`,
		`{"page":1,"source":"ocr","processed_at":"9999-12-31T23:59:59-23:59"}`, `{"page":1,"source":"ocr","processed_at":"0000-01-01T00:00:00+23:59"}`,
		`{"page":1,"source":"ocr","ms":-1,"dpi":-300,"rotation":45,"confidence":101}`, `{"page":1,"source":"ocr","lines":[null,{"words":[null]}]}`,
		`{"lines":[` + strings.Repeat("{},", 500) + `{}]}`, `{"lines":[{"words":[` + strings.Repeat("0,", 500) + `0]}]}`, `{"PAGE":1,"Source":"mixed","page":2}`,
		`{"page":9223372036854775807,"source":"native"}`, `{"page":1,"source":"ocr","text":"<<<<<<<<<<<<&&&&&&&&"}`,
	} {
		f.Add([]byte(seed))
	}
	schema := compiledSchema(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		page := new(Page)
		err := Decode(content, page)
		// A list that grows has room for as much again.
		if took := held(page); took > 2*10*len(content)+4096 {
			t.Fatalf("%d bytes took %d", len(content), took)
		}
		if err != nil || page.Check() != nil {
			return
		}
		encoded, err := EncodePage(page)
		if err != nil {
			t.Fatalf("a page that was taken cannot be stored: %v", err)
		}
		again := new(Page)
		if err := Decode(encoded, again); err != nil {
			t.Fatalf("what was stored is not taken: %v", err)
		}
		if !reflect.DeepEqual(withoutNulls(page), again) {
			t.Errorf("stored %+v, read %+v", page, again)
		}
		result := renderAll(t, page)[FormatJSON]
		decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(result))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(decoded); err != nil {
			t.Errorf("%v: %s", err, result)
		}
	})
}

// held is how many bytes the lists of a page take in memory, with the room that they have left to grow.
func held(page *Page) int {
	sum := cap(page.Lines) * int(unsafe.Sizeof(Line{}))
	for _, line := range page.Lines[:cap(page.Lines)] {
		sum += cap(line.Words) * int(unsafe.Sizeof(Word{}))
	}
	return sum
}

// renderAll makes a result of one page in every format.
func renderAll(t testing.TB, page *Page) map[Format][]byte {
	results := map[Format][]byte{}
	info := sampleInfo()
	info.Pages = 1
	for _, spec := range rendering() {
		results[spec.name] = rendered(t, spec.name, info, []*Page{page})
	}
	if !json.Valid(results[FormatJSON]) {
		t.Fatalf("the result is no JSON: %s", results[FormatJSON])
	}
	return results
}

func TestAPageOfAWorkerClaimsNoAIModel(t *testing.T) {
	page := Page{Number: 1, Source: SourceOCR}
	if err := page.Check(); err != nil {
		t.Fatal(err)
	}
	page.AI = &AI{Model: "gemma", Role: RoleReader, Used: true}
	if page.Check() == nil {
		t.Error("it is believed to have been read by an AI model")
	}
}
