// Package wire is the protocol between the worker's supervisor and its engine child: JSON messages, one a line, requests
// on the child's file descriptor 3 and answers on 4, so that nothing a C library prints can be taken for an answer.
// One request is under way at a time. An engine of another make replaces ours by speaking it.
//
// The child exits when descriptor 3 is closed. It may be killed at any moment; it keeps nothing that matters.
package wire

import (
	"strconv"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
)

// Descriptors of the child.
const (
	RequestFD  = 3
	ResponseFD = 4
)

// EnvAddressSpace holds in bytes how much address space the child may take on top of what it has mapped when it starts:
// it sets RLIMIT_AS to the sum before it opens anything. The limit is not absolute because the runtime of a Go program
// reserves 1.2 GB at its start without ever using them. No limit where it is missing.
const EnvAddressSpace = "KHOCR_ENGINE_ADDRESS_SPACE"

// MaxMessage bounds one message in bytes: most of it is the result of a page.
const MaxMessage = workerport.MaxPageBytes

// Request is one order to the child. Exactly one field is set.
type Request struct {
	Open       *Open       `json:"open,omitempty"`
	Page       *Page       `json:"page,omitempty"`
	Preview    *Preview    `json:"preview,omitempty"`
	Draw       *Draw       `json:"draw,omitempty"`
	Searchable *Searchable `json:"searchable,omitempty"`
}

// Open asks for the document to be opened. It comes once, first. Before it opens anything, the child confines itself to what it
// names.
type Open struct {
	// Path of the document, readable by the child.
	Path string `json:"path"`
	// Password of the document, where it has one.
	Password string `json:"password,omitempty"`
	// Results is a folder that the child may be asked to read from, Work one to write in. They exist. The child has no business
	// with any other file but the trained data.
	Results string `json:"results"`
	Work    string `json:"work"`
	// MaxFileBytes bounds each file that the child writes.
	MaxFileBytes int64 `json:"max_file_bytes"`
}

// Page asks for one page to be processed.
type Page struct {
	// Number from 1.
	Number int `json:"number"`
	// Mode is auto, force or skip, as in an OcrJob.
	Mode string `json:"mode"`
	// Correct what was recognised by what stands around it.
	Correct bool `json:"correct"`
	// TrainedData in Tesseract's notation, for example script/Khmer.
	TrainedData string `json:"trained_data"`
	// Model is the name of the OcrModel, which the page's result repeats.
	Model string `json:"model"`
}

// Preview asks for a small image of a page, which people look at beside its text. It comes after the page itself: should it end the
// child, the page is done.
type Preview struct {
	// Number from 1.
	Number int `json:"number"`
	// Rotation is the clockwise turn in degrees that makes the page upright, as its result has it.
	Rotation int `json:"rotation"`
}

// Draw asks for images of a page that an AI model is to look at. It comes after the page itself, as Preview does.
type Draw struct {
	// Number from 1.
	Number int `json:"number"`
	// Rotation is the clockwise turn in degrees that makes the page upright, as its result has it.
	Rotation int `json:"rotation"`
	// Boxes of lines of the upright page, each of which is to have an image; one image of the whole page where there are none.
	Boxes []document.Box `json:"boxes,omitempty"`
	// MaxSide of each image in pixels, and its media type, image/jpeg or image/png. All together have at most
	// workerport.MaxImageBytes; what would be larger is drawn smaller, or is a JPEG.
	MaxSide   int    `json:"max_side"`
	MediaType string `json:"media_type"`
}

// Searchable asks for what makes the document a searchable PDF, once its pages have results.
type Searchable struct {
	// Results is the folder of Open.Results, now with the results of pages, each in a file of the name ResultName.
	Results string `json:"results"`
	// Output is the path of the file that the child writes, in Open.Work.
	Output string `json:"output"`
	// MaxBytes bounds that file.
	MaxBytes int64 `json:"max_bytes"`
}

// ResultName is the name of the file with the result of a page, as JSON.
func ResultName(page int) string { return strconv.Itoa(page) + ".json" }

// Response answers one request. Exactly one field is set.
type Response struct {
	Opened *Opened        `json:"opened,omitempty"`
	Page   *document.Page `json:"page,omitempty"`
	// Preview is empty where the page cannot be drawn.
	Preview *Picture `json:"preview,omitempty"`
	// Drawn answers a Request.Draw.
	Drawn *Drawn `json:"drawn,omitempty"`
	// Searchable says what was written for a Request.Searchable. An Error in its place means that there is no such PDF.
	Searchable *Written `json:"searchable,omitempty"`
	Error      *Error   `json:"error,omitempty"`
}

// Written tells about an output.
type Written struct {
	// Part of the searchable PDF that was written: workerport.Appendix, which may be empty, or workerport.Whole.
	Part string `json:"part"`
}

// Picture is an image of at most workerport.MaxPreviewBytes.
type Picture struct {
	JPEG []byte `json:"jpeg"`
}

// Drawn are the images of a Request.Draw, in its order; empty where the page cannot be drawn, and so is one that cannot.
type Drawn struct {
	Images []Image `json:"images"`
}

// Image is a picture of a page, or of a line of it.
type Image struct {
	// MediaType is image/jpeg or image/png.
	MediaType string `json:"media_type"`
	Content   []byte `json:"content"`
}

// Opened tells about the document.
type Opened struct {
	// Pages that the document claims to have, at least 1.
	Pages int `json:"pages"`
}

// ReasonTrainedDataMissing is the Reason of an Error that answers a Page where the engine lacks the model, or cannot load it. The
// supervisor looks for the model itself: no page and no document is to blame if it is missing, and the page if it is there.
const ReasonTrainedDataMissing = "TrainedDataMissing"

// Error says that the document as a whole cannot be opened or made searchable. A page that cannot be processed is a Page with an
// error; an Error answers it for ReasonTrainedDataMissing alone.
type Error struct {
	// Reason is ReasonTrainedDataMissing, or one of the Reason constants of an OcrJob's failure, such as PasswordProtected.
	Reason string `json:"reason"`
	// Message is for people, in English.
	Message string `json:"message"`
}
