package engine

import (
	"testing"

	"github.com/openplp/khocr/internal/document"
)

func TestCalibrate(t *testing.T) {
	read := func() []document.Line {
		return []document.Line{{Confidence: 65, Words: []document.Word{{Confidence: 52}, {Confidence: 79.5}, {Confidence: 100}, {Confidence: 0}}}}
	}
	lines := read()
	calibrate(lines, "khm+eng")
	if lines[0].Confidence != 65 || lines[0].Words[0].Confidence != 52 {
		t.Errorf("confidences of another model became %+v", lines[0])
	}
	calibrate(lines, calibrated)
	for i, want := range []float64{61, 87, 98.5, 9} {
		if got := lines[0].Words[i].Confidence; got != want {
			t.Errorf("confidence of word %d is %v, want %v", i, got, want)
		}
	}
	if got := lines[0].Confidence; got != (61+87+98.5+9)/4 {
		t.Errorf("confidence of the line is %v", got)
	}
}

func TestAHigherConfidenceIsNeverWorthLess(t *testing.T) {
	for i := 1; i < len(reliability); i++ {
		if before, after := reliability[i-1], reliability[i]; after.confidence <= before.confidence || after.right <= before.right {
			t.Errorf("%v follows %v", after, before)
		}
	}
}
