package document

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compiledSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	content, err := jsonschema.UnmarshalJSON(strings.NewReader(ResultSchema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	const name = "urn:khocr:result:v1"
	if err := compiler.AddResource(name, content); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	if schema.DraftVersion != 2020 {
		t.Errorf("the schema is of draft %d", schema.DraftVersion)
	}
	return schema
}

// resultToBreak is a rendered result as a validator takes it.
func resultToBreak(t *testing.T) map[string]any {
	t.Helper()
	pages := append(samplePages(), densePage(5))
	info := sampleInfo()
	info.Pages = len(pages)
	result, err := jsonschema.UnmarshalJSON(strings.NewReader(string(rendered(t, FormatJSON, info, pages))))
	if err != nil {
		t.Fatal(err)
	}
	return result.(map[string]any)
}

func TestResultsKeepToTheSchema(t *testing.T) {
	if err := compiledSchema(t).Validate(resultToBreak(t)); err != nil {
		t.Errorf("%#v", err)
	}
}

func TestTheSchemaRefusesWhatIsNoResult(t *testing.T) {
	schema := compiledSchema(t)
	page := func(result map[string]any, i int) map[string]any { return result["pages"].([]any)[i].(map[string]any) }
	line := func(result map[string]any) map[string]any {
		return page(result, 0)["lines"].([]any)[0].(map[string]any)
	}
	for name, damage := range map[string]func(map[string]any){
		"another version":         func(r map[string]any) { r["schema"] = "khocr.result/v2" },
		"no job":                  func(r map[string]any) { delete(r, "id") },
		"no pages":                func(r map[string]any) { delete(r, "pages") },
		"a time that is none":     func(r map[string]any) { r["created_at"] = "yesterday" },
		"no lists of lines":       func(r map[string]any) { page(r, 2)["lines"] = nil },
		"a page before the first": func(r map[string]any) { page(r, 0)["page"] = json.Number("0") },
		"a rotation of 45":        func(r map[string]any) { page(r, 0)["rotation"] = json.Number("45") },
		"an unknown source":       func(r map[string]any) { page(r, 0)["source"] = "guessed" },
		"an error without code":   func(r map[string]any) { delete(page(r, 2)["error"].(map[string]any), "code") },
		"a box of three":          func(r map[string]any) { line(r)["box"] = line(r)["box"].([]any)[:3] },
		"a confidence above 100":  func(r map[string]any) { line(r)["confidence"] = json.Number("100.5") },
		"no list of words":        func(r map[string]any) { delete(line(r), "words") },
		"a word without text": func(r map[string]any) {
			delete(line(r)["words"].([]any)[0].(map[string]any), "text")
		},
	} {
		t.Run(name, func(t *testing.T) {
			result := resultToBreak(t)
			damage(result)
			if schema.Validate(result) == nil {
				t.Error("the schema takes it")
			}
		})
	}
}

// TestTheSchemaKnowsEveryField holds the schema to the types that results are made of.
func TestTheSchemaKnowsEveryField(t *testing.T) {
	type object struct {
		Properties map[string]any
		Required   []string
	}
	var schema struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(ResultSchema), &schema); err != nil {
		t.Fatal(err)
	}
	head := schema.object
	delete(head.Properties, "pages")
	head.Required = slices.DeleteFunc(head.Required, func(name string) bool { return name == "pages" })
	for _, test := range []struct {
		name string
		in   object
		of   any
		// always are fields that are left out for tests only.
		always []string
	}{
		{"the document", head, jsonHead{}, []string{"created_at", "finished_at"}},
		{"page", schema.Defs["page"], Page{}, nil},
		{"line", schema.Defs["line"], Line{}, nil},
		{"word", schema.Defs["word"], Word{}, nil},
		{"error", schema.Defs["error"], PageError{}, nil},
		{"ai", schema.Defs["ai"], AI{}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var all, required []string
			for field := range reflect.TypeOf(test.of).Fields() {
				name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
				all = append(all, name)
				if options == "" || slices.Contains(test.always, name) {
					required = append(required, name)
				}
			}
			slices.Sort(all)
			if got := slices.Sorted(maps.Keys(test.in.Properties)); !slices.Equal(got, all) {
				t.Errorf("the schema has %q, the type %q", got, all)
			}
			slices.Sort(required)
			if got := slices.Sorted(slices.Values(test.in.Required)); !slices.Equal(got, required) {
				t.Errorf("the schema requires %q, the type always has %q", got, required)
			}
		})
	}
}
