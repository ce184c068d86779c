package document

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestJSONReadsBackAsThePagesItWasMadeOf(t *testing.T) {
	var got struct {
		jsonHead
		Pages []*Page `json:"pages"`
	}
	info, pages := sampleInfo(), samplePages()
	if err := json.Unmarshal(rendered(t, FormatJSON, info, pages), &got); err != nil {
		t.Fatal(err)
	}
	pages[2].Lines = []Line{} // the failed page: a list, if an empty one
	if !reflect.DeepEqual(got.Pages, pages) {
		t.Errorf("got %+v", got.Pages)
	}
	want := jsonHead{"khocr.result/v1", info.ID, info.FileName, info.Model, info.CreatedAt, info.FinishedAt, 4}
	if got.jsonHead != want {
		t.Errorf("got %+v, want %+v", got.jsonHead, want)
	}
}

func TestJSONHasListsWhereThereIsNothing(t *testing.T) {
	page := &Page{Number: 1, Lines: []Line{{Text: "x", Box: Box{1, 2, 3, 4}}}}
	result := string(rendered(t, FormatJSON, Info{Pages: 2}, []*Page{page, {Number: 2}}))
	if strings.Contains(result, "null") || !strings.Contains(result, `"lines":[]`) || !strings.Contains(result, `"words":[]`) {
		t.Errorf("got %s", result)
	}
	if page.Lines[0].Words != nil {
		t.Error("the caller's page was changed")
	}
}

func TestPagesAsTheyAreStoredGiveTheSameJSON(t *testing.T) {
	pages := append(samplePages(), &Page{Number: 5, Lines: []Line{{Text: "<x> & \u2028"}}})
	info := sampleInfo()
	info.Pages = len(pages)
	stored := func(yield func([]byte, error) bool) {
		for _, page := range pages {
			encoded, err := EncodePage(page)
			if !yield(encoded, err) {
				return
			}
		}
	}
	var got bytes.Buffer
	if err := RenderJSON(&got, info, stored); err != nil {
		t.Fatal(err)
	}
	if want := rendered(t, FormatJSON, info, pages); !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got  %s\nwant %s", got.Bytes(), want)
	}
	info.Pages++
	if err := RenderJSON(io.Discard, info, stored); err == nil || !strings.Contains(err.Error(), "5 pages of the 6 expected") {
		t.Errorf("with a page missing: %v", err)
	}
}

func TestAStoredPageIsOneLineOfJSON(t *testing.T) {
	for stored, want := range map[string]string{"{\n \"page\": 1 }\n": `{"page":1}`, `{"page":1`: "", "": "", `{} {}`: ""} {
		var out bytes.Buffer
		err := RenderJSON(&out, Info{Pages: 1}, func(yield func([]byte, error) bool) { yield([]byte(stored), nil) })
		if failed := err != nil; failed != (want == "") || !failed && !strings.Contains(out.String(), "\n"+want+"\n") {
			t.Errorf("%q became %q, %v", stored, out.String(), err)
		}
	}
}
