package document

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// densePage is a full page of print: 34 lines of 8 words.
func densePage(number int) *Page {
	words := strings.Fields("សាលារៀន ភូមិឃុំ បណ្ណាល័យ សៀវភៅ រដ្ឋបាល report ការងារ ឆ្នាំ២០២៦")
	page := &Page{
		Number: number, Width: 595, Height: 842, Source: SourceOCR, Reason: "no_text_layer", Model: "khmer", DPI: 200,
		Confidence: 90.25, Milliseconds: 700, ProcessedAt: time.Date(2026, 3, 2, 8, 15, 5, 0, time.UTC),
	}
	for i := range 34 {
		top := 60 + 21*float64(i)
		line := Line{Box: Box{72, top, 523.5, top + 16.25}, Confidence: 90.25, FontSize: 12}
		for j := range words {
			// The numbers keep the words apart, so that the benchmark does not measure a page that compresses to nothing.
			word := words[(i+j)%len(words)] + strconv.Itoa(number*7919+i*31+j)
			left := 72 + 56*float64(j)
			line.Words = append(line.Words, Word{Text: word, Box: Box{left, top, left + 50.5, top + 16.25}, Confidence: 90.25})
			line.Text += word + " "
		}
		page.Lines = append(page.Lines, line)
		page.Text += line.Text + "\n"
	}
	return page
}

// BenchmarkRender of a document of 300 full pages; MB/s are those of the result.
func BenchmarkRender(b *testing.B) {
	const count = 300
	pages := make([]*Page, count)
	for i := range pages {
		pages[i] = densePage(i + 1)
	}
	for _, spec := range rendering() {
		b.Run(string(spec.name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var out countingWriter
				if err := Render(&out, spec.name, Info{Pages: count}, each(pages, nil)); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(out.written))
			}
		})
	}
}
