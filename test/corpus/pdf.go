package corpus

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
)

// pdfOf is a PDF of the given objects, the first of which is the catalogue and has number 1.
func pdfOf(objects ...string) []byte { return pdfWith("", objects...) }

// pdfWith is a PDF whose trailer has more entries.
func pdfWith(trailer string, objects ...string) []byte {
	out := bytes.NewBufferString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	table := new(strings.Builder)
	fmt.Fprintf(table, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for i, object := range objects {
		fmt.Fprintf(table, "%010d 00000 n \n", out.Len())
		fmt.Fprintf(out, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	fmt.Fprintf(out, "%strailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n", table, len(objects)+1, trailer, out.Len())
	return out.Bytes()
}

// streamOf is a stream object of bytes as they are.
func streamOf(entries, data string) string {
	return fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", entries, len(data), data)
}

// packed is a stream object of data that was compressed so many times.
func packed(data io.Reader, times int, entries string) string {
	for range times {
		data = strings.NewReader(deflate(data))
	}
	content, _ := io.ReadAll(data)
	return streamOf(entries+"/Filter["+strings.Repeat("/FlateDecode ", times)+"]", string(content))
}

func deflate(data io.Reader) string {
	var out bytes.Buffer
	writer := zlib.NewWriter(&out)
	_, _ = io.Copy(writer, data)
	_ = writer.Close()
	return out.String()
}

// inflate what can be, at most 16 MB.
func inflate(data []byte) []byte {
	reader, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	content, _ := io.ReadAll(io.LimitReader(reader, 16<<20))
	return content
}

// repeated is a text, over and over up to a length.
func repeated(text string, length int64) io.Reader {
	return io.LimitReader(&endless{text: text}, length)
}

type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.text[e.at]
		e.at = (e.at + 1) % len(e.text)
	}
	return len(p), nil
}

// first is the number of the first object that threePages is given besides.
const first = 10

// threePages is a PDF of three pages, the second of which is the given one. More objects begin at number 10. Object 8 is a font.
func threePages(second string, more ...string) []byte { return pdfOf(threeObjects(second, more...)...) }

func threeObjects(second string, more ...string) []string {
	show := func(text string) string { return streamOf("", "BT /F 14 Tf 72 700 Td ("+text+") Tj ET") }
	const page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R/Resources<</Font<</F 8 0 R>>>>>>"
	return append([]string{
		"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R 4 0 R 5 0 R]/Count 3>>",
		fmt.Sprintf(page, 6), second, fmt.Sprintf(page, 7),
		show("The first page of three."), show("The last page of three."),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", "null",
	}, more...)
}

// sized is a page of a size with nothing on it, and more entries.
func sized(box, entries string) string {
	return "<</Type/Page/Parent 2 0 R/MediaBox[" + box + "]" + entries + ">>"
}

// written is a page with a text, which is quickly read.
const written = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 6 0 R/Resources<</Font<</F 8 0 R>>>>>>"

// drawing is a document whose second page has the resources, which may name the objects from 11 on, and the content.
func drawing(resources, content string, more ...string) []byte {
	return drawingOf(resources, packed(strings.NewReader(content), 1, ""), more...)
}

// drawingOf is a drawing whose content is a stream object.
func drawingOf(resources, content string, more ...string) []byte {
	page := sized("0 0 595 842", "/Contents 10 0 R/Resources<<"+resources+">>")
	return threePages(page, append([]string{content}, more...)...)
}
