package document

import (
	"encoding/xml"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
)

// hocrDPI is the resolution of pages that were not drawn: hOCR has no other unit than pixels.
const hocrDPI = 300

// renderHOCR writes hOCR 1.2 (http://kba.cloud/hocr-spec/1.2/) of the physical layout profile. It is XHTML that a parser of
// HTML reads alike.
func renderHOCR(w io.Writer, info Info, pages iter.Seq2[*Page, error]) error {
	out := newMarkup(w)
	out.WriteString(xml.Header + "<!DOCTYPE html>\n" + `<html xmlns="http://www.w3.org/1999/xhtml">` + "\n<head>\n<title>")
	out.text(info.FileName)
	fmt.Fprintf(out, `</title>
<meta charset="utf-8"/>
<meta name="ocr-system" content="khocr"/>
<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf ocrp_font ocrp_lang"/>
<meta name="ocr-number-of-pages" content="%d"/>
<meta name="ocr-langs" content="unknown"/>
</head>
<body>`, info.Pages)
	for page, err := range pages {
		if err != nil {
			return err
		}
		newHOCRPage(out, page).write(page)
		if err := out.Flush(); err != nil {
			return err
		}
	}
	out.WriteString("\n</body>\n</html>\n")
	return out.Flush()
}

type hocrPage struct {
	markup
	number, dpi int
	// paragraphs and lines so far, which their names are numbered by.
	paragraphs, lines int
}

func newHOCRPage(out markup, page *Page) *hocrPage {
	dpi := page.DPI
	if dpi <= 0 {
		dpi = hocrDPI
	}
	return &hocrPage{markup: out, number: page.Number, dpi: dpi}
}

func (p *hocrPage) write(page *Page) {
	fmt.Fprintf(p, "\n"+`<div class="ocr_page" id="page_%d" title="`, p.number)
	p.box(Box{0, 0, page.Width, page.Height})
	fmt.Fprintf(p, `; ppageno %d; scan_res %d %[2]d">`, p.number-1, p.dpi)
	for i, column := range columnsOf(page) {
		fmt.Fprintf(p, "\n"+`<div class="ocr_carea" id="carea_%d_%d"`, p.number, i+1)
		p.title(around(column.lines))
		for _, lines := range column.paragraphs {
			p.paragraph(lines)
		}
		p.WriteString("\n</div>")
	}
	p.WriteString("\n</div>")
}

func (p *hocrPage) paragraph(lines []Line) {
	p.paragraphs++
	fmt.Fprintf(p, "\n"+`<p class="ocr_par" id="par_%d_%d"`, p.number, p.paragraphs)
	p.title(around(lines))
	for _, line := range lines {
		p.lines++
		fmt.Fprintf(p, "\n"+`<span class="ocr_line" id="line_%d_%d"`, p.number, p.lines)
		var size []string
		if line.FontSize > 0 {
			size = []string{"x_fsize " + strconv.FormatFloat(shown(line.FontSize), 'f', -1, 64)}
		}
		p.title(line.Box, size...)
		for i, word := range line.Words {
			if i > 0 {
				p.WriteByte(' ')
			}
			p.word(word)
		}
		p.WriteString("</span>")
	}
	p.WriteString("\n</p>")
}

func (p *hocrPage) word(word Word) {
	p.WriteString(`<span class="ocrx_word" title="`)
	if !word.Box.IsZero() {
		p.box(word.Box)
		p.WriteString("; ")
	}
	p.WriteString("x_wconf ")
	p.whole(word.Confidence)
	if isKhmer(word.Text) {
		p.WriteString(`" lang="km" xml:lang="km`)
	}
	p.WriteString(`">`)
	p.text(word.Text)
	p.WriteString("</span>")
}

// title ends the start tag of an element with its box, where its place is known, and what else is to be said of it.
func (p *hocrPage) title(box Box, properties ...string) {
	if box.IsZero() && len(properties) == 0 {
		p.WriteByte('>')
		return
	}
	p.WriteString(` title="`)
	if !box.IsZero() {
		p.box(box)
		if len(properties) > 0 {
			p.WriteString("; ")
		}
	}
	p.WriteString(strings.Join(properties, "; ") + `">`)
}

// box writes a box in pixels.
func (p *hocrPage) box(box Box) {
	p.WriteString("bbox")
	for _, points := range box {
		p.WriteByte(' ')
		p.whole(points / 72 * float64(p.dpi))
	}
}
