package web

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openplp/khocr/test/pdftest"
)

// sample is a document of test/testdata.
func sample(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("../testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// written is a file with a content.
func written(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// typed is a PDF with text of its own: as many pages, each with its number and the lines.
func typed(pages int, lines ...string) []byte {
	objects := []string{"<</Type/Catalog/Pages 2 0 R>>", "", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"}
	kids := new(strings.Builder)
	escape := strings.NewReplacer(`\`, `\\`, `(`, `\(`, `)`, `\)`)
	for n := range pages {
		content := bytes.NewBufferString("BT /F 14 Tf 72 770 Td 24 TL\n")
		fmt.Fprintf(content, "(This is sheet number %d of the register) Tj T*\n", n+1)
		for _, line := range lines {
			fmt.Fprintf(content, "(%s) Tj T*\n", escape.Replace(line))
		}
		content.WriteString("ET")
		number := len(objects) + 1
		fmt.Fprintf(kids, "%d 0 R ", number)
		objects = append(objects,
			fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents %d 0 R>>", number+1),
			pdftest.Stream("", content.String()))
	}
	objects[1] = fmt.Sprintf("<</Type/Pages/Kids[%s]/Count %d>>", kids, pages)
	return pdftest.Of(objects...)
}

// filler is text for a page that looks like a page.
var filler = func() []string {
	var lines []string
	for i := range 26 {
		lines = append(lines, fmt.Sprintf("Entry %d was recorded on the day and signed by the clerk of the district", i+1))
	}
	return lines
}()
