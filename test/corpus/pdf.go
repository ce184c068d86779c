package corpus

import (
	"bytes"
	"compress/zlib"
	"io"
	"strings"

	"github.com/openplp/khocr/test/pdftest"
)

// inflate what can be, at most 16 MB.
func inflate(data []byte) []byte {
	reader, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	content, _ := io.ReadAll(io.LimitReader(reader, 16<<20))
	return content
}

// first is the number of the first object that pdftest.ThreePages is given besides.
const first = 10

// sized is a page of a size with nothing on it, and more entries.
func sized(box, entries string) string {
	return "<</Type/Page/Parent 2 0 R/MediaBox[" + box + "]" + entries + ">>"
}

// written is a page with a text, which is quickly read.
const written = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 6 0 R/Resources<</Font<</F 8 0 R>>>>>>"

// drawing is a document whose second page has the resources, which may name the objects from 11 on, and the content.
func drawing(resources, content string, more ...string) []byte {
	return drawingOf(resources, pdftest.Packed(strings.NewReader(content), 1, ""), more...)
}

// drawingOf is a drawing whose content is a stream object.
func drawingOf(resources, content string, more ...string) []byte {
	page := sized("0 0 595 842", "/Contents 10 0 R/Resources<<"+resources+">>")
	return pdftest.ThreePages(page, append([]string{content}, more...)...)
}
