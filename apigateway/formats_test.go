package apigateway

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/openplp/khocr/client"
	"github.com/openplp/khocr/internal/document"
)

// TestEveryFormatIsKnownEverywhere compares the formats that results are rendered in with those that the parameter, the description
// of the API, of which the client is made, the OcrJob and the page for people know.
func TestEveryFormatIsKnownEverywhere(t *testing.T) {
	content, err := os.ReadFile("../config/crd/bases/ocr.openplp.com_ocrjobs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema struct {
						Properties struct {
							Spec struct {
								Properties struct {
									OutputFormat struct{ Enum []string }
								}
							}
						}
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal(content, &crd); err != nil {
		t.Fatal(err)
	}
	ofJobs := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties.Spec.Properties.OutputFormat.Enum
	for _, format := range document.Formats() {
		name := string(format)
		if _, _, err := specOf("output_format=" + name); err != nil {
			t.Errorf("%s may not be asked for: %v", name, err)
		}
		if !client.OutputFormat(name).Valid() {
			t.Errorf("%s is not described in openapi.yaml, or make generate was not run", name)
		}
		if !slices.Contains(ofJobs, name) {
			t.Errorf("%s is not in the enum of OcrJobs, which has %v", name, ofJobs)
		}
		for file, word := range map[string]string{"convert.js": `"` + name + `"`, "result.js": `"` + name + `"`, "strings.js": `"format.` + name + `"`} {
			if page, err := os.ReadFile(filepath.Join("web/page", file)); err != nil || !strings.Contains(string(page), word) {
				t.Errorf("web/page/%s has no %s (%v)", file, word, err)
			}
		}
	}
}
