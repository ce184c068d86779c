package organization

import (
	"testing"

	"github.com/openplp/khocr/api/v1alpha1"
)

func TestUpToDate(t *testing.T) {
	o := organization("a", 0)
	made := func() map[string]any {
		fields, err := asMap(newNamespace(&o))
		if err != nil {
			t.Fatal(err)
		}
		return fields
	}
	wanted, err := asMap(objectsOf(&o, "khocr-system", nil)[0].desired)
	if err != nil {
		t.Fatal(err)
	}
	metadata := func(fields map[string]any) map[string]any { return fields["metadata"].(map[string]any) }
	tests := map[string]struct {
		change func(map[string]any)
		want   bool
	}{
		"an object is as it was made":         {func(map[string]any) {}, true},
		"fields of others are no difference":  {func(f map[string]any) { metadata(f)["annotations"] = map[string]any{"a": "b"} }, true},
		"a label that is missing is one":      {func(f map[string]any) { delete(metadata(f)["labels"].(map[string]any), v1alpha1.LabelOrganization) }, false},
		"a label of another value is one":     {func(f map[string]any) { metadata(f)["labels"].(map[string]any)[v1alpha1.LabelOrganization] = "b" }, false},
		"labels that are all missing are one": {func(f map[string]any) { delete(metadata(f), "labels") }, false},
		"an owner beside ours is no difference": {func(f map[string]any) {
			metadata(f)["ownerReferences"] = append(metadata(f)["ownerReferences"].([]any), map[string]any{"uid": "x"})
		}, true},
		"our ownership that is missing is one": {func(f map[string]any) { delete(metadata(f), "ownerReferences") }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			current := made()
			test.change(current)
			if got := upToDate(current, wanted); got != test.want {
				t.Errorf("it is up to date: %v, want %v", got, test.want)
			}
		})
	}
}

func TestListsMustHaveTheSameElements(t *testing.T) {
	wanted := map[string]any{"rules": []any{map[string]any{"verbs": []any{"patch"}}}}
	for what, test := range map[string]struct {
		verbs []any
		want  bool
	}{"the same": {[]any{"patch"}, true}, "more": {[]any{"patch", "get"}, false}, "none": {nil, false}} {
		if got := upToDate(map[string]any{"rules": []any{map[string]any{"verbs": test.verbs}}}, wanted); got != test.want {
			t.Errorf("with %s it is up to date: %v, want %v", what, got, test.want)
		}
	}
}
