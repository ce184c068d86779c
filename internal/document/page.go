// Package document holds the one model that every result format is rendered from: the pages of a document as the
// engine saw them. It is pure Go, streams page by page, and never opens a customer's file.
package document

import (
	"encoding/json"
	"time"
)

// Source says where the text of a page comes from.
type Source string

const (
	// SourceNative: the page carried correct text of its own.
	SourceNative Source = "native"
	// SourceLegacy: the page carried text in the code of a legacy font, which was decoded exactly.
	SourceLegacy Source = "legacy"
	// SourceOCR: the page was recognised.
	SourceOCR Source = "ocr"
	// SourceMixed: the page's own text was kept, and its images were recognised.
	SourceMixed Source = "mixed"
	// SourceNone: the page has no text because processing it failed, or because nothing was to be recognised.
	SourceNone Source = "none"
)

// Box is a rectangle in points (1/72 inch) with the origin in the top left corner of the upright page:
// left, top, right, bottom. The zero Box stands for no place that is known: null in JSON.
type Box [4]float64

// IsZero tells that the place is not known.
func (b Box) IsZero() bool { return b == Box{} }

// MarshalJSON writes a list of four numbers, or null.
func (b Box) MarshalJSON() ([]byte, error) {
	if b.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal([4]float64(b))
}

// Word is a run of text between spaces.
type Word struct {
	Text string `json:"text"`
	Box  Box    `json:"box"`
	// Confidence from 0 to 100. Text that the page itself carried has 100. Of what an AI model read it is the share of characters
	// that the recogniser has read in the same place.
	Confidence float64 `json:"confidence"`
	// Recognized is what was read where people corrected the word. Its text may then be empty: nothing stands there.
	Recognized string `json:"recognized,omitempty"`
}

// Line is one printed line.
type Line struct {
	Text string `json:"text"`
	Box  Box    `json:"box"`
	// Confidence is the mean of the words', from 0 to 100.
	Confidence float64 `json:"confidence"`
	Words      []Word  `json:"words"`
	// FontSize is the size of the type in points, estimated for recognised lines; 0 where it is not known.
	FontSize float64 `json:"font_size,omitempty"`
	// Paragraph counts the page's paragraphs from 1; lines of the same paragraph share it. 0 where it is not known.
	Paragraph int `json:"paragraph,omitempty"`
}

// PageError says why a page has no text.
type PageError struct {
	// Code is one of the PageError constants.
	Code string `json:"code"`
	// Message is for people, in English. It never holds a path or a stack trace.
	Message string `json:"message"`
}

// Codes of a PageError.
const (
	// PageErrorCrashed: the engine died on the page.
	PageErrorCrashed = "page_crashed"
	// PageErrorTimeout: the page took longer than a page may.
	PageErrorTimeout = "page_timeout"
	// PageErrorTooLarge: the page's dimensions are beyond what can be drawn.
	PageErrorTooLarge = "page_too_large"
	// PageErrorUnreadable: the page could not be drawn or recognised.
	PageErrorUnreadable = "page_unreadable"
	// PageErrorNotRead: the AI model did not read the page, and the job wants no other recogniser. Page.AI says why.
	PageErrorNotRead = "page_not_read"
)

// Page is the result of one page, as it is stored and as the json format delivers it.
type Page struct {
	// Number of the page in the document, from 1.
	Number int `json:"page"`
	// Width and Height of the upright page in points.
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	// Rotation is the clockwise turn in degrees that made the page upright: 0, 90, 180 or 270.
	Rotation int    `json:"rotation"`
	Source   Source `json:"source"`
	// Reason says why the page has that source, in a word such as native_text_ok, no_text_layer or forced.
	Reason string `json:"reason"`
	// Model whose text it is, on recognised pages; empty on others.
	Model string `json:"model,omitempty"`
	// DPI that the page was drawn at for recognition; 0 on other pages.
	DPI int `json:"dpi,omitempty"`
	// Confidence is the mean over the page's words, from 0 to 100; 0 on a page without words.
	Confidence float64 `json:"confidence"`
	// Milliseconds that the page took.
	Milliseconds int64 `json:"ms"`
	// ProcessedAt is the moment when the page was done.
	ProcessedAt time.Time `json:"processed_at"`
	// Text of the whole page, lines separated by newlines.
	Text  string `json:"text"`
	Lines []Line `json:"lines"`
	// CorrectedWords is how many words people corrected.
	CorrectedWords int `json:"corrected_words,omitempty"`
	// AI says what an AI model did with the page; nil where none had anything to do with it.
	AI *AI `json:"ai,omitempty"`
	// Error is set on pages that could not be processed, and only there.
	Error *PageError `json:"error,omitempty"`
}

// Outcome is what became of a page, as jobs count it.
type Outcome string

const (
	OutcomeNative     Outcome = "native"
	OutcomeRecognized Outcome = "recognized"
	OutcomeFailed     Outcome = "failed"
)

// Outcome of the page: failed if it has an error, recognized if any of it was recognised, native otherwise.
func (p *Page) Outcome() Outcome {
	switch {
	case p.Error != nil:
		return OutcomeFailed
	case p.Source == SourceOCR, p.Source == SourceMixed:
		return OutcomeRecognized
	default:
		return OutcomeNative
	}
}
