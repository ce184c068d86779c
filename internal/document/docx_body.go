package document

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"math"

	"github.com/openplp/khocr/internal/khmer"
)

// docxBody writes word/document.xml. The last paragraph is held back until the next one is known, because a section of
// pages of one size is closed inside its last paragraph.
type docxBody struct {
	out   *bufio.Writer
	sheet sheet
	last  *docxParagraph
}

type docxParagraph struct {
	paragraph
	// breakBefore is whether the paragraph starts a page of the section that is open.
	breakBefore bool
	// scale by which it is smaller than on the page.
	scale float64
}

func newDocxBody(w io.Writer) *docxBody {
	body := &docxBody{out: bufio.NewWriterSize(w, 64<<10)}
	body.out.WriteString(xml.Header + `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`)
	return body
}

// add writes a page, on a new sheet. A page without text is an empty sheet.
func (b *docxBody) add(page *Page) error {
	found := paragraphs(page)
	if len(found) == 0 {
		found = []paragraph{{}}
	}
	next, breakBefore := sheetOf(page), false
	if b.last != nil && !hasSize(page) {
		next = b.sheet
	}
	switch {
	case b.last == nil:
		b.sheet = next
	case next.alike(b.sheet):
		breakBefore = true
	default:
		if b.last.text == "" {
			// LibreOffice drops an empty paragraph that ends a section, and an empty page with it.
			b.writeLast(false)
			b.last = &docxParagraph{}
		}
		b.writeLast(true)
		b.sheet = next
	}
	for _, p := range found {
		b.writeLast(false)
		b.last = &docxParagraph{p, breakBefore, next.scale}
		breakBefore = false
	}
	return b.out.Flush()
}

// end closes the document. One without pages has an empty sheet.
func (b *docxBody) end() error {
	if b.last == nil {
		b.sheet = sheetOf(&Page{})
	}
	b.writeLast(false)
	b.writeSection()
	b.out.WriteString("\n</w:body></w:document>\n")
	return b.out.Flush()
}

// writeLast writes the paragraph that was held back, if there is one, as the last of its section or not.
func (b *docxBody) writeLast(endsSection bool) {
	p := b.last
	if p == nil {
		return
	}
	b.last = nil
	b.out.WriteString("\n<w:p>")
	if p.heading > 0 || p.breakBefore || p.indent > 0 || p.align != "" || endsSection {
		b.out.WriteString("<w:pPr>")
		if p.heading > 0 {
			fmt.Fprintf(b.out, `<w:pStyle w:val="Heading%d"/>`, p.heading)
		}
		if p.breakBefore {
			b.out.WriteString("<w:pageBreakBefore/>")
		}
		if p.indent > 0 {
			fmt.Fprintf(b.out, `<w:ind w:firstLine="%d"/>`, int(20*min(p.indent*p.scale, maxSheet)))
		}
		if p.align != "" {
			fmt.Fprintf(b.out, `<w:jc w:val="%s"/>`, p.align)
		}
		if endsSection {
			b.writeSection()
		}
		b.out.WriteString("</w:pPr>")
	}
	halfPoints := 0
	if p.size > 0 {
		halfPoints = int(math.Round(2 * min(max(p.size*p.scale, minType), maxType)))
	}
	// Word breaks lines of Khmer at zero-width spaces only.
	for _, r := range splitScripts(khmer.BreakWords(p.text)) {
		b.writeRun(r, halfPoints)
	}
	b.out.WriteString("</w:p>")
}

// writeRun writes text of one script. Khmer is complex script to a word processor: w:cs makes it take the font and the
// size meant for that whatever the characters are, and w:lang decides shaping and line breaks.
func (b *docxBody) writeRun(r run, halfPoints int) {
	b.out.WriteString("<w:r>")
	if r.khmer || halfPoints > 0 {
		b.out.WriteString("<w:rPr>")
		if r.khmer {
			b.out.WriteString(`<w:rFonts w:ascii="Khmer OS Battambang" w:hAnsi="Khmer OS Battambang" w:cs="Khmer OS Battambang"/>`)
		}
		if halfPoints > 0 {
			fmt.Fprintf(b.out, `<w:sz w:val="%d"/><w:szCs w:val="%[1]d"/>`, halfPoints)
		}
		if r.khmer {
			b.out.WriteString(`<w:cs/><w:lang w:bidi="km-KH"/>`)
		}
		b.out.WriteString("</w:rPr>")
	}
	b.out.WriteString(`<w:t xml:space="preserve">`)
	xml.EscapeText(b.out, []byte(r.text))
	b.out.WriteString("</w:t></w:r>")
}

func (b *docxBody) writeSection() {
	orientation := ""
	if b.sheet.width > b.sheet.height {
		orientation = ` w:orient="landscape"`
	}
	fmt.Fprintf(b.out, `<w:sectPr><w:pgSz w:w="%d" w:h="%d"%s/>`+
		`<w:pgMar w:top="%d" w:right="%[4]d" w:bottom="%[4]d" w:left="%[4]d" w:header="%d" w:footer="%[5]d" w:gutter="0"/></w:sectPr>`,
		b.sheet.width, b.sheet.height, orientation, b.sheet.margin(), b.sheet.margin()/2)
}

// sheet is the paper of a page, in twentieths of a point.
type sheet struct {
	width, height int
	// scale from the page to the sheet.
	scale float64
}

const (
	// maxSheet is the longest side that Word takes, in points: 22 inches. Larger pages, such as images that do not say
	// their resolution, are scaled down to it.
	maxSheet = 22 * 72
	// minSheet is the shortest side in points on which a column of text is of use.
	minSheet = 72
	// minType and maxType are the sizes in points between which Word takes type.
	minType, maxType = 1, 1638
	// a4Width and a4Height in points stand in for a size that is not known, where no page before has one.
	a4Width, a4Height = 595.3, 841.9
)

func sheetOf(page *Page) sheet {
	width, height := page.Width, page.Height
	if !hasSize(page) {
		width, height = a4Width, a4Height
	}
	scale := min(1, maxSheet/max(width, height))
	twips := func(points float64) int { return int(math.Round(20 * max(minSheet, points*scale))) }
	return sheet{width: twips(width), height: twips(height), scale: scale}
}

// hasSize is false of pages that failed before they were measured.
func hasSize(page *Page) bool {
	return isLength(page.Width) && isLength(page.Height) && page.Width > 0 && page.Height > 0
}

// alike is whether the sheets are of one size: scans of the same paper differ by a few pixels.
func (s sheet) alike(other sheet) bool {
	const tolerance = 0.02
	near := func(a, b int) bool { return math.Abs(float64(a-b)) <= tolerance*float64(b) }
	return near(s.width, other.width) && near(s.height, other.height)
}

// margin is a twelfth of the short side: less than is usual, since a header or a page number of the original stands in
// the text here.
func (s sheet) margin() int { return min(s.width, s.height) / 12 }
