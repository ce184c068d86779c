// Package pdftest makes PDFs for tests, of objects as they are written.
package pdftest

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
)

// Of is a PDF of the given objects, the first of which is the catalogue and has number 1.
func Of(objects ...string) []byte { return With("", objects...) }

// With is a PDF whose trailer has more entries.
func With(trailer string, objects ...string) []byte {
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

// Stream is a stream object of bytes as they are.
func Stream(entries, data string) string {
	return fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", entries, len(data), data)
}

// Packed is a stream object of data that was compressed so many times.
func Packed(data io.Reader, times int, entries string) string {
	for range times {
		data = strings.NewReader(Deflate(data))
	}
	content, _ := io.ReadAll(data)
	return Stream(entries+"/Filter["+strings.Repeat("/FlateDecode ", times)+"]", string(content))
}

// Deflate compresses data.
func Deflate(data io.Reader) string {
	var out bytes.Buffer
	writer := zlib.NewWriter(&out)
	_, _ = io.Copy(writer, data)
	_ = writer.Close()
	return out.String()
}

// Repeated is a text, over and over up to a length.
func Repeated(text string, length int64) io.Reader {
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

// ThreePages is a PDF of three pages, the second of which is the given one. More objects begin at number 10. Object 8 is a font.
func ThreePages(second string, more ...string) []byte { return Of(ThreeObjects(second, more...)...) }

// ThreeObjects are those of ThreePages.
func ThreeObjects(second string, more ...string) []string {
	show := func(text string) string { return Stream("", "BT /F 14 Tf 72 700 Td ("+text+") Tj ET") }
	const page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R/Resources<</Font<</F 8 0 R>>>>>>"
	return append([]string{
		"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R 4 0 R 5 0 R]/Count 3>>",
		fmt.Sprintf(page, 6), second, fmt.Sprintf(page, 7),
		show("The first page of three."), show("The last page of three."),
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", "null",
	}, more...)
}
