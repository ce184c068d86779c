package document

import (
	"encoding/xml"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"
)

// altoUnit are the parts of an inch that lengths are given in. ALTO's other units are pixels, which differ from page to page,
// and tenths of a millimetre, which are coarser.
const altoUnit = 1200

// renderALTO writes ALTO 4.4 (https://www.loc.gov/standards/alto/). Styles would stand before the first page, when sizes of
// type are not known yet, so there are none.
func renderALTO(w io.Writer, info Info, pages iter.Seq2[*Page, error]) error {
	out := altoMarkup{newMarkup(w)}
	out.head(info)
	for page, err := range pages {
		if err != nil {
			return err
		}
		out.page(page)
		if err := out.Flush(); err != nil {
			return err
		}
	}
	out.WriteString("\n</Layout>\n</alto>\n")
	return out.Flush()
}

type altoMarkup struct{ markup }

func (m altoMarkup) head(info Info) {
	m.WriteString(xml.Header + `<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"` +
		` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.loc.gov/standards/alto/ns-v4#` +
		` http://www.loc.gov/standards/alto/v4/alto-4-4.xsd" SCHEMAVERSION="4.4">` + "\n<Description>\n" +
		"<MeasurementUnit>inch1200</MeasurementUnit>\n<sourceImageInformation><fileName>")
	m.text(info.FileName)
	m.WriteString("</fileName><documentIdentifier>")
	m.text(info.ID)
	m.WriteString("</documentIdentifier></sourceImageInformation>\n" + `<Processing ID="khocr">`)
	if !info.FinishedAt.IsZero() {
		fmt.Fprintf(m, "<processingDateTime>%s</processingDateTime>", info.FinishedAt.UTC().Format(time.RFC3339))
	}
	if info.Model != "" {
		m.WriteString("<processingStepSettings>model ")
		m.text(info.Model)
		m.WriteString("</processingStepSettings>")
	}
	m.WriteString("<processingSoftware><softwareName>khocr</softwareName></processingSoftware></Processing>\n</Description>\n<Layout>")
}

func (m altoMarkup) page(page *Page) {
	columns := columnsOf(page)
	fmt.Fprintf(m, "\n"+`<Page ID="page_%d" PHYSICAL_IMG_NR="%[1]d"`, page.Number)
	m.length("WIDTH", page.Width)
	m.length("HEIGHT", page.Height)
	if len(columns) > 0 {
		m.share("PC", page.Confidence)
	}
	m.WriteString("><PrintSpace")
	m.place(Box{0, 0, page.Width, page.Height})
	m.WriteByte('>')
	block, line := 0, 0
	for _, column := range columns {
		for _, lines := range column.paragraphs {
			block++
			fmt.Fprintf(m, "\n"+`<TextBlock ID="block_%d_%d"`, page.Number, block)
			m.box(around(lines))
			m.WriteByte('>')
			for i := range lines {
				line++
				fmt.Fprintf(m, "\n"+`<TextLine ID="line_%d_%d"`, page.Number, line)
				m.line(&lines[i])
			}
			m.WriteString("\n</TextBlock>")
		}
	}
	m.WriteString("\n</PrintSpace></Page>")
}

func (m altoMarkup) line(line *Line) {
	m.box(line.Box)
	m.WriteByte('>')
	for i, word := range line.Words {
		if i > 0 {
			m.WriteString("<SP")
			if before := line.Words[i-1].Box; !before.IsZero() && !word.Box.IsZero() {
				m.place(Box{before[2], line.Box[1], word.Box[0], line.Box[3]})
			}
			m.WriteString("/>")
		}
		m.WriteString("<String")
		m.box(word.Box)
		m.share("WC", word.Confidence)
		if isKhmer(word.Text) {
			m.WriteString(` LANG="km"`)
		}
		m.WriteString(` CONTENT="`)
		m.text(word.Text)
		m.WriteString(`"/>`)
	}
	m.WriteString("</TextLine>")
}

// box leaves out what is not known: ALTO wants no place of anything.
func (m altoMarkup) box(box Box) {
	if !box.IsZero() {
		m.place(box)
	}
}

func (m altoMarkup) place(box Box) {
	m.length("HPOS", box[0])
	m.length("VPOS", box[1])
	m.length("WIDTH", box[2]-box[0])
	m.length("HEIGHT", box[3]-box[1])
}

func (m altoMarkup) length(name string, points float64) {
	m.WriteByte(' ')
	m.WriteString(name)
	m.WriteString(`="`)
	m.whole(points / 72 * altoUnit)
	m.WriteByte('"')
}

// share writes a confidence from 0 to 1.
func (m altoMarkup) share(name string, percent float64) {
	m.WriteByte(' ')
	m.WriteString(name)
	m.WriteString(`="`)
	m.Write(strconv.AppendFloat(m.AvailableBuffer(), min(shown(percent/100), 1), 'f', 3, 64))
	m.WriteByte('"')
}
