package document

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"
)

func TestParseFormat(t *testing.T) {
	for _, spec := range formats() {
		format, err := ParseFormat(string(spec.name))
		if err != nil || format != spec.name || format.ContentType() == "" || !strings.HasPrefix(format.Extension(), ".") {
			t.Errorf("ParseFormat(%q) = %q, %v; content type %q, extension %q",
				spec.name, format, err, format.ContentType(), format.Extension())
		}
	}
	const all = "json, text, docx, pdf, hocr, alto, markdown"
	for _, name := range []string{"", "JSON", "odt"} {
		if format, err := ParseFormat(name); err == nil || format != "" || !strings.Contains(err.Error(), all) {
			t.Errorf("ParseFormat(%q) = %q, %v; want an error that lists %s", name, format, err, all)
		}
	}
	if err := Render(io.Discard, "odt", Info{}, each(nil, nil)); err == nil || errors.Is(err, ErrNotRendered) {
		t.Errorf("rendering an unknown format: %v", err)
	}
}

func TestPDFIsKnownAndNotRendered(t *testing.T) {
	var out bytes.Buffer
	if err := Render(&out, FormatPDF, sampleInfo(), each(samplePages(), nil)); !errors.Is(err, ErrNotRendered) || out.Len() > 0 {
		t.Errorf("error %v after %d bytes", err, out.Len())
	}
}

// rendering are the formats that Render makes.
func rendering() []formatSpec {
	return slices.DeleteFunc(formats(), func(spec formatSpec) bool { return spec.render == nil })
}

// incomplete is whether a reader of the format would notice that the result is not whole.
var incomplete = map[Format]func([]byte) bool{
	FormatJSON: func(result []byte) bool { return !json.Valid(result) },
	FormatDocx: func(result []byte) bool {
		_, err := zip.NewReader(bytes.NewReader(result), int64(len(result)))
		return err != nil
	},
	FormatHOCR:     malformed,
	FormatALTO:     malformed,
	FormatText:     func([]byte) bool { return true },
	FormatMarkdown: func([]byte) bool { return true },
}

// malformed is whether a parser of XML would complain.
func malformed(result []byte) bool { return xml.Unmarshal(result, new(struct{})) != nil }

func TestAResultThatIsNotWholeIsAnError(t *testing.T) {
	broken := errors.New("store unreachable")
	for _, test := range []struct {
		name  string
		pages iter.Seq2[*Page, error]
		want  string
	}{
		{"the pages fail at once", each(nil, broken), "store unreachable"},
		{"the pages fail in the middle", each(samplePages()[:2], broken), "store unreachable"},
		{"the pages fail after the last", each(samplePages(), broken), "store unreachable"},
		{"a page is missing", each(samplePages()[:3], nil), "3 pages of the 4 expected"},
		{"there is a page too many", each(append(samplePages(), &Page{Number: 5}), nil), "more pages than the 4 expected"},
	} {
		for _, spec := range rendering() {
			t.Run(test.name+" in "+string(spec.name), func(t *testing.T) {
				var out bytes.Buffer
				err := Render(&out, spec.name, sampleInfo(), test.pages)
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want one that says %q", err, test.want)
				}
				if test.want == broken.Error() && !errors.Is(err, broken) {
					t.Errorf("%v hides its cause", err)
				}
				notices := incomplete[spec.name]
				if notices == nil {
					t.Fatal("the format has no row in incomplete")
				}
				if !notices(out.Bytes()) {
					t.Error("the output can be taken for a whole result")
				}
			})
		}
	}
}

func TestAWriterThatFailsEndsTheRendering(t *testing.T) {
	full := errors.New("connection closed")
	for _, spec := range rendering() {
		pages := samplePages()
		size := len(rendered(t, spec.name, sampleInfo(), pages))
		for limit := 0; limit < size; limit += size / 40 {
			err := Render(&limitedWriter{limit, full}, spec.name, sampleInfo(), each(pages, nil))
			if !errors.Is(err, full) {
				t.Fatalf("%s into a writer of %d bytes: error %v", spec.name, limit, err)
			}
		}
	}
}

type limitedWriter struct {
	left int
	err  error
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if len(p) > w.left {
		n := w.left
		w.left = 0
		return n, w.err
	}
	w.left -= len(p)
	return len(p), nil
}

func TestTheSamePagesGiveTheSameBytes(t *testing.T) {
	for _, spec := range rendering() {
		first := rendered(t, spec.name, sampleInfo(), samplePages())
		if !bytes.Equal(first, rendered(t, spec.name, sampleInfo(), samplePages())) {
			t.Errorf("%s differs from one rendering to the next", spec.name)
		}
	}
}

func TestADocumentWithoutPagesIsStillADocument(t *testing.T) {
	for _, spec := range rendering() {
		result := rendered(t, spec.name, Info{}, nil)
		if spec.name != FormatText && spec.name != FormatMarkdown && incomplete[spec.name](result) {
			t.Errorf("%s cannot be read: %q", spec.name, result)
		}
	}
}

func TestPagesAreLetGoAndWrittenAsTheyCome(t *testing.T) {
	const count = 200
	for _, spec := range rendering() {
		t.Run(string(spec.name), func(t *testing.T) {
			var out countingWriter
			var given []weak.Pointer[Page]
			writtenBeforeLast := 0
			pages := func(yield func(*Page, error) bool) {
				for i := range count {
					if i == count-1 {
						writtenBeforeLast = out.written
					}
					if i%50 == 49 {
						runtime.GC()
						if given[i-2].Value() != nil {
							t.Errorf("page %d is held while page %d is made", i-1, i+1)
						}
					}
					page := densePage(i + 1)
					given = append(given, weak.Make(page))
					if !yield(page, nil) {
						return
					}
				}
			}
			if err := Render(&out, spec.name, Info{Pages: count}, pages); err != nil {
				t.Fatal(err)
			}
			if writtenBeforeLast < out.written*3/4 {
				t.Errorf("only %d of %d bytes were written before the last page", writtenBeforeLast, out.written)
			}
		})
	}
}

type countingWriter struct{ written int }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.written += len(p)
	return len(p), nil
}
