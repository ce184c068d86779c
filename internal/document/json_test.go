package document

import (
	"encoding/json"
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
	page := &Page{Number: 1, Lines: []Line{{Text: "x"}}}
	result := string(rendered(t, FormatJSON, Info{Pages: 2}, []*Page{page, {Number: 2}}))
	if strings.Contains(result, "null") || !strings.Contains(result, `"lines":[]`) || !strings.Contains(result, `"words":[]`) {
		t.Errorf("got %s", result)
	}
	if page.Lines[0].Words != nil {
		t.Error("the caller's page was changed")
	}
}
