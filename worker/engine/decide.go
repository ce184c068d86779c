package engine

import (
	"strings"

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

// decide where the text of a page comes from, and why, by what the page carries.
func decide(mode string, page nativePage) (document.Source, string) {
	if mode == modeForce {
		return document.SourceOCR, ReasonForced
	}
	source, reason := judge(page)
	switch {
	case mode == modeSkip && reason == ReasonScannedImage:
		// The little that is there is right.
		return page.kept()
	case mode == modeSkip && source == document.SourceMixed:
		return page.kept()
	case mode == modeSkip && source == document.SourceOCR:
		return document.SourceNone, ReasonSkipped
	default:
		return source, reason
	}
}

func judge(page nativePage) (document.Source, string) {
	switch {
	case page.unknown != "":
		return document.SourceOCR, ReasonLegacyFontUnknown + strings.ToLower(page.unknown)
	case page.layer.Characters == 0 && page.hidden:
		return document.SourceOCR, ReasonHiddenText
	case page.layer.Characters == 0:
		return document.SourceOCR, ReasonNoTextLayer
	case !page.right():
		return document.SourceOCR, ReasonTextLayerBroken
	case page.layer.Letters < scanLetters && page.cover() >= scanCover:
		return document.SourceOCR, ReasonScannedImage
	case len(page.regions()) > 0:
		return document.SourceMixed, ReasonTextAndImages
	default:
		return page.kept()
	}
}

// right tells whether the text is what the page shows.
func (p nativePage) right() bool {
	if p.legacy && p.mostly {
		return p.layer.Decoded()
	}
	return p.layer.Verdict() == khmer.Sound
}

// kept is the source of a page whose text is kept, and its reason.
func (p nativePage) kept() (document.Source, string) {
	if p.legacy {
		return document.SourceLegacy, ReasonLegacyFontDecoded
	}
	return document.SourceNative, ReasonNativeTextOK
}
