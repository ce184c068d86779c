package apigateway

import (
	"os"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/openplp/khocr/client"
	"github.com/openplp/khocr/internal/document"
)

// TestEveryFormatIsKnownEverywhere compares the formats that results are rendered in with those that the parameter, the description
// of the API, of which the client is made, and the OcrJob know.
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
	}
}
