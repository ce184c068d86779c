package manifests

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"
)

// schema is what of a custom resource's schema `kubectl explain` shows.
type schema struct {
	Description          string
	Properties           map[string]schema
	Items                *schema
	AdditionalProperties *schema
}

func TestEveryFieldIsExplained(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "config/crd/bases/*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("finding the custom resource definitions: %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var crd struct {
			Spec struct {
				Names    struct{ Singular string }
				Versions []struct {
					Schema struct{ OpenAPIV3Schema schema }
				}
			}
		}
		if err := yaml.Unmarshal(text, &crd); err != nil {
			t.Fatalf("decoding %s: %v", file, err)
		}
		fields := 0
		for _, version := range crd.Spec.Versions {
			fields += explained(t, crd.Spec.Names.Singular, version.Schema.OpenAPIV3Schema)
		}
		if fields < 10 {
			t.Errorf("%s has %d fields: it was not understood", file, fields)
		}
	}
}

// explained looks for a description of every field below the path, and counts them.
func explained(t *testing.T, path string, s schema) int {
	fields := 0
	for name, property := range s.Properties {
		// The API server itself explains the metadata.
		if property.Description == "" && name != "metadata" {
			t.Errorf("%s.%s has no description", path, name)
		}
		fields += 1 + explained(t, path+"."+name, property)
	}
	for _, below := range []*schema{s.Items, s.AdditionalProperties} {
		if below != nil {
			fields += explained(t, path, *below)
		}
	}
	return fields
}
