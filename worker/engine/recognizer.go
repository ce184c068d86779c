package engine

import (
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/otiai10/gosseract/v2"

	"github.com/openplp/khocr/internal/document"
)

// defaultTessdata is where Debian keeps trained data.
const defaultTessdata = "/usr/share/tesseract-ocr/5/tessdata"

// passesPerClient is the number of recognitions after which Tesseract is started anew. Its adaptions to earlier pages
// and what the binding leaks, the text of each page, would grow without end.
const passesPerClient = 200

// errTrainedData means that the engine lacks a model. No page is to blame.
var errTrainedData = errors.New("trained data is missing")

// threshold is Tesseract's way to tell ink from paper, thresholding_method.
type threshold string

const (
	otsu    threshold = "0"
	sauvola threshold = "2"
)

// recognizer keeps one Tesseract with one model, which is loaded for the first page that needs it.
type recognizer struct {
	// tessdata is the folder of trained data; Debian's where it is empty.
	tessdata string

	client *gosseract.Client
	model  string
	passes int
}

// recognize the lines of an image, in pixels from its top left corner. dpi is the resolution at which the image shows
// the print. Text, boxes and confidences come from one pass: every other way to ask the binding recognises again.
func (r *recognizer) recognize(grey *image.Gray, dpi int, model string, method threshold) ([]document.Line, error) {
	if err := r.prepare(model); err != nil {
		return nil, err
	}
	r.passes++
	variables := map[gosseract.SettableVariable]string{
		// One block of text. Anything that looks for columns tears Khmer's subscripts off their lines. It is set as a
		// variable because the binding forgets a mode that is set before the first page.
		"tessedit_pageseg_mode": strconv.Itoa(int(gosseract.PSM_SINGLE_BLOCK)),
		"thresholding_method":   string(method),
		// A grey map has no resolution, and the binding would say 70.
		"user_defined_dpi": strconv.Itoa(dpi),
	}
	for name, value := range variables {
		if err := r.client.SetVariable(name, value); err != nil {
			return nil, fmt.Errorf("set %s: %w", name, err)
		}
	}
	if err := r.client.SetImageFromBytes(encodePGM(grey)); err != nil {
		return nil, fmt.Errorf("hand over image: %w", err)
	}
	hocr, err := r.client.HOCRText()
	if err != nil {
		return nil, fmt.Errorf("recognise: %w", err)
	}
	return parseHOCR(hocr), nil
}

// prepare a Tesseract that has the model loaded.
func (r *recognizer) prepare(model string) error {
	if r.client != nil && r.model == model && r.passes < passesPerClient {
		return nil
	}
	r.close()
	folder := r.tessdata
	if folder == "" {
		folder = defaultTessdata
	}
	languages, err := languagesOf(model, folder)
	if err != nil {
		return err
	}
	client := gosseract.NewClient()
	if err := errors.Join(
		client.SetTessdataPrefix(folder),
		client.SetLanguage(languages...),
		client.DisableOutput(),
	); err != nil {
		client.Close()
		return fmt.Errorf("set up tesseract: %w", err)
	}
	r.client, r.model, r.passes = client, model, 0
	return nil
}

func (r *recognizer) close() {
	if r.client != nil {
		r.client.Close()
		r.client = nil
	}
}

// languagesOf splits a model in Tesseract's notation, such as khm+eng or script/Khmer, and finds each in the folder.
// Debian lays script models beside the languages, upstream in a folder script. Tesseract must not be the first to miss
// one: the binding catches its message in a buffer of 512 bytes and writes beyond it.
func languagesOf(model, folder string) ([]string, error) {
	languages := strings.Split(model, "+")
	for i, language := range languages {
		found := false
		for _, name := range []string{language, strings.TrimPrefix(language, "script/")} {
			if !filepath.IsLocal(name) {
				continue
			}
			if _, err := os.Stat(filepath.Join(folder, name+".traineddata")); err == nil {
				languages[i], found = name, true
				break
			}
		}
		if !found {
			return nil, fmt.Errorf("find model %q: %w", language, errTrainedData)
		}
	}
	return languages, nil
}
