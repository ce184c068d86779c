package document

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
)

// Format is a format in which a result is delivered, by the name that the API uses.
type Format string

const (
	// FormatJSON carries everything that is known of the pages. See docs/result-format.md.
	FormatJSON Format = "json"
	// FormatText is UTF-8: every line ends in a newline, a form feed stands between two pages.
	FormatText Format = "text"
	// FormatDocx is an Office Open XML document of paragraphs, for Word and LibreOffice.
	FormatDocx Format = "docx"
	// FormatPDF is the document with its text behind what is to be seen. It is composed from stored bytes: Render does not
	// make it.
	FormatPDF Format = "pdf"
	// FormatHOCR is hOCR 1.2 in XHTML. Lengths are pixels at the page's resolution, or at 300 dpi where it has none.
	FormatHOCR Format = "hocr"
	// FormatALTO is ALTO 4.4. Lengths are 1/1200 inch.
	FormatALTO Format = "alto"
	// FormatMarkdown is CommonMark: headings and paragraphs, with a comment before each page.
	FormatMarkdown Format = "markdown"
)

// ErrNotRendered: the format is not made of pages alone.
var ErrNotRendered = errors.New("the format is not rendered from pages")

type renderer func(w io.Writer, info Info, pages iter.Seq2[*Page, error]) error

type formatSpec struct {
	name        Format
	contentType string
	extension   string
	// render is nil where Render does not make the format.
	render renderer
}

// formats in the order of the API.
func formats() []formatSpec {
	return []formatSpec{
		{FormatJSON, "application/json", ".json", renderJSON},
		{FormatText, "text/plain; charset=utf-8", ".txt", renderText},
		{FormatDocx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx", renderDocx},
		{FormatPDF, "application/pdf", ".pdf", nil},
		{FormatHOCR, "application/xhtml+xml", ".hocr", renderHOCR},
		{FormatALTO, "application/xml", ".xml", renderALTO},
		{FormatMarkdown, "text/markdown; charset=utf-8", ".md", renderMarkdown},
	}
}

// Formats are all formats, in the order of the API.
func Formats() []Format {
	all := formats()
	names := make([]Format, len(all))
	for i, spec := range all {
		names[i] = spec.name
	}
	return names
}

// ParseFormat finds the format of that name, or says which names there are.
func ParseFormat(name string) (Format, error) {
	spec, err := Format(name).spec()
	return spec.name, err
}

// ContentType is the format's media type; empty for an unknown format.
func (f Format) ContentType() string {
	spec, _ := f.spec()
	return spec.contentType
}

// Extension is the ending of file names of the format, with its dot; empty for an unknown format.
func (f Format) Extension() string {
	spec, _ := f.spec()
	return spec.extension
}

func (f Format) spec() (formatSpec, error) {
	all := formats()
	i := slices.IndexFunc(all, func(s formatSpec) bool { return s.name == f })
	if i < 0 {
		names := make([]string, len(all))
		for i, spec := range all {
			names[i] = string(spec.name)
		}
		return formatSpec{}, fmt.Errorf("unknown format %q: it is one of %s", string(f), strings.Join(names, ", "))
	}
	return all[i], nil
}

// Info is what a result says of the document as a whole.
type Info struct {
	// ID of the job.
	ID string
	// FileName under which the document was handed in.
	FileName string
	// Pages that the result has: as many as Render is given.
	Pages int
	// Model that was asked for.
	Model string
	// CreatedAt is when the document was accepted, FinishedAt when its last page was done.
	CreatedAt, FinishedAt time.Time
}

// Render writes the pages, which come in the order of their numbers, in a format. It keeps no page longer than the next
// one takes, so its memory does not grow with their number, and the same input gives the same bytes.
//
// It fails with ErrNotRendered before it writes anything where the format is not made of pages, and else with the first
// error of pages, of w, or when there were more or fewer pages than info says. What was written until then is not a valid
// document in json, docx, hocr and alto; text and markdown have no end to miss, so a caller that has begun to send them must
// break the transfer off.
func Render(w io.Writer, format Format, info Info, pages iter.Seq2[*Page, error]) error {
	spec, err := format.spec()
	if err != nil {
		return err
	}
	if spec.render == nil {
		return fmt.Errorf("rendering %s: %w", format, ErrNotRendered)
	}
	if format != FormatJSON {
		pages = withoutRemoved(pages)
	}
	if err := spec.render(w, info, counted(pages, info.Pages)); err != nil {
		return fmt.Errorf("rendering %s: %w", format, err)
	}
	return nil
}

// counted passes pages on and ends with an error if they were not as many as expected.
func counted[P any](pages iter.Seq2[P, error], expected int) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		seen := 0
		for page, err := range pages {
			seen++
			if err == nil && seen > expected {
				err = fmt.Errorf("more pages than the %d expected", expected)
			}
			if !yield(page, err) || err != nil {
				return
			}
		}
		if seen < expected {
			var none P
			yield(none, fmt.Errorf("%d pages of the %d expected", seen, expected))
		}
	}
}
