package apigateway

import (
	"errors"
	"testing"
)

func TestTruthValues(t *testing.T) {
	for value, want := range map[string]bool{
		"true": true, "True": true, "TRUE": true, "tRuE": true, "1": true, "t": true, "on": true, "On": true, "yes": true,
		"false": false, "False": false, "FALSE": false, "0": false, "f": false, "off": false, "no": false,
	} {
		if got, ok := parseBool(value); !ok || got != want {
			t.Errorf("parseBool(%q) = %v, %v", value, got, ok)
		}
	}
	for _, value := range []string{"", " ", "2", "truee", "null", "ពិត"} {
		if _, ok := parseBool(value); ok {
			t.Errorf("parseBool took %q", value)
		}
	}
}

func TestAParameterIsTakenOnce(t *testing.T) {
	for _, name := range []string{"output_format", "force_ocr", "priority"} {
		values := map[string]string{"output_format": "json", "force_ocr": "false", "priority": "normal"}
		var p parameters
		if err := p.set(name, values[name]); err != nil {
			t.Fatal(err)
		}
		var problem *problemError
		if err := p.set(name, values[name]); !errors.As(err, &problem) || problem.Code != "duplicate_parameter" {
			t.Errorf("%s twice: %v", name, err)
		}
	}
}
