package engine

import (
	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/khmer"
)

// Modes of wire.Page.
const (
	modeForce = "force"
	modeSkip  = "skip"
)

const (
	// scanCover is the share of the page from which on images are taken for a scan of it.
	scanCover = 0.5
	// scanLetters is the number of letters below which the text of such a page is taken for a stamp, a page number or
	// a watermark; a page of text has a thousand and more.
	scanLetters = 200
)

// decide where the text of a page comes from, and why. imageCover is the share of the page that images cover; it matters
// only where the layer is sound.
func decide(mode string, layer khmer.TextLayer, imageCover float64) (document.Source, string) {
	if mode == modeForce {
		return document.SourceOCR, ReasonForced
	}
	source, reason := document.SourceOCR, ReasonNoTextLayer
	switch layer.Verdict() {
	case khmer.Sound:
		if mode == modeSkip || imageCover < scanCover || layer.Letters >= scanLetters {
			return document.SourceNative, ReasonNativeTextOK
		}
		reason = ReasonScannedImage
	case khmer.Broken:
		reason = ReasonTextLayerBroken
	}
	if mode == modeSkip {
		return document.SourceNone, ReasonSkipped
	}
	return source, reason
}
