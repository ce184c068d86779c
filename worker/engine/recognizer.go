package engine

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/otiai10/gosseract/v2"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/worker/wire"
)

// passesPerClient is the number of lines after which Tesseract is started anew. What the binding leaks, the text of each
// line, would grow without end.
const passesPerClient = 10000

// recognizer keeps one Tesseract with one model, which is loaded for the first page that needs it.
type recognizer struct {
	// tessdata is the folder of trained data; Debian's where it is empty.
	tessdata string

	client *gosseract.Client
	model  string
	passes int
	// heights of the images that models take.
	heights map[string]int
}

const (
	// usualHeight is that of most networks that Tesseract has been trained with. leastHeight has room for Khmer's marks.
	usualHeight, leastHeight = 36, 16
)

func (r *recognizer) folder() string {
	return cmp.Or(r.tessdata, wire.DefaultTessdata)
}

// files are the folder, where there is one, and what links in it lead to.
func (r *recognizer) files() []string {
	var files []string
	// What cannot be looked at is missing when a page needs it, which then says so.
	_ = filepath.WalkDir(r.folder(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if target, err := filepath.EvalSymlinks(path); err == nil && (path == r.folder() || entry.Type() == fs.ModeSymlink) {
			files = append(files, target)
		}
		return nil
	})
	return files
}

// line recognises the words of the image of one line of text, in pixels from its top left corner. Text, boxes and confidences
// come from one pass: every other way to ask the binding recognises again.
func (r *recognizer) line(strip *image.Gray, model string) ([]document.Word, error) {
	if err := r.prepare(model); err != nil {
		return nil, err
	}
	r.passes++
	if err := r.client.SetImageFromBytes(encodeSPIX(strip)); err != nil {
		return nil, fmt.Errorf("hand over image: %w", err)
	}
	hocr, err := r.client.HOCRText()
	switch {
	case err != nil && r.passes == 1:
		// The binding has the model loaded for the first line.
		return nil, fmt.Errorf("load model %q: %w", model, errors.Join(err, wire.ErrTrainedData))
	case err != nil:
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
	folder := r.folder()
	languages, err := wire.Languages(model, folder)
	if err != nil {
		return err
	}
	client := gosseract.NewClient()
	if err := errors.Join(
		client.SetTessdataPrefix(folder),
		client.SetLanguage(languages...),
		client.DisableOutput(),
		// The image is one line, which Tesseract must not look for: it tears Khmer's subscripts off. It is set as a variable
		// because the binding forgets a mode that is set before the first image.
		client.SetVariable("tessedit_pageseg_mode", strconv.Itoa(int(gosseract.PSM_RAW_LINE))),
		// Else a line that is unsure is recognised a second time as light print on dark ground, which no line of a layout is.
		client.SetVariable("tessedit_do_invert", "0"),
		// The image has no resolution, and the binding would say 70.
		client.SetVariable("user_defined_dpi", "300"),
	); err != nil {
		client.Close()
		return fmt.Errorf("set up tesseract: %w", err)
	}
	r.client, r.model, r.passes = client, model, 0
	return nil
}

// networkInput is how Tesseract describes the input of a network (VGSL): one image, its height, any width, grey.
var networkInput = regexp.MustCompile(`\[1,([0-9]{1,3}),0,1[ A-Z]`)

// height of the images of lines that the model's network takes, in pixels; others are scaled by Tesseract, which costs
// accuracy. Of several languages it is that of the first.
func (r *recognizer) height(model string) (int, error) {
	if height, ok := r.heights[model]; ok {
		return height, nil
	}
	languages, err := wire.Languages(model, r.folder())
	if err != nil {
		return 0, err
	}
	data, err := os.ReadFile(filepath.Join(r.folder(), languages[0]+".traineddata"))
	if err != nil {
		return 0, fmt.Errorf("read model %q: %w", model, errors.Join(err, wire.ErrTrainedData))
	}
	height := usualHeight
	if found := networkInput.FindSubmatch(data); found != nil {
		if height, err = strconv.Atoi(string(found[1])); err != nil || height < leastHeight {
			height = usualHeight
		}
	}
	if r.heights == nil {
		r.heights = map[string]int{}
	}
	r.heights[model] = height
	return height, nil
}

func (r *recognizer) close() {
	if r.client != nil {
		r.client.Close()
		r.client = nil
	}
}
