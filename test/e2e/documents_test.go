package e2e

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// nativePDF is a document whose pages have text of their own, so that reading them costs next to nothing. Each page says
// the title, and which page it is.
func nativePDF(title string, pages int) []byte {
	return printedPDF("/Type1 /BaseFont /Helvetica", nativeLines(title, pages))
}

// nativeLines are what the pages of a nativePDF say.
func nativeLines(title string, pages int) []string {
	lines := make([]string, pages)
	for page := range lines {
		lines[page] = fmt.Sprintf("%s, page %d of %d.", title, page+1, pages)
	}
	return lines
}

// legacyLine and what it says in the code of the fonts Limon, as a string of a PDF.
const (
	legacyLine = "គោលការណ៍ជាមូលដ្ឋានស្តីពីការប្រើប្រាស់"
	legacyCode = `eKalkarN_CamUld\346ans\376IBIkareRbIR\)as;`
)

// legacyPDF is a document each of whose pages says legacyLine in a font from before Unicode.
func legacyPDF(pages int) []byte {
	return printedPDF("/TrueType /BaseFont /ABCDEF+LimonS1 /Encoding /WinAnsiEncoding", slices.Repeat([]string{legacyCode}, pages))
}

// printedPDF is a document of one font that has a page for each of the lines.
func printedPDF(font string, lines []string) []byte {
	const pagesObject, fontObject, firstPage = 2, 3, 4
	var kids strings.Builder
	objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype " + font + " >>"}
	for page, line := range lines {
		number := firstPage + 2*page
		content := fmt.Sprintf("BT /F 14 Tf 72 700 Td (%s) Tj ET", line)
		objects = append(objects,
			fmt.Sprintf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F %d 0 R >> >> >>",
				pagesObject, number+1, fontObject),
			fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content))
		fmt.Fprintf(&kids, "%d 0 R ", number)
	}
	objects[pagesObject-1] = fmt.Sprintf("<< /Type /Pages /Kids [ %s] /Count %d >>", kids.String(), len(lines))

	var document bytes.Buffer
	document.WriteString("%PDF-1.7\n")
	table := fmt.Sprintf("xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for i, object := range objects {
		table += fmt.Sprintf("%010d 00000 n \n", document.Len())
		fmt.Fprintf(&document, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := document.Len()
	fmt.Fprintf(&document, "%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", table, len(objects)+1, start)
	return document.Bytes()
}

func TestNativePDFsAreWhole(t *testing.T) {
	for _, pages := range []int{1, 9} {
		document := string(nativePDF("Sample", pages))
		if got := strings.Count(document, "/Type /Page "); got != pages {
			t.Errorf("%d pages, want %d", got, pages)
		}
		start, err := strconv.Atoi(regexp.MustCompile(`startxref\n(\d+)\n`).FindStringSubmatch(document)[1])
		if err != nil || !strings.HasPrefix(document[start:], "xref\n") {
			t.Errorf("the table of objects is not where the end says: %d, %v", start, err)
		}
		for i, entry := range regexp.MustCompile(`(\d{10}) 00000 n `).FindAllStringSubmatch(document, -1) {
			place, err := strconv.Atoi(entry[1])
			if want := fmt.Sprintf("%d 0 obj\n", i+1); err != nil || !strings.HasPrefix(document[place:], want) {
				t.Errorf("object %d is not where the table says: %d, %v", i+1, place, err)
			}
		}
	}
}
