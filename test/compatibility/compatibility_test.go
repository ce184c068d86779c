// Package compatibility holds the custom resources to what was stored by earlier versions. Its testdata are objects of each
// kind as they were when v1alpha1 was first kept: with all of their fields, and with no more than they need. They are never
// changed: a field that is added gets a file of its own.
package compatibility

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openplp/khocr/api/v1alpha1"
	"github.com/openplp/khocr/internal/testenv"
)

// stored are the objects of testdata by their files.
func stored(t *testing.T) map[string]*unstructured.Unstructured {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("finding what was stored: %v, %v", files, err)
	}
	objects := map[string]*unstructured.Unstructured{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		object := new(unstructured.Unstructured)
		if err := yaml.UnmarshalStrict(text, &object.Object); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		objects[strings.TrimPrefix(file, "testdata/")] = object
	}
	return objects
}

// roundTrip is the object as it comes back after it went through today's Go types.
func roundTrip(t *testing.T, object *unstructured.Unstructured) map[string]any {
	t.Helper()
	typed, err := testenv.Scheme().New(object.GroupVersionKind())
	if err != nil {
		t.Fatal(err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, typed); err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(typed)
	if err != nil {
		t.Fatal(err)
	}
	back := map[string]any{}
	if err := json.Unmarshal(encoded, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// missing lists what one value has and another lacks, or has otherwise.
func missing(path string, before, after any) []string {
	var all []string
	switch before := before.(type) {
	case map[string]any:
		after, _ := after.(map[string]any)
		for name, value := range before {
			all = append(all, missing(path+"."+name, value, after[name])...)
		}
	case []any:
		after, _ := after.([]any)
		if len(after) != len(before) {
			return []string{fmt.Sprintf("%s has %d entries, had %d", path, len(after), len(before))}
		}
		for i := range before {
			all = append(all, missing(fmt.Sprintf("%s[%d]", path, i), before[i], after[i])...)
		}
	default:
		if fmt.Sprint(before) != fmt.Sprint(after) {
			return []string{fmt.Sprintf("%s is %v, was %v", path, after, before)}
		}
	}
	return all
}

func TestWhatWasStoredIsReadWithoutLoss(t *testing.T) {
	for file, object := range stored(t) {
		for _, loss := range missing("", object.Object, roundTrip(t, object)) {
			t.Errorf("%s: %s", file, loss)
		}
	}
}

func TestTheAPIServerKeepsWhatWasStored(t *testing.T) {
	environment := testenv.Start(t)
	manager, err := client.New(environment.Manager, client.Options{Scheme: testenv.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	for file, object := range stored(t) {
		t.Run(file, func(t *testing.T) {
			made := object.DeepCopy()
			// Strict: a field that the schema does not know any more is an error, and not dropped.
			if err := manager.Create(t.Context(), made, client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
				t.Fatal(err)
			}
			if status, ok := object.Object["status"]; ok {
				made.Object["status"] = runtime.DeepCopyJSONValue(status)
				if err := manager.Status().Update(t.Context(), made, client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
					t.Fatal(err)
				}
			}
			read := new(unstructured.Unstructured)
			read.SetGroupVersionKind(object.GroupVersionKind())
			if err := environment.Client.Get(t.Context(), client.ObjectKeyFromObject(object), read); err != nil {
				t.Fatal(err)
			}
			for _, loss := range missing("", object.Object, roundTrip(t, read)) {
				t.Error(loss)
			}
			// It can still be written: by people, and by the manager.
			read.SetLabels(map[string]string{"touched": "yes"})
			if err := environment.Client.Update(t.Context(), read); err != nil {
				t.Errorf("it cannot be updated any more: %v", err)
			}
		})
	}
}

func TestEveryFieldWasStored(t *testing.T) {
	objects := stored(t)
	for _, kind := range []any{v1alpha1.Plan{}, v1alpha1.OcrModel{}, v1alpha1.Organization{}, v1alpha1.OcrJob{}} {
		of := reflect.TypeOf(kind)
		var values []any
		for _, object := range objects {
			if object.GetKind() == of.Name() {
				values = append(values, object.Object)
			}
		}
		for _, field := range unset(of.Name(), of, values) {
			t.Errorf("%s is in no file of testdata: put it into a new one", field)
		}
	}
}

var ours = reflect.TypeFor[v1alpha1.OcrJob]().PkgPath()

// unset lists the fields of a type of ours that none of its encoded values has.
func unset(path string, of reflect.Type, values []any) []string {
	switch of.Kind() {
	case reflect.Pointer:
		return unset(path, of.Elem(), values)
	case reflect.Slice:
		var entries []any
		for _, value := range values {
			list, _ := value.([]any)
			entries = append(entries, list...)
		}
		return unset(path, of.Elem(), entries)
	case reflect.Struct:
	default:
		return nil
	}
	if of.PkgPath() != ours {
		return nil
	}
	var all []string
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			continue // inline
		}
		var found []any
		for _, value := range values {
			fields, _ := value.(map[string]any)
			if inner, ok := fields[name]; ok {
				found = append(found, inner)
			}
		}
		if len(found) == 0 {
			all = append(all, path+"."+name)
			continue
		}
		all = append(all, unset(path+"."+name, field.Type, found)...)
	}
	return all
}
